/**
 * Whole systems: the seeds that have found something, and fresh ones of every day. They run in a process of their own, as
 * on the command line, where the code runs as it is.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import seeds from './seeds.json' with { type: 'json' }

const program = fileURLToPath(new URL('./main.ts', import.meta.url))

function sim(...args: readonly string[]): { readonly status: number | null; readonly output: string } {
  const options = ['--conditions=source', '--no-warnings', program, ...args]
  const { status, stdout, stderr } = spawnSync(process.execPath, options, { encoding: 'utf8' })
  return { status, output: stdout + stderr }
}

test('seeds that found something', () => {
  const { status, output } = sim(...seeds.map(({ seed }) => String(seed)))
  expect(status, output).toBe(0)
})

test('fresh seeds', { timeout: 60_000 }, () => {
  const from = 1_000_000 + (Date.now() % 1_000_000_000)
  const { status, output } = sim('--seeds', '300', '--seconds', '8', '--from', String(from))
  process.stdout.write(output)
  expect(status, output).toBe(0)
})

test('a system is a function of its seed', () => {
  const [one, two] = [sim('300'), sim('300')]
  expect(one.output).toContain('nothing is wrong')
  expect(two).toEqual(one)
})
