/**
 * The end of a savepoint: it stays for whoever has begun with it, also where this worker has not read of that, or it comes about
 * just then.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { makeLimits } from '../../src/base/limits.ts'
import { type Cluster, emptyCluster } from '../../src/checkpoint/cluster.ts'
import { type FileStore, openFileStore } from '../../src/checkpoint/file-store.ts'
import { savepointManifest, savepointObject } from '../../src/checkpoint/layout.ts'
import { writeOnce } from '../../src/checkpoint/write-once.ts'
import { realEnv } from '../../src/env/real/env.ts'
import { removeSavepoint } from '../../src/worker/pipelines/savepoints.ts'
import { settle, settleVoid } from '../../src/worker/settle.ts'
import { newEntry } from '../checkpoint/entry.ts'
import { Workshop } from './workshop.ts'

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
