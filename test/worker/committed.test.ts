/**
 * Reads of the last complete epoch, on the real disk, in this process:
 * - show what that epoch holds and nothing after it, whether the pipeline runs or not
 * - are of one epoch, also while packs go that an older one was read from
 * - name what is damaged
 */
import { readdirSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { defaultLimits } from '../../src/base/limits.ts'
import { realEnv } from '../../src/env/real/env.ts'
import { type CommittedSeams, listCommitted, lookUpCommitted } from '../../src/worker/committed.ts'
import type { Pipelines, Resident } from '../../src/worker/pipelines.ts'
import { type KeyPage, lookUp } from '../../src/worker/query.ts'
import { epochsOf, sendLines, Workshop } from './workshop.ts'

const { clock } = realEnv({ log: { level: 'silent' } })
const rest = ".map('parse', Number).keyBy('by', (n) => n % 5)"

function seamsOf(pipelines: Pipelines, { plan, name }: Resident): CommittedSeams {
  const entry = () => pipelines.worker.cluster.pipelines.get(name)
  return { store: pipelines.worker.storage, clock, limits: defaultLimits, plan, entry }
}

test('shows the last complete epoch and nothing after it, also of a pipeline that has ended', async () => {
  const workshop = new Workshop()
  const worker = await workshop.start({ checkpointIntervalMs: 50_000 })
  const resident = await workshop.submit(worker, 'sums', 'tcpSource({ port: 0 })', rest)
  await expect.poll(() => resident.phase).toBe('running')
  const seams = seamsOf(worker, resident)
  expect(await lookUpCommitted(seams, 'sum', [1])).toEqual({ epoch: 0, found: null })
  expect(await listCommitted(seams, 'sum', 10, null)).toEqual({ epoch: 0, found: { keys: [], next: null } })

  await sendLines(resident, '1\n2\n'.repeat(50))
  const epoch = await worker.checkpoint('sums')
  await sendLines(resident, '1\n3\n'.repeat(50))
  expect(lookUp(resident.execution.stores.get('sum')!, 1)?.state).toEqual({ sum: 100 })
  expect(await lookUpCommitted(seams, 'sum', ['1', 1])).toMatchObject({ epoch, found: { key: 1, state: { sum: 50 } } })
  expect(await lookUpCommitted(seams, 'sum', ['3', 3])).toEqual({ epoch, found: null })

  // Page by page, each key once.
  const found = new Map<unknown, object>()
  for (let cursor: string | null = null, more = true; more; ) {
    const page: KeyPage = (await listCommitted(seams, 'sum', 1, cursor)).found
    for (const { key, state } of page.keys) found.set(key, state)
    cursor = page.next
    more = cursor !== null
  }
  expect(Object.fromEntries(found as Map<string, object>)).toEqual({ 1: { sum: 50 }, 2: { sum: 100 } })

  await worker.drain('sums')
  expect(await lookUpCommitted(seams, 'sum', [3])).toMatchObject({ epoch: epoch + 1, found: { state: { sum: 150 } } })
})

test('an answer is of one epoch while old packs go, and is never refused', async () => {
  const workshop = new Workshop()
  const worker = await workshop.start({ checkpointIntervalMs: 5, horizonEpochs: 2, keyGroups: 16 })
  // Of every state the sum is the same for all keys of an epoch: each number comes for every key.
  const source = 'generatorSource<number>({ value: (n) => n, rate: 20_000 })'
  const resident = await workshop.submit(worker, 'sums', source, ".map('one', () => 1).keyBy('by', () => 0)")
  await expect.poll(() => epochsOf(worker, 'sums').length).toBeGreaterThan(0)
  const seams = seamsOf(worker, resident)
  let before = { epoch: 0, sum: 0 }
  for (let i = 0; i < 200; i++) {
    const { epoch, found } = await lookUpCommitted(seams, 'sum', [0])
    const { sum } = found!.state as { sum: number }
    expect(epoch).toBeGreaterThanOrEqual(before.epoch)
    if (epoch === before.epoch) expect(sum).toBe(before.sum)
    else expect(sum).toBeGreaterThanOrEqual(before.sum)
    before = { epoch, sum }
  }
})

test('what is damaged is named', async () => {
  const workshop = new Workshop()
  const worker = await workshop.start({ checkpointIntervalMs: 50_000 })
  const resident = await workshop.submit(worker, 'sums', 'tcpSource({ port: 0 })', rest)
  await sendLines(resident, '1\n2\n'.repeat(50))
  await worker.checkpoint('sums')
  const folder = `${workshop.folder}/data/store/pipelines/sums`
  const [run] = readdirSync(folder)
  const [pack] = readdirSync(`${folder}/${run}/packs`)
  writeFileSync(`${folder}/${run}/packs/${pack}`, 'noise')
  await expect(lookUpCommitted(seamsOf(worker, resident), 'sum', [1])).rejects.toMatchObject({
    code: 'E_STORE_DAMAGED',
    message: expect.stringContaining(pack!),
  })
})
