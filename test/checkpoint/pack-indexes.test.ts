/** What is known of packs when a generation comes up: kept, forgotten, and not believed beyond what it says. */
import { expect, test } from 'vitest'
import type { Cluster, PipelineEntry } from '../../src/checkpoint/cluster.ts'
import { IndexFollower } from '../../src/checkpoint/index-follower.ts'
import * as layout from '../../src/checkpoint/layout.ts'
import type { Manifest } from '../../src/checkpoint/manifest.ts'
import { encodeIndex, type PackHandle, packNameOf } from '../../src/checkpoint/pack-format.ts'
import { PackIndexes } from '../../src/checkpoint/pack-indexes.ts'
import type { Restore } from '../../src/checkpoint/resolve.ts'
import { Survey } from '../../src/checkpoint/survey.ts'
import { Pipeline, ROTATION, run } from './pipeline.ts'
import { watchReads } from './watch-reads.ts'

/** A pipeline, what a worker knows of its packs, and what is read of its store. */
function stage() {
  const pipeline = new Pipeline()
  const { clock, limits } = pipeline
  const { store, reads } = watchReads(pipeline.store)
  const indexes = new PackIndexes()
  const follower = new IndexFollower({ clock, indexes, store: () => store })
  const seams = { store, clock, limits, indexes }
  const cluster = (entry: PipelineEntry): Cluster => ({ pipelines: new Map([['p', entry]]) }) as unknown as Cluster
  return {
    pipeline,
    reads,
    indexes,
    follower,
    makeEpochs: (count: number) => {
      for (let i = 0; i < count; i++) pipeline.epoch((pipeline.manifests.at(-1)?.epoch ?? 0) + 1)
    },
    /** The follower hears of the last epoch, and has all the time that it takes. */
    follow: (entry = pipeline.entry()) => {
      follower.recorded('p', cluster(entry))
      pipeline.world.run(pipeline.world.now + 10_000)
    },
    survey: (acceptLoss = false) => new Survey(seams, { pipeline: 'p', entry: pipeline.entry(), acceptLoss }),
    packs: () => pipeline.manifests.at(-1)!.packs,
    packsRead: () => reads.filter((path) => path.includes('/packs/')),
    spoil: (path: string, position: number) => {
      const bytes = Buffer.from(pipeline.read(pipeline.store, path)!)
      bytes[position < 0 ? bytes.length + position : position]! ^= 1
      pipeline.end((done) => pipeline.store.put(path, bytes, done))
    },
  }
}

/** A pack of which nothing lies anywhere, and its index. */
function invented(epoch: number, folder?: string): { readonly handle: PackHandle; readonly index: Buffer } {
  const own = layout.pack(run, { epoch, generation: 1, worker: 'w', incarnation: 'i' })
  const path = folder === undefined ? own : `${folder}/${packNameOf(own)}`
  const chunk = { step: 'count', keyGroup: 1, kind: 'full', position: 16, length: 10, crc: 7 } as const
  const index = encodeIndex(packNameOf(path), [chunk])
  return { handle: { path, bytes: 16 + 10 + index.length + 16, crc: epoch }, index }
}

test('who has followed the epochs decides by their manifest alone, as one does that knows nothing', () => {
  const { pipeline, reads, follower, makeEpochs, follow, survey, packsRead } = stage()
  follower.begin()
  makeEpochs(7)
  follow()
  expect(packsRead().length).toBeGreaterThan(0)
  reads.length = 0
  follow()
  expect(packsRead()).toEqual([])
  reads.length = 0
  const decided = pipeline.decide(survey())
  expect(reads).toEqual([layout.manifest(run, 1, 7)])
  expect(decided).toEqual(pipeline.decide(pipeline.survey(pipeline.entry())))
})

test('what a generation has looked at the next one need not look at', () => {
  const { pipeline, makeEpochs, survey, packsRead } = stage()
  makeEpochs(7)
  pipeline.decide(survey())
  const before = packsRead().length
  makeEpochs(1)
  pipeline.decide(survey())
  expect(new Set(packsRead().slice(before)).size).toBe(1)
})

test('K1: an index counts for the pack of its handle, and for no other of its name', () => {
  const indexes = new PackIndexes()
  const { handle, index } = invented(1)
  indexes.keep(run, handle, index)
  expect(indexes.chunks(run, handle)).toMatchObject([{ step: 'count', keyGroup: 1, position: 16, length: 10, crc: 7 }])
  for (const other of [{ ...handle, crc: 2 }, { ...handle, bytes: handle.bytes + 1 }, invented(2).handle]) {
    expect(indexes.has(run, other)).toBe(false)
    expect(indexes.chunks(run, other)).toBeNull()
  }
  expect(indexes.chunks({ ...run, run: 2 }, handle)).toBeNull()
  index.fill(0)
  expect(indexes.chunks(run, handle)).not.toBeNull()
})

