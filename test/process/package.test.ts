/**
 * The package as users get it: packed, installed in an empty folder, the README's example run there, and a project
 * made.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Program, root } from './fixture.ts'
import { install, packed } from './packing.ts'
import { tryOut } from './project.ts'

const FILES = ['.gitignore', 'README.md', 'package.json', 'tsconfig.json', 'word-count.test.ts', 'word-count.ts']

/** Where the package is installed. */
let app = ''
beforeAll(async () => {
  app = mkdtempSync(join(tmpdir(), 'potoroo-package-'))
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'app', type: 'module', private: true }))
  await install(app, await packed(app))
})
afterAll(() => rmSync(app, { recursive: true, force: true }))

test("the packed package installs in an empty folder and runs the README's example", async () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  writeFileSync(join(app, 'word-count.ts'), /```ts\n([\s\S]*?)```/.exec(readme)![1]!)

  const installed = join(app, 'node_modules/potoroo')
  const { exports } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
    exports: Record<string, { types: string; default: string }>
  }
  for (const { types, default: file } of Object.values(exports)) {
    expect(existsSync(join(installed, types)), types).toBe(true)
    expect(existsSync(join(installed, file)), file).toBe(true)
  }
  // A page loads this file and nothing else.
  const page = readFileSync(join(installed, exports['./browser']!.default), 'utf8')
  expect(page).not.toMatch(/^import|node:|\brequire\(/m)
  expect(page).toMatch(/^export \{[^}]*\bconnect\b/m)

  const args = [join(installed, 'src/launch.js'), 'run', 'word-count.ts', '--stdin', '--stdout']
  const run = new Program(process.execPath, args, { cwd: app })
  run.child.stdin!.end('to be or\nnot to be')
  expect(await run.ended, run.err).toEqual({ status: 0, signal: null })
  expect(run.out.trim().split('\n').sort()).toEqual(['be => 1', 'be => 2', 'not => 1', 'or => 1', 'to => 1', 'to => 2'])

  // The types are there for users too, who have those of Node.
  mkdirSync(join(app, 'node_modules/@types'), { recursive: true })
  symlinkSync(join(root, 'node_modules/@types/node'), join(app, 'node_modules/@types/node'))
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const settings = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024']
  const checked = new Program(process.execPath, [tsc, ...settings, 'word-count.ts'], { cwd: app })
  expect(await checked.ended, checked.out).toMatchObject({ status: 0 })
})

test('what is built of the package finds its own files: those of threads, and its frames in stacks', async () => {
  const sources = join(root, 'src')
  const texts = readdirSync(sources, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'))
  const begun = texts.flatMap((path) => [
    ...readFileSync(join(sources, path), 'utf8').matchAll(/ownModule\('(.+?)'\)/g),
  ])
  expect(begun.length).toBeGreaterThan(2)
  const installed = join(app, 'node_modules/potoroo')
  for (const [, module] of begun) expect(existsSync(join(installed, `dist/${module}.js`)), module).toBe(true)

  writeFileSync(join(app, 'thrown.ts'), "import { pipeline } from 'potoroo'\npipeline('p', 5)\n")
  writeFileSync(join(app, 'endless.ts'), 'for (;;);\n')
  writeFileSync(
    join(app, 'absent.mjs'),
    "import { pipeline } from 'potoroo'\nexport default pipeline('p', (p) => p.sink())\n",
  )
  const args = [join(installed, 'src/launch.js'), 'check', 'thrown.ts', 'endless.ts', 'absent.mjs']
  const env = { ...process.env, POTOROO_LIMITS_LOAD_TIMEOUT_MS: '2000' }
  const check = new Program(process.execPath, args, { cwd: app, env })
  expect(await check.ended, check.err).toMatchObject({ status: 2 })
  expect(check.out).toMatch(/E_SETTING: .* \(\S*thrown\.ts:2:1\)$/m)
  expect(check.out).toMatch(/E_STEP_ABSENT: .*p\.source\(.* \(\S*absent\.mjs:2:\d+\)$/m)
  expect(check.out).toMatch(/E_PIPELINE_SLOW: .*endless\.ts .*: it computes/)
})

test('a project out of the installed package installs, passes its test and runs', async () => {
  const installed = join(app, 'node_modules/potoroo/src/launch.js')
  const made = new Program(process.execPath, [installed, 'init', 'My Words'], { cwd: app })
  expect(await made.ended, made.err).toMatchObject({ status: 0 })
  expect(made.out).toMatch(/it uses the package file .*\.tgz/)
  expect(made.out).toContain("\n  cd 'My Words'\n")

  const project = join(app, 'My Words')
  expect(readdirSync(project).sort()).toEqual(FILES)
  expect(JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'))).toMatchObject({
    name: 'my-words',
    dependencies: { potoroo: expect.stringMatching(/^file:\.\.\/.*\.tgz$/) },
  })
  await tryOut(project)
})
