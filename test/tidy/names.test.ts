/**
 * What comments and pages name is there: files by their paths or the ends of them, members of classes, limits, errors,
 * metrics.
 */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { errorTable } from '../../src/base/errors.ts'
import { defaultLimits } from '../../src/base/limits.ts'

const root = join(import.meta.dirname, '../..')
const paths = globSync('{src,test,bench,pipelines,docker}/**/*.{ts,js}', { cwd: root })
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const sources = new Map(paths.filter((path) => path.startsWith('src/')).map((path) => [path, read(path)]))

/** What stands in comments of the code, and in pages outside of their examples, by file. */
const prose = new Map([
  ...Array.from(sources, ([path, text]) => {
    const comments = text.match(/\/\*\*[\s\S]*?\*\/|(?:^|[ \t])\/\/ .*$/gm) ?? []
    return [path, comments.join('\n')] as const
  }),
  ...globSync('{README.md,{docs,docs/decisions,src,bench,docker}/*.md}', { cwd: root }).map(
    (path) => [path, read(path).replace(/```[\s\S]*?```/g, '')] as const,
  ),
])

/** Everything in backquotes that has the form, with the file in which it stands. */
function named(form: RegExp): readonly { readonly at: string; readonly name: string }[] {
  const found = Array.from(prose, ([path, text]) =>
    Array.from(text.matchAll(/`([^`\n]+)`/g), ([, name]) => ({ at: path, name: name! })),
  )
  return found.flat().filter(({ name }) => form.test(name))
}

test('files that are named are there', () => {
  // What users write, such as `word-count.ts` of their own, is a name without a folder; what is installed stands
  // elsewhere.
  const files = named(/^(?!node_modules\/)[\w.-]+\/[\w./-]*\.(ts|js)$/)
  expect(files.length).toBeGreaterThan(200)
  const absent = files.filter(({ name }) => !paths.some((path) => path === name || path.endsWith(`/${name}`)))
  expect(absent).toEqual([])
})

test('members of classes that are named are there', () => {
  const classes = new Map<string, string>()
  for (const text of sources.values()) {
    for (const [, name] of text.matchAll(/^export (?:abstract )?class (\w+)/gm)) classes.set(name!, text)
  }
  const members = named(/^[A-Z]\w+\.\w+$/).filter(({ name }) => classes.has(name.split('.')[0]!))
  expect(members.length).toBeGreaterThan(10)
  const absent = members.filter(({ name }) => {
    const [owner, member] = name.split('.') as [string, string]
    return !new RegExp(String.raw`^  (?:[a-z]+ )*${member}\b`, 'm').test(classes.get(owner)!)
  })
  expect(absent).toEqual([])
})

test('limits, errors and metrics that are named are there', () => {
  const limits = named(/^limits\.\w+$/)
  const errors = named(/^E_[A-Z_]+[A-Z]$/)
  const metrics = named(/^potoroo_\w+$/)
  // It is written from the table of metrics (`test/cli/reference-page.ts`).
  const reference = read('docs/reference.md')
  expect(Math.min(limits.length, errors.length, metrics.length)).toBeGreaterThan(20)
  const absent = [
    ...limits.filter(({ name }) => !Object.hasOwn(defaultLimits, name.slice('limits.'.length))),
    ...errors.filter(({ name }) => !Object.hasOwn(errorTable, name)),
    ...metrics.filter(({ name }) => !reference.includes(`| \`${name}\` |`)),
  ]
  expect(absent).toEqual([])
})

test('nothing lies about that a merge, a patch or an editor has left', () => {
  const left = globSync('{src,test,bench,pipelines,docker,docs}/**/*.{orig,rej,bak,swp}', { cwd: root })
  expect(left).toEqual([])
})