test('Y1: what is found damaged is looked at in the store, with everything else', () => {
  const { pipeline, makeEpochs, survey, packs, packsRead, spoil, reads } = stage()
  makeEpochs(7)
  pipeline.decide(survey())
  const broken = packs().at(-1)!
  spoil(broken.path, -1)
  const next = survey()
  // Nobody has looked, so nothing is known of it.
  const decided = pipeline.decide(next) as Restore
  expect(decided).toMatchObject({ kind: 'restore', instead: null })
  reads.length = 0
  next.report([{ path: broken.path, part: decided.chains[0]!, reason: 'it is absent' }])
  const older = pipeline.decide(next)
  expect(packsRead()).toEqual(expect.arrayContaining(packs().map(({ path }) => path)))
  expect(older).toMatchObject({ kind: 'restore', instead: 7, manifest: { epoch: 6 } })
  expect(older).toMatchObject({ damages: [{ path: broken.path, part: null }] })
})

test('Y1: where a loss is accepted, every pack is looked at', () => {
  const { pipeline, makeEpochs, survey, packs, spoil } = stage()
  makeEpochs(7)
  pipeline.decide(survey())
  spoil(packs().at(-1)!.path, -1)
  expect(pipeline.decide(survey(true))).toMatchObject({ instead: 7, damages: [{ part: null }] })
})

test('what is damaged when it is followed is not kept', () => {
  const { pipeline, follower, makeEpochs, follow, survey, packs, spoil } = stage()
  follower.begin()
  makeEpochs(7)
  spoil(packs().at(-1)!.path, -1)
  follow()
  expect(pipeline.decide(survey())).toMatchObject({ instead: 7, damages: [{ path: packs().at(-1)!.path }] })
})

test('K2: it holds no more than its limit, and counts what it holds', () => {
  const { handle, index } = invented(1)
  const indexes = new PackIndexes(2 * index.length)
  indexes.keep(run, handle, index)
  indexes.keep(run, handle, index)
  expect(indexes.bytes).toBe(index.length)
  indexes.keep(run, invented(2).handle, index)
  indexes.keep(run, invented(3).handle, index)
  expect(indexes.bytes).toBe(2 * index.length)
  expect(indexes.has(run, invented(3).handle)).toBe(false)
  indexes.forgetOthers([])
  expect(indexes.bytes).toBe(0)
})

test('K3: what a manifest does not name goes, unless it is of a later epoch', () => {
  const indexes = new PackIndexes()
  const savepoint = layout.savepointFolder('p', 's')
  const [named, dropped, later, elsewhere] = [invented(3), invented(2), invented(5), invented(9, savepoint)]
  for (const { handle, index } of [named, dropped, later, elsewhere]) indexes.keep(run, handle, index)
  indexes.settle(run, { epoch: 4, packs: [named.handle] } as unknown as Manifest)
  const kept = [named, dropped, later, elsewhere].map(({ handle }) => indexes.has(run, handle))
  expect(kept).toEqual([true, false, true, false])
  expect(indexes.bytes).toBe(named.index.length + later.index.length)
})

test('K3: as epochs follow one another, it holds what the last one names', () => {
  const { follower, indexes, makeEpochs, follow, packs } = stage()
  follower.begin()
  const sizes = new Set<number>()
  for (let i = 0; i < 3 * ROTATION; i++) {
    makeEpochs(1)
    follow()
    if (i >= ROTATION) sizes.add(indexes.bytes)
  }
  expect(packs().length).toBe(ROTATION)
  expect(packs().every((pack) => indexes.has(run, pack))).toBe(true)
  expect(sizes.size).toBe(1)
})

test('J2: nothing is read while a generation comes up, and what was being read counts no more', () => {
  const { pipeline, reads, indexes, follower, makeEpochs, follow } = stage()
  makeEpochs(3)
  follow()
  expect(reads).toEqual([])
  follower.begin()
  follow()
  indexes.forgetOthers([])
  reads.length = 0
  follower.recorded('p', { pipelines: new Map([['p', pipeline.entry()]]) } as unknown as Cluster)
  pipeline.world.runUntil(() => reads.length > 0, pipeline.world.now + 10_000)
  follower.stop()
  pipeline.world.run(pipeline.world.now + 10_000)
  expect(reads.length).toBe(1)
  expect(indexes.bytes).toBe(0)
})

test('J1: one object is read at a time, with a pause before each', () => {
  const { pipeline, reads, follower, makeEpochs } = stage()
  makeEpochs(7)
  follower.begin()
  const from = pipeline.world.now
  const at: number[] = []
  const entry = pipeline.entry()
  for (let i = 0; i < 5; i++) follower.recorded('p', { pipelines: new Map([['p', entry]]) } as unknown as Cluster)
  let seen = 0
  pipeline.world.runUntil(() => {
    const objects = new Set(reads).size
    if (objects > seen) at.push(pipeline.world.now - from)
    seen = objects
    return false
  }, from + 5000)
  expect(at.length).toBe(1 + ROTATION)
  for (const [i, ms] of at.entries()) expect(ms).toBeGreaterThanOrEqual(20 * (i + 1))
})

test('a pipeline that was drained, or is gone, is forgotten', () => {
  const { pipeline, indexes, follower, makeEpochs, follow } = stage()
  follower.begin()
  makeEpochs(2)
  follow()
  expect(indexes.bytes).toBeGreaterThan(0)
  follow({ ...pipeline.entry(), drained: true })
  expect(indexes.bytes).toBe(0)
  follow()
  expect(indexes.bytes).toBeGreaterThan(0)
  follower.jumped({ pipelines: new Map() } as unknown as Cluster)
  expect(indexes.bytes).toBe(0)
})
