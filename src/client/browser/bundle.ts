/**
 * Makes the one file of `potoroo/browser`, with these files in the place of what Node has and a browser has not. Run as a
 * program it writes it: `node src/client/browser/bundle.ts FILE`.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const here = import.meta.dirname

export async function bundleForBrowsers(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(here, '../../browser.ts')],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    minifySyntax: true,
    legalComments: 'none',
    inject: [join(here, 'buffer.ts')],
    alias: { 'node:zlib': join(here, 'zlib.ts'), 'node:events': join(here, 'events.ts') },
    banner: { js: '/* potoroo/browser: Apache-2.0 */' },
  })
  return outputFiles[0]!.text
}

if (process.argv[1] === import.meta.filename) writeFileSync(process.argv[2]!, await bundleForBrowsers())
