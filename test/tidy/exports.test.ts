import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { defaultLimits } from '../../src/base/limits.ts'

const root = join(import.meta.dirname, '../..')
const paths = globSync(['vitest.config.ts', '{src,test,bench,pipelines}/**/*.{ts,js}'], { cwd: root })
const files = new Map(paths.map((path) => [path, readFileSync(join(root, path), 'utf8')]))

/**
 * Fields of connectors are found by their files (`test/cli/connectors-page.ts`), and tests write files of their own.
 */
const FOUND = /^src\/connectors\/\w[\w-]*\/describe\.ts$|\.test\.ts$/

/** The words of a file's code, without its comments. */
function wordsOf(text: string): ReadonlySet<string> {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/ .*$/gm, '')
  return new Set(code.match(/\w+/g))
}

test('what a file exports is named in another one', () => {
  const users = new Map<string, number>()
  for (const text of files.values()) for (const name of wordsOf(text)) users.set(name, (users.get(name) ?? 0) + 1)
  const unused = Array.from(files, ([path, text]) => {
    const exported = text.matchAll(/^export (?:abstract |async )?(?:const|function\*?|class) (\w+)/gm)
    return Array.from(exported, ([, name]) => name!)
      .filter((name) => !FOUND.test(path) && users.get(name)! < 2)
      .map((name) => `${path}: ${name}`)
  })
  expect(unused.flat()).toEqual([])
})

test('every limit bounds something', () => {
  const used = new Set<string>()
  for (const [path, text] of files) {
    if (path.startsWith('src/') && path !== 'src/base/limits.ts') for (const word of wordsOf(text)) used.add(word)
  }
  expect(Object.keys(defaultLimits).filter((limit) => !used.has(limit))).toEqual([])
})
