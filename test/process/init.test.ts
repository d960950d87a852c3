/** A project of one's own, as `potoroo init` makes it in a checkout; out of an installed package: `package.test.ts`. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkout, folder, Program, ran } from './fixture.ts'
import { tryOut } from './project.ts'

test('a project out of a checkout uses that checkout', async () => {
  const home = folder()
  const made = new Program(process.execPath, [checkout, 'init', 'words'], { cwd: home })
  expect(await made.ended, made.err).toMatchObject({ status: 0 })
  expect(made.out).toMatch(/it uses this checkout/)
  expect(readFileSync(join(home, 'words/README.md'), 'utf8')).toContain('It uses the checkout of Potoroo in `../')
  await tryOut(join(home, 'words'))
})

test('where a file of it is there already, none is written', async () => {
  const home = folder()
  writeFileSync(join(home, 'README.md'), 'mine')
  writeFileSync(join(home, 'word-count.ts'), 'mine too')
  const refused = await ran(['init'], { cwd: home })
  expect(refused).toMatchObject({ status: 2, out: '' })
  expect(refused.err).toMatch(/E_USAGE: README.md, word-count.ts are there already in \.; `init FOLDER`/)
  expect(readdirSync(home)).toEqual(['README.md', 'word-count.ts'])
})
