/**
 * The package as it is built, made once for all tests of processes: it is what users run, and a worker out of it starts
 * in half the time of one whose six hundred sources are read one by one.
 */
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TestProject } from 'vitest/node'
import { bundle } from '../../build.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** What starts `potoroo` out of the package that was built. */
    readonly launcher?: string
  }
}

/** What is taken as it is, beside what is built and what it depends on. */
const PARTS = ['package.json', 'src/launch.js', 'pipelines', 'docs']

const root = fileURLToPath(new URL('../..', import.meta.url))

export default async function setup({ provide }: TestProject): Promise<() => void> {
  const home = mkdtempSync(join(tmpdir(), 'potoroo-built-'))
  // Below `node_modules`, where the launcher runs what was built, as for users.
  const installed = join(home, 'node_modules/potoroo')
  for (const part of PARTS) cpSync(join(root, part), join(installed, part), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(installed, 'node_modules'))
  await bundle(join(installed, 'dist'))
  provide('launcher', join(installed, 'src/launch.js'))
  return () => rmSync(home, { recursive: true })
}
