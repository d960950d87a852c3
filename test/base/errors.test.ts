import { globSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { errorTable } from '../../src/base/errors.ts'

const parts = globSync('src/base/errors/*.ts')
const codesOf = (text: string) => [...text.matchAll(/^ {2}(E_\w+): \{/gm)].map(([, code]) => code!)

test('E1: every row of every part is in the table, once', () => {
  const written = parts.flatMap((part) => codesOf(readFileSync(part, 'utf8')))
  expect(written.toSorted()).toEqual(Object.keys(errorTable).toSorted())
})

test('every error of the table can occur', () => {
  const code = globSync('src/**/*.ts', { exclude: parts }).map((file) => readFileSync(file, 'utf8'))
  const used = new Set(code.flatMap((text) => text.match(/\bE_\w+/g) ?? []))
  expect(Object.keys(errorTable).filter((one) => !used.has(one))).toEqual([])
})
