/** Makes the one file of `potoroo/browser`, with these files in the place of what Node has and a browser has not. */
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
