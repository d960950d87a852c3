/**
 * The package file, as `npm pack` makes it. It is packed out of a copy: packing builds, which takes away what was built before,
 * and other tests beside this one use that of the checkout.
 */
import { cpSync, symlinkSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { expect } from 'vitest'
import { folder, Program, root } from './fixture.ts'

/** What the package is made of. */
const PARTS = ['package.json', 'tsconfig.json', 'README.md', 'LICENSE', 'src', 'pipelines', 'docs']

/** npm with the Node that runs this test, whatever else the machine has. */
export async function npm(cwd: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}` }
  const program = new Program('npm', args, { cwd, env })
  expect(await program.ended, program.out + program.err).toMatchObject({ status: 0 })
  return program.out
}

/** Makes the package file in `into`; answers its path. */
export async function packed(into: string): Promise<string> {
  const copy = folder()
  for (const part of PARTS) cpSync(join(root, part), join(copy, part), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  const files = JSON.parse(await npm(copy, 'pack', '--json', '--silent', '--pack-destination', into))
  return join(into, (files as { filename: string }[])[0]!.filename)
}
