/** Reading the log of a worker's process: whatever stands in it, whoever wrote that. */
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { LogFile } from '../../src/cli/log-file.ts'

const line = JSON.stringify({ level: 'warn', code: 'worker.warning', message: '-'.repeat(10_000) })

function place(): string {
  const folder = mkdtempSync(join(tmpdir(), 'potoroo-log-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return `${folder}/worker.log`
}

test('what a pipeline writes to standard error is a line as it stands, JSON or not', () => {
  const path = place()
  const log = new LogFile(path)
  const written = ['null', '"text"', '[1]', '{"level":30,"msg":"hello"}', '{"code":"step.listening"}', 'at file.ts:3']
  writeFileSync(path, [...written, line, ''].join('\n'))
  expect(log.read()).toEqual([...written.map((code) => ({ level: 'error', code })), JSON.parse(line)])
})

test('a file that has grown too long goes on from nothing, also where what it had finds no room', () => {
  const path = place()
  const log = new LogFile(path)
  const fill = () => {
    appendFileSync(path, `${line}\n`.repeat(1700))
    expect(log.read()).toHaveLength(1700)
    expect(statSync(path).size).toBe(0)
  }
  fill()
  expect(readFileSync(`${path}.1`, 'utf8')).toContain(line)
  rmSync(`${path}.1`)
  symlinkSync('/dev/full', `${path}.1`)
  fill()
  expect(existsSync(`${path}.1`)).toBe(false)
})
