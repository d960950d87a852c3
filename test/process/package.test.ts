/** The package as users get it: packed, installed in an empty folder, and the README's example run there. */
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folder, Program, root } from './fixture.ts'
import { npm, packed } from './packing.ts'

test("the packed package installs in an empty folder and runs the README's example", async () => {
  const app = folder()
  const tarball = await packed(app)
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'app', type: 'module', private: true }))
  await npm(app, 'install', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', tarball)

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
