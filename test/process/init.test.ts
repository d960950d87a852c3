/** A project of one's own, as `potoroo init` makes it: out of an installed package, and out of a checkout. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { freePort } from '../../bench/workers/free-port.ts'
import { folder, Program, ran } from './fixture.ts'
import { npm, packed } from './packing.ts'

const FILES = ['.gitignore', 'README.md', 'package.json', 'tsconfig.json', 'word-count.test.ts', 'word-count.ts']

const install = (cwd: string, ...what: string[]) =>
  npm(
    cwd,
    'install',
    '--prefer-offline',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--engine-strict=false',
    ...what,
  )

/** Does in a project what its README says. */
async function tryOut(project: string): Promise<void> {
  await install(project)
  expect(await npm(project, 'test')).toMatch(/pass 1\n/)
  expect(await npm(project, 'run', 'check')).toMatch(/pipeline "word-count", 5 steps, no fault/)
  const port = await freePort()
  const file = join(project, 'word-count.ts')
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll('7001', String(port)))
  // What `npm start` runs, without npm in front, which would not take it with it at its end.
  const start = [join(project, 'node_modules/.bin/potoroo'), 'run', 'word-count.ts']
  const running = new Program(process.execPath, start, { cwd: project })
  await running.said(/lines listens on/)
  expect(await ran(['send', String(port)], { input: 'to be\n' })).toMatchObject({ status: 0 })
  await running.said(/{"word":"be","total":1}\n/)
  await running.said(/{"word":"to","total":1}\n/)
}

test('a project out of the installed package installs, passes its test and runs', async () => {
  const home = folder()
  writeFileSync(join(home, 'package.json'), '{}')
  await install(home, await packed(home))

  const installed = join(home, 'node_modules/potoroo/src/launch.js')
  const made = new Program(process.execPath, [installed, 'init', 'My Words'], { cwd: home })
  expect(await made.ended, made.err).toMatchObject({ status: 0 })
  expect(made.out).toMatch(/it uses the package file .*\.tgz/)
  expect(made.out).toContain("\n  cd 'My Words'\n")

  const project = join(home, 'My Words')
  expect(readdirSync(project).sort()).toEqual(FILES)
  expect(JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'))).toMatchObject({
    name: 'my-words',
    dependencies: { potoroo: expect.stringMatching(/^file:\.\.\/.*\.tgz$/) },
  })
  await tryOut(project)
})

test('a project out of a checkout uses that checkout', async () => {
  const home = folder()
  const made = await ran(['init', 'words'], { cwd: home })
  expect(made, made.err).toMatchObject({ status: 0, out: expect.stringMatching(/it uses this checkout/) })
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
