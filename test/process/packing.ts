/**
 * The package file, as `npm pack` makes it. It is packed out of a copy: packing builds, which takes away what was built
 * before, and other tests beside this one use that of the checkout.
 */
import { execFile } from 'node:child_process'
import { cpSync, rmSync, symlinkSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { root } from './fixture.ts'

/** What the package is made of. */
export const PARTS = ['package.json', 'build.ts', 'tsconfig.json', 'README.md', 'LICENSE', 'src', 'pipelines', 'docs']

const run = promisify(execFile)

/** npm with the Node that runs this test, whatever else the machine has. */
export async function npm(cwd: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}` }
  const { stdout } = await run('npm', args, { cwd, env, maxBuffer: 16 << 20 })
  return stdout
}

/** Installs in `cwd` what its `package.json` names, and `what`. */
export function install(cwd: string, ...what: string[]): Promise<string> {
  const quiet = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--engine-strict=false']
  return npm(cwd, 'install', ...quiet, ...what)
}

/** Makes the package file in `into`, where there is nothing else yet; answers its path. */
export async function packed(into: string): Promise<string> {
  const copy = join(into, 'copy')
  for (const part of PARTS) cpSync(join(root, part), join(copy, part), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  const files = JSON.parse(await npm(copy, 'pack', '--json', '--silent', '--pack-destination', into))
  rmSync(copy, { recursive: true })
  return join(into, (files as { filename: string }[])[0]!.filename)
}
