/**
 * Whole systems and clusters: the seeds that have found something, some that nobody has run, and a small system that is
 * killed at a third of its points. They run in a process of their own, as on the command line, where the code runs as
 * it is.
 *
 * F1. Fresh seeds are those of the minute in which the test runs (`options.ts`). One that finds something is printed
 *     with the command that runs it again; once it is understood it goes into `seeds.json`. So are the points of which
 *     every third is tried; all take half a minute.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test, vi } from 'vitest'
import { mutants } from './mutants.ts'

const program = fileURLToPath(new URL('./main.ts', import.meta.url))

const FRESH_SECONDS = '8'
const minute = Math.floor(Date.now() / 60_000)

// All clusters that have found something take 45 s on two processors, and took 210 where twelve programs wanted these.
vi.setConfig({ testTimeout: 900_000 })

function sim(...args: readonly string[]): { readonly status: number | null; readonly output: string } {
  const options = ['--conditions=source', '--no-warnings', program, ...args]
  const { status, stdout, stderr } = spawnSync(process.execPath, options, { encoding: 'utf8' })
  return { status, output: stdout + stderr }
}

test.each([
  ['systems', ['--alone']],
  ['clusters', []],
])('%s that found something', (_, kind) => {
  const { status, output } = sim(...kind, '--corpus')
  expect(status, output).toBe(0)
})

test.each([
  ['systems', ['--alone']],
  ['clusters', []],
])('fresh %s', (_, kind) => {
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

test('a small system, killed at every third of its points', () => {
  const part = `${minute % 3}/3`
  const single = ['--seeds', '1', '--pairs', '0', '--blow', 'kill', '--part', part]
  const { status, output } = sim('--alone', '--enumerate', ...single)
  expect(status, output).toBe(0)
})

test('a system is a function of its seed', () => {
  const [one, two] = [sim('--alone', '300'), sim('--alone', '300')]
  expect(one.output).toContain('nothing is wrong')
  expect(two).toEqual(one)
})
