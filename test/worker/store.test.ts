/**
 * What a worker makes of the store that it finds:
 * - key groups and eras of the chain are those that the store was made with, whatever the worker is set to
 * - old records of the chain are removed, an era at a time
 * - a record of the chain that is gone is missed and named, and nothing is decided without it
 */
import { readdirSync, rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Limits } from '../../src/base/limits.ts'
import type { Pipelines } from '../../src/worker/pipelines.ts'
import { epochsOf, Workshop } from './workshop.ts'

const endless = 'generatorSource<number>({ value: (n) => n, rate: 1000 })'
const small = { checkpointIntervalMs: 30, horizonEpochs: 3, chainEra: 8 }

/** Runs a pipeline until the records of its chain are `enough`, and ends it in the middle. */
async function work(
  workshop: Workshop,
  limits: Partial<Limits>,
  enough: (records: readonly string[]) => boolean,
): Promise<Pipelines> {
  const pipelines = await workshop.start(limits)
  await workshop.submit(pipelines, 'sums', endless, ".keyBy('by', (n) => n % 50)")
  const records = () => readdirSync(`${workshop.folder}/data/store/chain`)
  await expect.poll(() => enough(records()), { timeout: 10_000 }).toBe(true)
  await workshop.stop(pipelines)
  return pipelines
}

test('what was fixed when the store was made stays, whatever the worker is set to', async () => {
  const workshop = new Workshop()
  const swept = (records: readonly string[]) => records.includes('0000000024') && !records.includes('0000000001')
  const first = await work(workshop, small, swept)
  const second = await workshop.start({ ...small, chainEra: 1000, keyGroups: 64 })
  expect(epochsOf(second, 'sums')).toEqual(epochsOf(first, 'sums'))
  expect(second.worker.cluster.owners.length).toBe(16)
  expect(await second.resume()).toEqual([])
  await expect.poll(() => second.find('sums').phase).toBe('running')
  expect(second.find('sums').base?.epoch).toBe(epochsOf(first, 'sums').at(-1))
  expect(workshop).toMatchObject({ failed: [], warned: [] })
})

test('a lost record of the chain is named, and the worker does not go on without it', async () => {
  const workshop = new Workshop()
  const { worker } = await work(workshop, { checkpointIntervalMs: 30 }, (records) => records.length > 8)
  const lost = `chain/${String(worker.cluster.next - 2).padStart(10, '0')}`
  rmSync(`${workshop.folder}/data/store/${lost}`)
  await expect(workshop.start({})).rejects.toMatchObject({
    code: 'E_STORE_DAMAGED',
    message: expect.stringContaining(lost),
  })
})
