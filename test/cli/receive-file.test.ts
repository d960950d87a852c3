import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { RecordFile, recordsIn, requireOne } from '../../src/cli/receive-file.ts'
import { lines } from '../../src/model/framing.ts'

test('a file goes on behind its last whole record, however long sinks have made them', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'receive-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'rows')
  const long = Buffer.alloc(2 << 20, 'x')
  writeFileSync(path, Buffer.concat([...lines().frame(long), Buffer.from('short\nto')]))
  expect(await recordsIn(path, lines())).toBe(2)
  expect(readFileSync(path).subarray(long.length).toString()).toBe('\nshort\n')
  expect(await recordsIn(join(folder, 'absent'), lines())).toBe(0)
  expect(() => requireOne(lines(), long)).not.toThrow()
  expect(() => requireOne(lines(), Buffer.from('a\nb'))).toThrow(/reads as 2/)
})

test('what is written is brought to the disk soon after, and nothing more is taken while that lasts', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'receive-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'rows')
  const syncs: (() => void)[] = []
  const asked = Promise.withResolvers<void>()
  const errors: Error[] = []
  const file = new RecordFile(
    path,
    true,
    (error) => errors.push(error),
    (_, done) => {
      syncs.push(() => done(null))
      asked.resolve()
    },
  )
  expect(file.write(Buffer.from('one\n'))).toBeUndefined()
  await asked.promise
  expect(readFileSync(path, 'utf8')).toBe('one\n')
  let waited = true
  const busy = Promise.resolve(file.write(Buffer.from('two\n'))).then(() => (waited = false))
  await new Promise(setImmediate)
  expect(waited).toBe(true)
  syncs[0]!()
  await busy
  await file.close()
  expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n')
  expect(errors).toEqual([])
})
