/**
 * A worker whose journal nears its limit, on the real disk, in this process:
 * - floors are raised early, and for the pipeline that crowds it alone, so that no source has to stop
 * - never above the last epoch but one, and not while there is room
 */
import { expect, test } from 'vitest'
import type { Pipelines } from '../../src/worker/pipelines/pipelines.ts'
import { epochsOf, sendLines, Workshop } from './workshop.ts'

const rest = ".map('parse', Number).keyBy('by', () => 0)"
/** 100 records that take 100 kB of the journal. */
const lines = `${'0'.repeat(1000)}1\n`.repeat(100)
const JOURNAL_BYTES = 1 << 20

function floorOf(pipelines: Pipelines, name: string): number {
  return pipelines.worker.cluster.pipelines.get(name)!.floor
}

test('floors are raised early where the journal nears its limit', async () => {
  const limits = { checkpointIntervalMs: 50_000, journalSegmentBytes: 64 << 10, journalBytes: JOURNAL_BYTES }
  const workshop = new Workshop()
  const worker = await workshop.start(limits)
  const idle = await workshop.submit(worker, 'idle', 'tcpSource({ port: 0 })', rest)
  const busy = await workshop.submit(worker, 'busy', 'tcpSource({ port: 0 })', rest)
  await sendLines(idle, '1\n'.repeat(100))
  for (let round = 1; round <= 5; round++) {
    await sendLines(busy, lines)
    await worker.checkpoint('busy')
    await worker.checkpoint('idle')
  }
  // There is room: the horizon is as long as it may be.
  expect([floorOf(worker, 'busy'), floorOf(worker, 'idle')]).toEqual([0, 0])

  for (let round = 1; round <= 20; round++) {
    await sendLines(busy, lines)
    await worker.checkpoint('idle')
    await worker.checkpoint('busy')
    await expect.poll(() => worker.worker.journal!.bytes).toBeLessThan(JOURNAL_BYTES)
    expect(epochsOf(worker, 'busy').length).toBeGreaterThanOrEqual(2)
  }
  expect(floorOf(worker, 'busy')).toBeGreaterThan(0)
  expect(epochsOf(worker, 'idle')).toHaveLength(25)
  expect(workshop.warned).toEqual([])
})
