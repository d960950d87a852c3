/**
 * Workers that somebody stops while they start, or whose disk does not answer: a pipe that nobody writes to stands for
 * one that hangs.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folder, type Program, potoroo } from './fixture.ts'

/** A worker that waits for its store: `waits` resolves once it does, as far as can be seen. */
function waiting(): { readonly worker: Program; readonly waits: Promise<void> } {
  const cwd = folder()
  mkdirSync(join(cwd, 'store'))
  execFileSync('mkfifo', [join(cwd, 'store', 'cluster')])
  const env = { ...process.env, POTOROO_CLUSTER_TOKEN: 'x'.repeat(40) }
  const places = ['--store', 'store', '--listen', '127.0.0.1:0', '--reach', '127.0.0.1', '--control-port', '0']
  const worker = potoroo(['worker', '--worker', 'w1', '--data', 'w1', '--cluster', 'c', ...places], { cwd, env })
  const waits = expect.poll(() => existsSync(join(cwd, 'w1', 'lock')), { timeout: 60_000 }).toBe(true)
  return { worker, waits }
}

test('a worker that waits for a store which does not answer ends at the first SIGTERM', async () => {
  const { worker, waits } = waiting()
  await waits
  worker.kill('SIGTERM')
  expect(await worker.ended).toEqual({ status: null, signal: 'SIGTERM' })
  expect(worker.err).toMatch(/worker\.stopping[\s\S]*does not answer.*worker\.ended/)
})

test('a second SIGTERM ends it at once', async () => {
  const { worker, waits } = waiting()
  await waits
  worker.kill('SIGTERM')
  await worker.said(/worker\.stopping/)
  await new Promise((resolve) => setTimeout(resolve, 400))
  worker.kill('SIGTERM')
  expect(await worker.ended).toEqual({ status: null, signal: 'SIGTERM' })
  expect(worker.err).not.toContain('worker.ended')
})
