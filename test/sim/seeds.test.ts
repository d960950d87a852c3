/**
 * Whole systems and clusters: the seeds that have found something, some that nobody has run, and a small system that is
 * killed at each point. They run in a process of their own, as on the command line, where the code runs as it is.
 *
 * F1. Fresh seeds are those of the minute in which the test runs (`options.ts`). One that finds something is printed with the command that
 *     runs it again; once it is understood it goes into `seeds.json`.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import clusters from './clusters/seeds.json' with { type: 'json' }
import { mutants } from './mutants.ts'
import seeds from './seeds.json' with { type: 'json' }

const program = fileURLToPath(new URL('./main.ts', import.meta.url))

const FRESH_SECONDS = '8'

function sim(...args: readonly string[]): { readonly status: number | null; readonly output: string } {
  const options = ['--conditions=source', '--no-warnings', program, ...args]
  const { status, stdout, stderr } = spawnSync(process.execPath, options, { encoding: 'utf8' })
  return { status, output: stdout + stderr }
}

/** The clusters of `clusters/seeds.json`, by how they are bent. */
function bentClusters(): [bend: string, seeds: string[]][] {
  const all: readonly { readonly seed: number; readonly bend?: string }[] = clusters
  const byBend = Map.groupBy(all, ({ bend = 'not' }) => bend)
  return [...byBend].map(([bend, some]) => [bend, some.map(({ seed }) => String(seed))])
}

test('seeds that found something', { timeout: 120_000 }, () => {
  const { status, output } = sim('--alone', ...seeds.map(({ seed }) => String(seed)))
  expect(status, output).toBe(0)
})

test.each(bentClusters())('clusters that found something, bent: %s', { timeout: 120_000 }, (bend, seeds) => {
  const options = bend === 'not' ? [] : ['--bend', bend]
  const { status, output } = sim(...options, ...seeds)
  expect(status, output).toBe(0)
})

test.each([
  ['systems', ['--alone']],
  ['clusters', []],
])('fresh %s', { timeout: 120_000 }, (_, kind) => {
  const { status, output } = sim(...kind, '--fresh', '--seconds', FRESH_SECONDS, '--jobs', '1')
  expect(status, output).toBe(0)
  expect(output).toMatch(/from seed [1-9]\d{9} on, each with/)
})

test('every planted fault fits the code', () => {
  const misfits = mutants.filter(({ file, text }) => {
    const source = readFileSync(fileURLToPath(new URL(`../../${file}`, import.meta.url)), 'utf8')
    return source.split(text).length !== 2
  })
  expect(misfits.map(({ name }) => name)).toEqual([])
})

test('a small system, killed at each of its points', { timeout: 120_000 }, () => {
  const { status, output } = sim('--alone', '--enumerate', '--seeds', '1', '--pairs', '0', '--blow', 'kill')
  expect(status, output).toBe(0)
})

test('a system is a function of its seed', () => {
  const [one, two] = [sim('--alone', '300'), sim('--alone', '300')]
  expect(one.output).toContain('nothing is wrong')
  expect(two).toEqual(one)
})
