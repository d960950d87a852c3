/**
 * The end of a savepoint: it stays for whoever has begun with it, also where this worker has not read of that, or it
 * comes about just then.
 */
import { cpSync, mkdtempSync, readdirSync, renameSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { makeLimits } from '../../src/base/limits.ts'
import { type Cluster, emptyCluster } from '../../src/checkpoint/cluster.ts'
import { type FileStore, openFileStore } from '../../src/checkpoint/file-store.ts'
import { savepointManifest, savepointObject } from '../../src/checkpoint/layout.ts'
import type { Manifest } from '../../src/checkpoint/manifest.ts'
import { makeSavepoint } from '../../src/checkpoint/savepoint.ts'
import { writeOnce } from '../../src/checkpoint/write-once.ts'
import { realEnv } from '../../src/env/real/env.ts'
import { removeSavepoint } from '../../src/worker/pipelines/savepoints.ts'
import { settle, settleVoid } from '../../src/worker/settle.ts'
import { newEntry } from '../checkpoint/entry.ts'
import { sendLines, Workshop } from './workshop.ts'

const env = realEnv({ log: { level: 'silent' } })
const limits = makeLimits({ storeTimeoutMs: 50 })
const manifest = savepointManifest('p', 'one')
const pack = savepointObject('p', 'one', 'packs/1')
const begun: Cluster = { ...emptyCluster, pipelines: new Map([['p', { ...newEntry, from: manifest }]]) }

let store: FileStore
beforeEach(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'potoroo-savepoints-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  store = await settle((done) => openFileStore(env, folder, { worker: 'w', incarnation: 'i' }, done))
  for (const path of [pack, manifest])
    await settleVoid((done) => writeOnce({ ...env, store, limits }, path, Buffer.from(path), 1, done))
})

/** Removes the savepoint; the chain says `found` one after the other, each once it has been read to its end. */
function remove(...found: readonly Cluster[]): Promise<void> {
  let reads = 0
  const chain = {
    cluster: emptyCluster,
    follow(then: () => void) {
      const cluster = found[reads++]
      if (cluster === undefined) return
      chain.cluster = cluster
      then()
    },
  }
  return removeSavepoint({ store, clock: env.clock, limits }, chain, 'p', 'one')
}

const read = (path: string) => settle<Buffer | null>((done) => store.read(path, done))

test('a savepoint with which nobody has begun goes, with all that it holds', async () => {
  await remove(emptyCluster, emptyCluster)
  expect([await read(manifest), await read(pack)]).toEqual([null, null])
  await expect(remove(emptyCluster)).rejects.toMatchObject({ code: 'E_NO_SAVEPOINT' })
})

test.for([
  ['that this worker has not read of before', [begun], 'E_SAVEPOINT_NEEDED'],
  ['that comes about meanwhile', [emptyCluster, begun], 'E_SAVEPOINT_NEEDED'],
  ['that cannot be known of', [emptyCluster], 'E_STORE'],
] as const)('a savepoint stays for a pipeline %s', async ([, found, code]) => {
  await expect(remove(...found)).rejects.toMatchObject({ code })
  expect(await read(manifest)).toEqual(Buffer.from(manifest))
  expect(await read(pack)).toEqual(Buffer.from(pack))
})

test('what was left of a savepoint that was never finished goes as well', async () => {
  await settleVoid((done) => store.remove(manifest, done))
  await expect(remove(begun)).rejects.toMatchObject({ code: 'E_SAVEPOINT_NEEDED' })
  expect(await read(pack)).toEqual(Buffer.from(pack))
  await remove(emptyCluster)
  expect([await read(manifest), await read(pack)]).toEqual([null, null])
  await expect(remove(emptyCluster)).rejects.toMatchObject({ code: 'E_NO_SAVEPOINT' })
})

