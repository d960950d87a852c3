/**
 * One worker against one of Bytewax: words of a file, counted.
 *
 * Bytewax's program is `peers/bytewax/word_count.py`; pip fetches Bytewax into a virtual environment beside it. Needs
 * Python, 3.8 to 3.12, with venv and pip. Not measured: sockets, several workers, latency.
 */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { bench } from './lib/main.ts'
import { againstPeer, prepare } from './lib/peer.ts'

const HOME = resolve(import.meta.dirname, 'peers/bytewax')
const PYTHON = join(HOME, 'venv/bin/python')
const VERSION = '0.21.1'

await bench('bytewax', async () => {
  if (!existsSync(PYTHON)) prepare('python3', ['-m', 'venv', 'venv'], HOME, 'install Python')
  prepare(PYTHON, ['-m', 'pip', 'install', '--quiet', `bytewax==${VERSION}`], HOME, 'install Python with venv')
  return againstPeer({
    name: 'bytewax',
    blocks: 12,
    start: (path, folder) => {
      prepare(PYTHON, ['-m', 'bytewax.recovery', folder, '1'], HOME, '')
      const recovery = ['--recovery-directory', folder, '--snapshot-interval', '1', '--backup-interval', '0']
      return { command: PYTHON, argv: ['-m', 'bytewax.run', `${HOME}/word_count:get_flow('${path}')`, ...recovery] }
    },
    reach: { perSecond: '>= 1', cpu: '<= 0.7' },
  })
})
