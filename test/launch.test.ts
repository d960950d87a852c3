/** The launcher, in processes of its own: which Node it takes, what it starts, and with which flags. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { transformSync } from 'esbuild'
import { afterAll, beforeAll, expect, test } from 'vitest'

const LAUNCH = fileURLToPath(new URL('../src/launch.js', import.meta.url))
const MAIN =
  'console.log(JSON.stringify({ from: import.meta.url, pid: process.pid, argv: process.argv.slice(2), flags: process.execArgv }))'

let root = ''
beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'potoroo-launch-')))
})
afterAll(() => {
  rmSync(root, { recursive: true })
})

/** A package with the launcher and command lines that print what they were given. */
function packageAt(folder: string, mains: readonly string[]): string {
  for (const main of mains) {
    const path = join(root, folder, main)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, path.endsWith('.ts') ? `const typed: number = 1\n${MAIN}` : MAIN)
  }
  mkdirSync(join(root, folder, 'src'), { recursive: true })
  writeFileSync(join(root, folder, 'package.json'), '{ "type": "module" }')
  cpSync(LAUNCH, join(root, folder, 'src/launch.js'))
  return join(root, folder, 'src/launch.js')
}

function launch(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const env = { PATH: process.env.PATH, ...environment }
  const { status, stdout, stderr, pid } = spawnSync(process.execPath, args, { encoding: 'utf8', env })
  return { status, stderr, pid, said: stdout === '' ? null : JSON.parse(stdout) }
}

const WORKER_FLAGS = [
  '--max-semi-space-size=8',
  '--v8-pool-size=0',
  '--heap-growing-percent=100',
  '--initial-old-space-size=256',
  '--max-inlined-bytecode-size-cumulative=2000',
]
const BOTH = ['src/cli/main.ts', 'dist/cli/main.js']

test('the sources run in a checkout, and what was built in an installed package', () => {
  expect(launch([packageAt('checkout', BOTH), 'status']).said.from).toMatch(/checkout\/src\/cli\/main\.ts$/)
  expect(launch([packageAt('app/node_modules/potoroo', BOTH), 'status']).said.from).toMatch(/dist\/cli\/main\.js$/)
  expect(launch(['--no-strip-types', packageAt('checkout', BOTH), 'status']).said.from).toMatch(/dist\/cli\/main\.js$/)
})

test('a package that was not built says so', () => {
  expect(launch([packageAt('bare', []), 'status'])).toMatchObject({ status: 1, said: null, stderr: /npm run build/ })
})

test('a command that runs a worker gets what its collector needs, in the same process', () => {
  const file = packageAt('flags', BOTH)
  const { said, pid, stderr } = launch([file, '--json', 'run', 'a.ts', '--param', 'x=1'])
  expect(said).toMatchObject({
    argv: ['--json', 'run', 'a.ts', '--param', 'x=1'],
    flags: WORKER_FLAGS,
    pid,
  })
  expect(stderr).toBe('')
})

test('other commands, and what was chosen, are left alone', () => {
  const file = packageAt('left', BOTH)
  const rest = WORKER_FLAGS.slice(1)
  expect(launch([file, 'status']).said.flags).toEqual([])
  const chosen = '--max-semi-space-size=16'
  expect(launch([chosen, file, 'run']).said.flags).toEqual([chosen, ...rest])
  expect(launch([file, 'run'], { NODE_OPTIONS: '--max_semi_space_size=16' }).said.flags).toEqual(rest)
  expect(launch([chosen, ...rest, file, 'run']).said.flags).toEqual([chosen, ...rest])
})

test('an old Node is told in one line what is needed', () => {
  const old = "Object.defineProperty(process.versions, 'node', { value: '18.20.8' })"
  const { status, stderr } = launch(['--import', `data:text/javascript,${encodeURIComponent(old)}`, LAUNCH, 'run'])
  expect(status).toBe(1)
  expect(stderr).toMatch(/^potoroo needs Node 24 or newer, and this is Node 18\.20\.8 .*nodejs\.org.*npx potoroo`\n$/)
})

test('an old Node can read the launcher', () => {
  const text = readFileSync(LAUNCH, 'utf8')
  const supported = { 'dynamic-import': true }
  const forTarget = (target: string) => transformSync(text, { target, format: 'esm', supported }).code
  expect(forTarget('node12.17')).toBe(forTarget('esnext'))
})
