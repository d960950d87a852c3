/**
 * Whole systems: the seeds that have found something, and a small one that is killed at each point. They run in a process of their own, as on the command line, where
 * the code runs as it is. Fresh seeds are run by `npm run sim -- --seeds N --from SEED`.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import clusters from './clusters/seeds.json' with { type: 'json' }
import { mutants } from './mutants.ts'
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

test('clusters that found something', { timeout: 120_000 }, () => {
  const { status, output } = sim('--clusters', ...clusters.map(({ seed }) => String(seed)))
  expect(status, output).toBe(0)
})

test('every planted fault fits the code', () => {
  const misfits = mutants.filter(({ file, text }) => {
    const source = readFileSync(fileURLToPath(new URL(`../../${file}`, import.meta.url)), 'utf8')
    return source.split(text).length !== 2
  })
  expect(misfits.map(({ name }) => name)).toEqual([])
})

test('a small system, killed at each of its points', { timeout: 120_000 }, () => {
  const { status, output } = sim('--enumerate', '--seeds', '1', '--pairs', '0', '--blow', 'kill')
  expect(status, output).toBe(0)
})

test('a system is a function of its seed', () => {
  const [one, two] = [sim('300'), sim('300')]
  expect(one.output).toContain('nothing is wrong')
  expect(two).toEqual(one)
})
