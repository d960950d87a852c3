/** What pages tell people to type is there: commands of `potoroo` with their flags, and scripts with their names. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { expect, test } from 'vitest'
import { makeProgram } from '../../src/cli/program.ts'

const root = join(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const pages = globSync('{README.md,{docs,docs/decisions,src,bench,docker}/*.md}', { cwd: root })

/** What stands in code on the pages: lines of examples, joined where they go on, and what is in backquotes. */
const typed = pages.flatMap((page) => {
  const text = read(page)
  const examples = Array.from(text.matchAll(/```sh\n([\s\S]*?)```/g), ([, block]) =>
    block!.replace(/\\\n/g, ' ').split('\n'),
  )
  const inline = Array.from(text.replace(/```[\s\S]*?```/g, '').matchAll(/`([^`\n]+)`/g), ([, code]) => code!)
  return [...examples.flat(), ...inline].map((line) => ({ page, line: line.replace(/\s#.*$/, '') }))
})

/** What commander brings itself, and a message that begins with the program's name. */
const OTHERS = ['help', 'needs']

/** Why `words` are no call of `program`; `null` where they are one. */
function complaint(program: Command, words: readonly string[]): string | null {
  const [name = ''] = words
  if (OTHERS.includes(name)) return null
  let command = program
  for (const word of words) {
    const inner = command.commands.find((one) => one.name() === word)
    if (inner !== undefined) command = inner
    else if (word === name && /^[a-z-]+$/.test(word)) return `there is no command ${word}`
    if (!word.startsWith('--')) continue
    const flag = word.split('=')[0]!
    const byDefault = command.commands.flatMap(({ options }) => options)
    const known = [...command.options, ...byDefault, ...program.options].some(({ long }) => long === flag)
    if (!known && flag !== '--help') return `${command.name()} has no ${flag}`
  }
  return null
}

test('commands of potoroo, and their flags', async () => {
  const program = await makeProgram()
  const calls = typed.flatMap(({ page, line }) =>
    Array.from(line.matchAll(/(?:^|[|(]\s*|npx )potoroo ([^|)&]+)/g), ([, rest]) => ({ page, rest: rest!.trim() })),
  )
  expect(calls.length).toBeGreaterThan(100)
  const wrong = calls.flatMap(({ page, rest }) => {
    const reason = complaint(program, rest.split(/\s+/))
    return reason === null ? [] : [`${page}: potoroo ${rest}: ${reason}`]
  })
  expect(wrong).toEqual([])
})

test('scripts, proofs and benches', () => {
  const { scripts } = JSON.parse(read('package.json')) as { readonly scripts: Readonly<Record<string, string>> }
  // What `init` gives a project is its own.
  const projects = ['dev']
  const calls = typed.flatMap(({ page, line }) =>
    Array.from(line.matchAll(/npm run ([a-z]+)(?: -- ([a-z][a-z0-9-]*))?/g), ([call, script, name]) => ({
      ...{ page, call, script: script!, name },
    })),
  )
  expect(calls.length).toBeGreaterThan(50)
  const folders: Readonly<Record<string, string>> = { bench: 'bench', prove: 'bench/prove' }
  const wrong = calls.filter(({ script, name }) => {
    if (projects.includes(script)) return false
    const file = name === undefined ? null : `${folders[script]}/${name}.ts`
    return !(script in scripts) || (script in folders && file !== null && !existsSync(join(root, file)))
  })
  expect(wrong).toEqual([])
})
