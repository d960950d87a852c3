/** Planted faults are found again by the text that they replace: it stands in its file, once. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

import { mutants } from '../sim/mutants.ts'

const root = join(import.meta.dirname, '../..')
const fault =
  /file: '(?<file>[\w./-]+)',(?:\s*\w+: [^\n]+,)*?\s*text:\s*(?<quoted>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")/g
const faults = globSync(['test/**/*mutants*.ts', 'test/**/mutants/*.ts'], { cwd: root }).flatMap((path) =>
  Array.from(readFileSync(join(root, path), 'utf8').matchAll(fault), ({ groups }) => {
    const { file, quoted } = groups as { readonly file: string; readonly quoted: string }
    const text = quoted.slice(1, -1).replace(/\\(.)/g, (_, sign: string) => (sign === 'n' ? '\n' : sign))
    return { path, file, text }
  }),
)

test('every text that a planted fault replaces stands in its file, once', () => {
  expect(faults.length).toBeGreaterThan(100)
  const lost = faults.filter(({ file, text }) => readFileSync(join(root, file), 'utf8').split(text).length !== 2)
  expect(lost).toEqual([])
})

test('the page of planted faults has a row for each of them, and no other', () => {
  const page = readFileSync(join(root, 'test/sim/mutants.md'), 'utf8')
  const rows = Array.from(page.matchAll(/^\| ([\w-]+) \| `([^`]+)` \|/gm), ([, name, file]) => `${name} in ${file}`)
  expect(rows.toSorted()).toEqual(mutants.map(({ name, file }) => `${name} in ${file}`).toSorted())
})
