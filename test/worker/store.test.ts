/**
 * What a worker makes of the store that it finds:
 * - key groups and eras of the chain are those that the store was made with, whatever the worker is set to
 * - old records of the chain are removed, an era at a time
 * - a record of the chain that is gone is missed and named, and nothing is decided without it
 * - a data folder that belongs to a store makes no other one, and goes to none
 * - a pipeline that was drained can be taken out by a worker that never had it
 * - so can one that others have submitted, and that it has not heard of yet
 * - a program that the store does not take stops nothing
 * - a program that another one has taken the place of goes, and can come back
 * - a worker that is closed while it opens says so, and leaves its folder to the next one
 * - a journal is trimmed also by a worker that never lives as long as the horizon
 */
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type Limits, makeLimits } from '../../src/base/limits.ts'
import { ChainReader } from '../../src/checkpoint/chain-reader.ts'
import { type Appended, ChainWriter } from '../../src/checkpoint/chain-writer.ts'
import type { Cluster } from '../../src/checkpoint/cluster.ts'
import { realEnv } from '../../src/env/real/env.ts'
import type { Pipelines } from '../../src/worker/pipelines/pipelines.ts'
import { submitRecord } from '../../src/worker/pipelines/programs.ts'
import { settleVoid } from '../../src/worker/settle.ts'
import { epochsOf, sendLines, Workshop } from './workshop.ts'

const endless = 'generatorSource<number>({ value: (n) => n, rate: 1000 })'
const rest = ".map('parse', Number).keyBy('by', () => 0)"
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
  await expect.poll(() => enough(records())).toBe(true)
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
  await second.resume()
  expect(second.worker.residents.unloaded.size).toBe(0)
  await expect.poll(() => second.find('sums').phase).toBe('running')
  expect(second.find('sums').base?.epoch).toBe(epochsOf(first, 'sums').at(-1))
  expect(workshop).toMatchObject({ failed: [], warned: [] })
})

test('a pipeline that was drained can be taken out by a worker that never had it', async () => {
  const workshop = new Workshop()
  const first = await workshop.start(small)
  await workshop.runLines(first, '')
  await first.drain('lines')
  await workshop.stop(first)
  const second = await workshop.start(small)
  await second.resume()
  await second.cancel('lines')
  expect(second.worker.cluster.pipelines.size).toBe(0)
  await expect(second.cancel('lines')).rejects.toMatchObject({ code: 'E_NO_PIPELINE' })
})

test('a pipeline that others have submitted can be taken out by a worker that has not heard of it yet', async () => {
  const workshop = new Workshop()
  const pipelines = await workshop.start(small)
  const { storage, cluster } = pipelines.worker
  const others = new ChainReader(storage, makeLimits(small), { onRecord: () => {}, onJump: () => {} })
  await settleVoid((done) => others.follow(done))
  const writer = new ChainWriter(others, realEnv({ log: { level: 'silent' } }), { worker: 'w2', incarnation: 'i' })
  const submit = (now: Cluster) => submitRecord(now, 'late', 'h', null, { from: null, drop: [], places: [] })
  const appended = await new Promise<Appended>((resolve) => writer.append(submit, resolve))
  expect(appended).toMatchObject({ kind: 'appended', record: { n: cluster.next } })
  expect(pipelines.worker.cluster.pipelines.size).toBe(0)
  await pipelines.cancel('late')
  expect(pipelines.worker.cluster).toMatchObject({ next: cluster.next + 2, pipelines: new Map() })
})

test('a program that the store does not take stops nothing', async () => {
  const workshop = new Workshop()
  const pipelines = await workshop.start(small)
  const first = await workshop.runLines(pipelines, '')
  const bundles = `${workshop.folder}/data/store/bundles`
  renameSync(bundles, `${bundles}-away`)
  writeFileSync(bundles, '')
  const second = workshop.runLines(pipelines, ".map('same', (line) => line)")
  await expect(second).rejects.toMatchObject({ code: 'E_STORE' })
  expect(pipelines.find('lines')).toBe(first)
  expect(first.phase).toBe('running')
})

