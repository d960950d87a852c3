/**
 * A cluster of two in this process, on a folder that both reach: who comes into a generation knows its own packs, and
 * has read those of the other while everything ran.
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { HEADER } from '../../src/checkpoint/pack-format.ts'
import type { Pipelines } from '../../src/worker/pipelines/pipelines.ts'
import { Pair } from './pair.ts'

vi.setConfig({ testTimeout: 120_000 })

const pair = new Pair()
beforeAll(() => pair.open())
afterAll(() => pair.close())

/** The packs that a worker looks at, each as often as it does. */
function packsLookedAt({ worker: { storage } }: Pipelines): readonly string[] {
  const packs: string[] = []
  const readRange = storage.readRange.bind(storage)
  storage.readRange = (path, position, length, done) => {
    if (path.includes('/packs/') && position === 0 && length === HEADER.length) packs.push(path)
    readRange(path, position, length, done)
  }
  return packs
}

test('each pack is looked at once in a cluster, by the member that has not written it', async () => {
  const [ofA, ofB] = pair.all.map(packsLookedAt)
  await pair.submit(pair.b, 'one', 1)
  const epoch = () => pair.a.worker.cluster.pipelines.get('one')?.highest ?? 0
  await expect.poll(epoch).toBeGreaterThan(3)
  await expect.poll(() => ofA!.length).toBeGreaterThan(2)
  await expect.poll(() => ofB!.length).toBeGreaterThan(2)
  const { generation } = pair.a.worker.cluster
  const before = epoch()
  await pair.submit(pair.b, 'one', 2)
  await expect.poll(() => pair.phases('one')).toBe('running running')
  await expect.poll(epoch).toBeGreaterThan(before + 1)
  for (const { worker } of pair.all) {
    expect(worker.cluster.generation).toBeGreaterThan(generation)
    expect(worker.indexBytes).toBeGreaterThan(0)
  }
  for (const [own, looked] of [
    ['-a', ofA!],
    ['-b', ofB!],
  ] as const) {
    expect(looked.filter((path) => path.endsWith(own))).toEqual([])
    // What was being read when the generation came up is read again.
    expect(looked.length - new Set(looked).size).toBeLessThanOrEqual(1)
  }
})
