/** What is said of the threads that Node has for files. */
import { execFileSync } from 'node:child_process'
import { closeSync, constants, open, openSync } from 'node:fs'
import { expect, test, vi } from 'vitest'
import type { Log } from '../../src/env/log.ts'
import { watchPool } from '../../src/env/real/pool-watch.ts'
import { folder } from '../process/fixture.ts'

test('that they are all taken is said once, and that they are free again', async () => {
  const pipe = `${folder()}/pipe`
  execFileSync('mkfifo', [pipe])
  const warn = vi.fn()
  watchPool({ warn } as unknown as Log, 10, 200)
  const opens = Array.from({ length: 64 }, () => new Promise<number>((go) => open(pipe, 'r', (_, found) => go(found))))
  const release = async (): Promise<void> => {
    const both = openSync(pipe, constants.O_RDWR)
    for (const descriptor of await Promise.all(opens)) closeSync(descriptor)
    closeSync(both)
  }
  try {
    await expect.poll(() => warn.mock.calls.map(([code]) => code)).toEqual(['threads.taken'])
  } finally {
    await release()
  }
  await expect.poll(() => warn.mock.calls.map(([code]) => code)).toEqual(['threads.taken', 'threads.free'])
})
