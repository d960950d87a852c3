import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { citationsOf, invariantsOf, sectionsOf } from './citations.ts'

const src = join(import.meta.dirname, '../../src')
const files = new Map(globSync('**/*.ts', { cwd: src }).map((path) => [path, readFileSync(join(src, path), 'utf8')]))
const heads = new Map(Array.from(files, ([path, text]) => [path, invariantsOf(text)]))
const protocols = readFileSync(join(src, 'PROTOCOLS.md'), 'utf8')

/** Whether a file of that name, or that path, defines the number. */
const defines = (of: string, name: string): boolean =>
  Array.from(heads).some(([path, names]) => `/${path}`.endsWith(`/${of}`) && names.includes(name))

test('C1: every invariant that a comment cites stands where it says', () => {
  const missing = Array.from(files, ([path, text]) =>
    citationsOf(text)
      .filter(({ of, name }) => (of === 'PROTOCOLS' ? !protocols.includes(`**${name}**`) : !defines(of ?? path, name)))
      .map(({ line, name, of }) => `${path}:${line} ${name}${of === null ? '' : ` of ${of}`}`),
  )
  expect(missing.flat()).toEqual([])
})

test('C2: no head has a number twice', () => {
  for (const [path, names] of heads) expect(names, path).toEqual([...new Set(names)])
})

test('every section of the protocols that is cited is there', () => {
  const there = Array.from(protocols.matchAll(/^## (\d+)\. /gm), ([, number]) => Number(number))
  const cited = new Set(Array.from(files.values(), sectionsOf).flat())
  expect(cited.size).toBeGreaterThan(10)
  for (const section of cited) expect(there).toContain(section)
})

test('every source file that a comment names is there', () => {
  const paths = [...files.keys(), ...globSync('{test,bench,pipelines}/**/*.ts', { cwd: join(src, '..') })]
  const missing = Array.from(files, ([path, text]) => {
    const named = Array.from(text.matchAll(/^\s*(?:\/?\*|\/\/).*?$/gm), ([line]) => line.match(/`[\w./-]+\.ts`/g) ?? [])
    return named
      .flat()
      .map((one) => one.slice(1, -1))
      .filter((one) => !paths.some((there) => `/${there}`.endsWith(`/${one}`)))
      .map((one) => `${path}: ${one}`)
  })
  expect(missing.flat()).toEqual([])
})

test('a citation is found in each of its forms', () => {
  const head =
    '/**\n * A head.\n *\n * A1. It is so (A2, and B1 of `other.ts`).\n * A2. `one/other.ts`, B2 and B3 too, as (PROTOCOLS 2, S4\n *     and S6) say; V8 is none.\n */\n'
  const cited = citationsOf(`${head}const text = 'A9' // C1`)
  const shown = cited.map(({ name, of, line }) => `${line} ${name} ${of}`)
  expect(shown).toEqual([
    '4 B1 other.ts',
    '5 B2 one/other.ts',
    '5 B3 one/other.ts',
    '5 S4 PROTOCOLS',
    '6 S6 PROTOCOLS',
    '4 A2 null',
    '8 C1 null',
  ])
  expect(invariantsOf(head)).toEqual(['A1', 'A2'])
  expect(sectionsOf('(PROTOCOLS 3, 12)')).toEqual([3, 12])
})
