/**
 * Makes `dist`, what an installed package runs: a few large files in place of the six hundred modules of `src`, each of
 * which costs a process most of a millisecond when it starts; the types of all; and the one file for browsers.
 */
import { spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { bundleForBrowsers } from './src/client/browser/bundle.ts'

/** What is begun by its name, below `src`: the faces of the package, the command line, and the files of threads. */
const ENTRIES = [
  'index',
  'testing',
  'client',
  'cli/main',
  'worker/seat/detector/thread',
  'worker/seat/detector/store-thread',
  'worker/loading/load-trial-thread',
  'worker/loading/load-watch',
]

const root = import.meta.dirname
const src = join(root, 'src')

/** Makes what runs of `dist`, all but the types, in the folder `into`. */
export async function bundle(into: string): Promise<void> {
  await build({
    entryPoints: ENTRIES.map((name) => join(src, `${name}.ts`)),
    outbase: src,
    outdir: into,
    bundle: true,
    // What several of them need is in files of its own, so that it is the same for all.
    splitting: true,
    // One folder deep, from where base/own-files.ts finds the others.
    chunkNames: 'parts/[name]-[hash]',
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node24',
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'none',
    logLevel: 'warning',
  })
  writeFileSync(join(into, 'browser.js'), await bundleForBrowsers())
}

if (import.meta.main) {
  const dist = join(root, 'dist')
  rmSync(dist, { recursive: true, force: true })
  const { status } = spawnSync('tsc', ['-p', src], { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
  await bundle(dist)
}