test('a program that another one has taken the place of goes, and can come back', async () => {
  const workshop = new Workshop()
  const pipelines = await workshop.start(small)
  const kept = () => readdirSync(`${workshop.folder}/data/store/bundles`)
  for (const [i, steps] of ['', ".map('same', (line) => line)", '', '', ".map('same', String)"].entries()) {
    const { hash } = await workshop.runLines(pipelines, steps, { fresh: i === 4 })
    expect(kept()).toEqual([hash])
  }
})

test('a worker that is closed while it opens says so, and leaves its folder to the next one', async () => {
  const workshop = new Workshop()
  for (const step of ['follow', 'seated'] as const) {
    const first = workshop.make(small)
    if (step === 'seated') await first.follow()
    const opened = first[step]()
    const told = expect(opened).rejects.toMatchObject({ code: 'E_WORKER_ENDED' })
    await first.close()
    await told
    const second = await workshop.start(small)
    await workshop.stop(second)
  }
  expect(workshop.failed).toEqual([])
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

test('a worker whose store is gone makes no new one, and goes on once it is back', async () => {
  const workshop = new Workshop()
  const { folder } = workshop
  const first = await work(workshop, { checkpointIntervalMs: 30 }, (records) => records.length > 8)
  const epochs = epochsOf(first, 'sums')
  renameSync(`${folder}/data/store`, `${folder}/away`)
  await expect(workshop.start({})).rejects.toMatchObject({ code: 'E_STORE_GONE' })
  expect(existsSync(`${folder}/data/store`)).toBe(false)
  // A mount point, or one in which somebody has written.
  mkdirSync(`${folder}/data/store/tmp`, { recursive: true })
  await expect(workshop.start({})).rejects.toMatchObject({ code: 'E_STORE_GONE' })
  expect(readdirSync(`${folder}/data/store`)).toEqual(['tmp'])
  rmSync(`${folder}/data/store`, { recursive: true })
  renameSync(`${folder}/away`, `${folder}/data/store`)
  // The last one may have come to its end behind the worker's back.
  expect(epochsOf(await workshop.start({}), 'sums').slice(0, epochs.length)).toEqual(epochs)
})

test('a folder that cannot say what it belongs to asks a person, who removes the file', async () => {
  const workshop = new Workshop()
  const member = `${workshop.folder}/data/member`
  await workshop.stop(await workshop.start({}))
  truncateSync(member, 3)
  const damaged = { code: 'E_MEMBER_DAMAGED', message: expect.stringContaining(member) }
  await expect(workshop.start({})).rejects.toMatchObject(damaged)
  rmSync(member)
  await workshop.stop(await workshop.start({}))
  expect(existsSync(member)).toBe(true)
})

test('a worker goes to no other store than its own, unless it has a new data folder', async () => {
  const [here, there] = [new Workshop(), new Workshop()]
  await here.stop(await here.start({}))
  await there.stop(await there.start({}))
  const data = `${here.folder}/data`
  rmSync(`${data}/store`, { recursive: true })
  cpSync(`${there.folder}/data/store`, `${data}/store`, { recursive: true })
  await expect(here.start({})).rejects.toMatchObject({ code: 'E_STORE_OTHER' })
  for (const name of readdirSync(data)) if (name !== 'store') rmSync(`${data}/${name}`, { recursive: true })
  await here.stop(await here.start({}))
})

test('a worker that makes few epochs in each life trims its journal all the same', async () => {
  const workshop = new Workshop()
  const limits = { checkpointIntervalMs: 50_000, horizonEpochs: 3 }
  const segments = () => readdirSync(`${workshop.folder}/data/journal`).length
  for (let life = 1; life <= 6; life++) {
    const pipelines = await workshop.start(limits)
    if (life === 1) await workshop.submit(pipelines, 'sums', 'tcpSource({ port: 0 })', rest)
    else await pipelines.resume()
    await sendLines(pipelines.find('sums'), '1\n'.repeat(100))
    await pipelines.checkpoint('sums')
    // The lives within the horizon, and the one that begins it.
    if (life > 4) await expect.poll(segments).toBeLessThanOrEqual(4)
    await workshop.stop(pipelines)
  }
})
