/**
 * The end of a worker that is alone: whatever runs on it, or is on its way to its end, comes to a last checkpoint
 * before.
 */
import { expect, test } from 'vitest'
import { epochsOf, sendLines, Workshop } from './workshop.ts'

test('a pipeline that somebody drains comes to its end before its worker, for good', async () => {
  const workshop = new Workshop()
  const pipelines = await workshop.start({ checkpointIntervalMs: 30_000, checkpointTimeoutMs: 60_000 })
  const resident = await workshop.runLines(pipelines, '')
  await sendLines(resident, 'line\n'.repeat(100))
  const drained = pipelines.drain('lines')
  await expect.poll(() => resident.phase, { interval: 0 }).toBe('draining')
  expect(await pipelines.close()).toEqual(new Map())
  expect((await drained).phase).toBe('drained')
  expect(pipelines.worker.cluster.pipelines.get('lines')!.drained).toBe(true)
  expect(epochsOf(pipelines, 'lines')).toEqual([1])
})
