import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const paths = globSync('{src,test,bench,pipelines}/**/*.{ts,js}', { cwd: root })
const files = new Map(paths.map((path) => [path, readFileSync(join(root, path), 'utf8')]))

/** Fields of connectors are found by their files (`test/cli/connectors-page.ts`). */
const FOUND = /^src\/connectors\/\w[\w-]*\/describe\.ts$/

test('what a file exports is named in another one', () => {
  const users = new Map<string, number>()
  for (const text of files.values()) {
    const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/ .*$/gm, '')
    for (const name of new Set(code.match(/\w+/g))) users.set(name, (users.get(name) ?? 0) + 1)
  }
  const unused = Array.from(files, ([path, text]) => {
    const exported = text.matchAll(/^export (?:abstract |async )?(?:const|function\*?|class) (\w+)/gm)
    return Array.from(exported, ([, name]) => name!)
      .filter((name) => path.startsWith('src/') && !FOUND.test(path) && users.get(name)! < 2)
      .map((name) => `${path}: ${name}`)
  })
  expect(unused.flat()).toEqual([])
})
