import { expect, test } from 'vitest'
import { errorTable } from '../../src/base/errors.ts'
import { makeProgram } from '../../src/cli/program.ts'
import { errorSections, errorsPage } from './errors-page.ts'

test('docs/errors.md says what the table says (write it anew with `vitest run -u`)', async () => {
  await expect(errorsPage()).toMatchFileSnapshot('../../docs/errors.md')
})

test('every error stands in a section, in the order of the table', () => {
  expect(Object.values(errorSections).flatMap((section) => Object.keys(section))).toEqual(Object.keys(errorTable))
})

test('every command that a remedy names is there', async () => {
  const { commands } = await makeProgram()
  for (const [code, { remedy }] of Object.entries(errorTable)) {
    for (const [, words] of remedy.matchAll(/`potoroo ([^`]+)`/g)) {
      const [name, inner] = words!.split(' ')
      if (name!.startsWith('{') || name === 'help') continue
      const command = commands.find((one) => one.name() === name)
      expect(command, `${code} names potoroo ${words}`).toBeDefined()
      if (command!.commands.length > 0) expect(command!.commands.map((one) => one.name())).toContain(inner)
    }
  }
})