describe('one that is finished while it is taken for left over', () => {
  const path = 'pipelines/p/0000000001/packs/2'
  const object = savepointObject('p', 'one', path)

  /** Has linked everything; finishes it, in the order of the store's answers, once `finish` is called. */
  async function begin() {
    const packs = [{ path, bytes: 4, crc: 0, worker: 'w', epoch: 1, serial: 1 }]
    const written = { pipeline: 'p', packs, sinks: [] } as unknown as Manifest
    await settleVoid((done) => store.remove(manifest, done))
    await settleVoid((done) => writeOnce({ ...env, store, limits }, path, Buffer.from('pack'), 1, done))
    const slow = Object.create(store) as FileStore
    const made = Promise.withResolvers<void>()
    const linked = new Promise<() => void>((resolve) => {
      slow.createExclusive = (...given) => resolve(() => store.createExclusive(...given))
    })
    const end = (error: Error | null) => (error === null ? made.resolve() : made.reject(error))
    makeSavepoint({ ...env, store: slow, limits }, written, 'one', end)
    const finish = await linked
    return async () => {
      finish()
      await made.promise
    }
  }

  test('behind that is whole', async () => {
    const finish = await begin()
    await remove(emptyCluster)
    expect(await read(object)).toBe(null)
    await finish()
    expect(await read(object)).toEqual(Buffer.from('pack'))
    expect(await read(manifest)).not.toBe(null)
  })

  test('before that is over is none', async () => {
    const finish = await begin()
    const take = store.remove.bind(store)
    const taken = new Promise<() => void>((resolve) => {
      store.remove = (...given) => resolve(() => take(...given))
    })
    const gone = remove(emptyCluster)
    const go = await taken
    await expect(finish()).rejects.toMatchObject({ code: 'E_STORE_TAKEN' })
    store.remove = take
    go()
    await gone
    expect([await read(manifest), await read(object)]).toEqual([null, null])
  })
})

test.each(['manifest', 'pack'])('nothing goes for a savepoint whose %s is damaged', async (what) => {
  const workshop = new Workshop()
  const pipelines = await workshop.start({ checkpointIntervalMs: 30 })
  const steps = `.keyBy('by', () => 0).mapWithState('count', { init: () => ({ n: 0 }), step: (state, _: string) => { state.n++ } })`
  const resident = await workshop.runLines(pipelines, steps)
  await sendLines(resident, 'a\n'.repeat(100))
  await pipelines.savepoint('lines', 'one')
  const folder = `${workshop.folder}/data/store/pipelines/lines/savepoints/one`
  const name = readdirSync(folder).find((one) => (one === 'manifest') === (what === 'manifest'))!
  // In another file: the epoch has a link to this one.
  cpSync(`${folder}/${name}`, `${folder}/copy`)
  renameSync(`${folder}/copy`, `${folder}/${name}`)
  truncateSync(`${folder}/${name}`, 10)
  const again = workshop.runLines(pipelines, steps, { savepoint: 'one', fresh: true })
  await expect(again).rejects.toMatchObject({ code: 'E_STORE_DAMAGED' })
  expect(pipelines.find('lines')).toBe(resident)
  expect(resident).toMatchObject({ phase: 'running', execution: { status: { keys: 1 } } })
})

test('a pipeline whose savepoint has gone by the time that it begins with it is taken out again', async () => {
  const workshop = new Workshop()
  const pipelines = await workshop.start({ checkpointIntervalMs: 30 })
  await workshop.runLines(pipelines, '')
  await pipelines.savepoint('lines', 'one')
  await pipelines.cancel('lines')
  const { worker } = pipelines
  const { storage } = worker
  const read = storage.read.bind(storage)
  storage.read = (path, done) => {
    const gone = path === savepointManifest('lines', 'one') && worker.cluster.pipelines.has('lines')
    if (gone) env.clock.soon(() => done(null, null))
    else read(path, done)
  }
  const again = workshop.runLines(pipelines, '', { savepoint: 'one' })
  await expect(again).rejects.toMatchObject({ code: 'E_NO_SAVEPOINT' })
  expect(worker.cluster.pipelines.size).toBe(0)
})
