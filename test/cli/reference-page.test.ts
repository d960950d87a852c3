import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeProgram } from '../../src/cli/program.ts'
import { referencePage } from './reference-page.ts'

test('docs/reference.md says what the program says (write it anew with `vitest run -u`)', async () => {
  await expect(await referencePage()).toMatchFileSnapshot('../../docs/reference.md')
})

test('the README names every command', async () => {
  const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8')
  const [, section] = /^## The command line\n([\s\S]*?)^## /m.exec(readme)!
  const named = new Set(Array.from(section!.matchAll(/`([a-z-]+)/g), ([, name]) => name))
  const { commands } = await makeProgram()
  expect(commands.map((command) => command.name()).filter((name) => !named.has(name))).toEqual([])
})
