/** What comments and pages name in the code is there: files by their paths or the ends of them, and members of classes. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

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
  // What users write, such as `word-count.ts` of their own, is a name without a folder; what is installed stands elsewhere.
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
