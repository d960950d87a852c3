/** Removal, savepoints and the survey on a store with everything in it: what is needed stays, what is not goes. */
import { describe, expect, test } from 'vitest'
import { fail } from '../../src/base/errors.ts'
import { emptyCluster } from '../../src/checkpoint/cluster.ts'
import * as layout from '../../src/checkpoint/layout.ts'
import { decodeRecord, encodeRecord } from '../../src/checkpoint/record.ts'
import { nextFloor, oldFirsts, oldRecords, oldRecordsSince, oldRuns } from '../../src/checkpoint/removal.ts'
import { makeSavepoint } from '../../src/checkpoint/savepoint.ts'
import { Survey } from '../../src/checkpoint/survey.ts'
import { sweepChain, sweepPipeline, sweepRuns } from '../../src/checkpoint/sweeper.ts'
import { writeOnce } from '../../src/checkpoint/write-once.ts'
import { DiskError } from '../../src/env/disk.ts'
import { newEntry } from './entry.ts'
import { Sim } from './fixture.ts'
import { Pipeline, run } from './pipeline.ts'

describe('removal', () => {
  test('X1: takes what lies below the floor and no manifest from it on needs; every epoch above can be restored', () => {
    const pipeline = new Pipeline()
    for (let epoch = 1; epoch <= 12; epoch++) {
      // Epochs 4 and 9 are abandoned: their packs and manifests are named by nothing.
      pipeline.epoch(epoch, epoch !== 4 && epoch !== 9)
      pipeline.floor = nextFloor(pipeline.entry(), 4) ?? pipeline.floor
      pipeline.value((done) => sweepPipeline(pipeline, 'p', pipeline.entry(), done))
      const { epochs } = pipeline.entry()
      for (const only of epochs) {
        const decided = pipeline.decide(pipeline.survey({ ...pipeline.entry(), epochs: [only] }))
        expect(decided).toMatchObject({ kind: 'restore', manifest: { epoch: only.epoch }, damages: [] })
      }
    }
    expect(pipeline.floor).toBe(8)
    expect(pipeline.names(layout.manifestFolder(run))).toEqual([8, 9, 10, 11, 12])
    expect(pipeline.names(layout.packFolder(run))).toEqual([6, 7, 8, 9, 10, 11, 12])
  })

  test('X2: takes nothing while a manifest above the floor cannot be read', () => {
    const pipeline = new Pipeline()
    for (let epoch = 1; epoch <= 8; epoch++) pipeline.epoch(epoch)
    pipeline.floor = 6
    const path = layout.manifest(run, 1, 7)
    pipeline.end((done) => pipeline.store.put(path, Buffer.from('damaged'), done))
    expect(pipeline.value((done) => sweepPipeline(pipeline, 'p', pipeline.entry(), done))).toBe(0)
  })

  test('X2: what is known of a manifest, which never changes, is not read again, and is forgotten below the floor', () => {
    const pipeline = new Pipeline()
    for (let epoch = 1; epoch <= 8; epoch++) pipeline.epoch(epoch)
    const read = pipeline.store.read.bind(pipeline.store)
    const reads: (number | null)[] = []
    pipeline.store.read = (path, done) => {
      reads.push(layout.epochOf(path.split('/').at(-1)!))
      read(path, done)
    }
    const sweep = (floor: number) => {
      pipeline.floor = floor
      return pipeline.value((done) => sweepPipeline(pipeline, 'p', pipeline.entry(), done))
    }
    pipeline.named.note(layout.manifest(run, 1, 8), pipeline.manifests.at(-1)!)
    expect(sweep(6)).toBeGreaterThan(0)
    expect(reads.splice(0)).toEqual([6, 7])
    pipeline.epoch(9)
    // Nothing has to be read of those that can be read no more.
    pipeline.end((done) => pipeline.store.put(layout.manifest(run, 1, 8), Buffer.from('damaged'), done))
    expect(sweep(7)).toBeGreaterThan(0)
    expect(reads).toEqual([9])
    expect([6, 7, 8, 9].map((epoch) => pipeline.named.of(layout.manifest(run, 1, epoch)) !== null)).toEqual([
      ...[false, true, true, true],
    ])
    pipeline.value((done) => sweepRuns(pipeline, { ...emptyCluster, next: 100 }, done))
    expect(pipeline.named.of(layout.manifest(run, 1, 9))).toBeNull()
  })

  test('X1: removes each object once, and answers once, where all manifests are known', () => {
    const pipeline = new Pipeline()
    for (let epoch = 1; epoch <= 8; epoch++) pipeline.epoch(epoch)
    pipeline.floor = 4
    for (const manifest of pipeline.manifests) pipeline.named.note(layout.manifest(run, 1, manifest.epoch), manifest)
    const remove = pipeline.store.remove.bind(pipeline.store)
    const removed: string[] = []
    pipeline.store.remove = (path, done) => {
      removed.push(path)
      remove(path, done)
    }
    const answers: number[] = []
    pipeline.value<number>((done) =>
      sweepPipeline(pipeline, 'p', pipeline.entry(), (error, gone) => {
        answers.push(gone)
        done(error, gone)
      }),
    )
    pipeline.world.runUntil(() => false, pipeline.world.now + 1000)
    expect(removed).toEqual([...new Set(removed)])
    expect(answers).toEqual([removed.length])
  })

  test('X3: the floor leaves the horizon, never fewer than two epochs', () => {
    const pipeline = new Pipeline()
    for (let epoch = 1; epoch <= 9; epoch++) pipeline.epoch(epoch)
    const entry = pipeline.entry()
    expect(nextFloor(entry, 4)).toBe(6)
    expect(nextFloor(entry, 4, 7.5)).toBe(7)
    expect(nextFloor(entry, 4, 99)).toBe(8)
    expect(nextFloor({ ...entry, floor: 6 }, 4)).toBeNull()
    expect(nextFloor({ ...entry, epochs: entry.epochs.slice(0, 1) }, 4, 1)).toBeNull()
    expect(nextFloor(entry, 20)).toBeNull()
  })

  test('X4: records go by whole eras, and the first of each era never', () => {
    const names = Array.from({ length: 400 }, (_, n) => layout.chainRecord(n).slice('chain/'.length))
    const gone = (next: number) => oldRecords(names, next, 100).map((path) => Number(path.slice(6)))
    expect(gone(200)).toEqual([])
    expect(gone(201).length).toBe(99)
    expect(gone(400).every((n) => n % 100 !== 0 && n < 200)).toBe(true)
    expect(oldRecords(['notes'], 400, 100)).toEqual([])
    // Whoever has removed them before need not ask which there are.
    for (let last = 1; last < 400; last += 37) {
      const before = Math.floor(last / 100)
      const left = names.filter((name) => !oldRecords(names, last, 100).includes(`chain/${name}`))
      for (let next = last; next < 400; next += 53) {
        expect(oldRecordsSince(before, next, 100)).toEqual(expect.arrayContaining([...oldRecords(left, next, 100)]))
        expect(oldRecords(names, next, 100)).toEqual(expect.arrayContaining([...oldRecordsSince(before, next, 100)]))
      }
    }
    expect(oldRecordsSince(9, 1_000_001, 1000).length).toBeLessThan(1_000_000)
    expect(oldRecordsSince(999, 1_000_001, 1000).length).toBeLessThan(3000)
    // Nobody begins at those any more.
    expect([1, 200, 201, 301, 950].map((next) => oldFirsts(next, 100))).toEqual([
      ...[[], [], [0], [100, 0]],
      [700, 600, 500, 400],
    ])
  })

  test('X4: names are listed once', () => {
    const pipeline = new Pipeline()
    const { store } = pipeline
    const list = store.list.bind(store)
    let lists = 0
    store.list = (path, done) => {
      lists++
      list(path, done)
    }
    const limits = { ...pipeline.limits, chainEra: 4 }
    for (let n = 0; n < 20; n++) {
      pipeline.end((done) => writeOnce(pipeline, layout.chainRecord(n), Buffer.from('record'), 1, done))
      const before = n < 10 ? null : Math.floor(n / 4)
      pipeline.value((done) => sweepChain({ store, limits }, { ...emptyCluster, next: n + 1 }, before, done))
    }
    expect(lists).toBe(10)
    const left = pipeline.value<readonly string[]>((done) => list('chain', done)).map(Number)
    expect(left).toEqual([0, 4, 8, 12, 13, 14, 15, 16, 17, 18, 19])
  })

  test('X4: of the first record of an era that is over the cluster goes, and what it says and has of others stays', () => {
    const sim = new Sim()
    const store = sim.open()
    const seams = { store, clock: sim.clock, limits: { ...sim.limits, chainEra: 4 } }
    const pipelines = new Map(Array.from({ length: 100 }, (_, n) => [`p${n}`, newEntry]))
    const cluster = { ...emptyCluster, generation: 1, pipelines }
    const body = { kind: 'floor', generation: 1, pipeline: 'p', floor: 3 } as const
    const bytes = [0, 4, 8].map((n) => {
      const stamp = { n, writer: 'w', incarnation: 'i', nonce: `${n}` }
      const record = encodeRecord(body, stamp, cluster, ['a', 'b'])
      sim.end((done) => writeOnce(seams, layout.chainRecord(n), record, 1, done))
      return record
    })
    for (let sweeps = 0; sweeps < 2; sweeps++) {
      sim.value((done) => sweepChain(seams, { ...cluster, next: 9 }, null, done))
      const [first, ...later] = [0, 4, 8].map((n) => sim.read(store, layout.chainRecord(n))!)
      expect(later).toEqual(bytes.slice(1))
      expect(first!.length).toBeLessThan(300)
      expect(decodeRecord('0', 0, first!)).toEqual({ ...decodeRecord('0', 0, bytes[0]!), before: null })
    }
  })

  test('X5: takes old runs of a pipeline, and none that the reader of the chain has not seen', () => {
    const pipeline = new Pipeline()
    pipeline.epoch(1)
    const entry = { ...pipeline.entry(), run: 5 }
    const cluster = { ...emptyCluster, next: 9, pipelines: new Map([['p', entry]]) }
    expect(oldRuns('p', ['0000000001', '0000000005', '0000000009', 'savepoints'], cluster)).toEqual([run])
    expect(oldRuns('q', ['0000000001'], cluster)).toHaveLength(1)
    expect(pipeline.value((done) => sweepRuns(pipeline, cluster, done))).toBe(2)
    expect(pipeline.value<readonly string[]>((done) => pipeline.store.list('pipelines/p', done))).toEqual([])
  })

  test('X5: goes on behind what cannot be listed, or removed', () => {
    const pipeline = new Pipeline(1, {}, { storeParallel: 1 })
    const { disk } = pipeline.process.env
    for (let epoch = 1; epoch <= 2; epoch++) pipeline.epoch(epoch)
    const folder = `store/${layout.packFolder(run)}/0000000000-0000000001-somebodys`
    pipeline.await((report) => disk.makeDirectory(folder, report))
    pipeline.await((report) => disk.makeDirectory('store/pipelines/a', report))
    const { store } = pipeline
    const list = store.list.bind(store)
    store.list = (path, done) => {
      if (path !== 'pipelines/a') return list(path, done)
      const error = fail('E_STORE', { operation: 'list', path, reason: 'not a directory' })
      pipeline.clock.soon(() => done(error, []))
    }
    expect(pipeline.value((done) => sweepRuns(pipeline, { ...emptyCluster, next: 9 }, done))).toBe(4)
    expect(pipeline.names(layout.packFolder(run))).toEqual([0])
  })
})

describe('a savepoint', () => {
  test('U1: outlives everything it was made of, and can be begun with', () => {
    const pipeline = new Pipeline()
    for (let epoch = 1; epoch <= 5; epoch++) pipeline.epoch(epoch)
    const manifest = pipeline.manifests.at(-1)!
    expect(pipeline.end((done) => makeSavepoint(pipeline, manifest, 'Übergabe', done))).toBeNull()
    // The same again is the same savepoint, another epoch's is not.
    expect(pipeline.end((done) => makeSavepoint(pipeline, manifest, 'Übergabe', done))).toBeNull()
    const other = pipeline.end((done) => makeSavepoint(pipeline, pipeline.manifests[2]!, 'Übergabe', done))
    expect(other?.code).toBe('E_STORE_TAKEN')
    const kept = [...manifest.packs.map(({ epoch }) => epoch), null]
    expect(pipeline.names(layout.savepointFolder('p', 'Übergabe'))).toEqual(kept)
    pipeline.value((done) => sweepRuns(pipeline, { ...emptyCluster, next: 100 }, done))
    expect(pipeline.read(pipeline.store, manifest.packs[0]!.path)).toBeNull()
    const from = layout.savepointManifest('p', 'Übergabe')
    const decided = pipeline.decide(pipeline.survey({ ...pipeline.entry(), epochs: [], from }))
    expect(decided).toMatchObject({ kind: 'restore', manifest: { epoch: 5 }, instead: null, damages: [] })
  })

  test('U1: of a run that began with one has the packs of both, each by its name', () => {
    const pipeline = new Pipeline()
    pipeline.epoch(1)
    const [first] = pipeline.manifests
    pipeline.end((done) => makeSavepoint(pipeline, first!, 'one', done))
    const kept = { ...first!.packs[0]!, path: layout.savepointObject('p', 'one', first!.packs[0]!.path) }
    const own = layout.pack({ pipeline: 'p', run: 2 }, { epoch: 1, generation: 1, worker: 'w', incarnation: 'i' })
    pipeline.end((done) => writeOnce(pipeline, own, Buffer.from('own'), 1, done))
    const both = { ...first!, run: 2, packs: [kept, { ...kept, path: own }] }
    expect(pipeline.end((done) => makeSavepoint(pipeline, both, 'two', done))).toBeNull()
    const [again, theirs] = both.packs.map(({ path }) => layout.savepointObject('p', 'two', path))
    expect(pipeline.read(pipeline.store, again!)).toEqual(pipeline.read(pipeline.store, kept.path))
    expect(pipeline.read(pipeline.store, theirs!)).toEqual(Buffer.from('own'))
  })

  test('U1: is not there while a pack of it could not be linked', () => {
    const pipeline = new Pipeline()
    pipeline.epoch(1)
    const manifest = pipeline.manifests[0]!
    pipeline.end((done) => pipeline.store.remove(manifest.packs[0]!.path, done))
    expect(pipeline.end((done) => makeSavepoint(pipeline, manifest, 's', done))?.code).toBe('E_STORE')
    expect(pipeline.read(pipeline.store, layout.savepointManifest('p', 's'))).toBeNull()
  })
})

describe('a survey', () => {
  test('goes back to an older epoch when a pack or a manifest is damaged, and says why', () => {
    const pipeline = new Pipeline()
    for (let epoch = 1; epoch <= 5; epoch++) pipeline.epoch(epoch)
    const { path } = pipeline.manifests[4]!.packs.at(-1)!
    pipeline.end((done) => pipeline.store.remove(path, done))
    const decided = pipeline.decide(pipeline.survey(pipeline.entry()))
    expect(decided).toMatchObject({ kind: 'restore', manifest: { epoch: 4 }, instead: 5, damages: [{ path }] })
  })

  test('decides anew when a chunk turns out damaged', () => {
    const pipeline = new Pipeline()
    for (let epoch = 1; epoch <= 5; epoch++) pipeline.epoch(epoch)
    const survey = pipeline.survey(pipeline.entry())
    const first = pipeline.decide(survey)
    if (first.kind !== 'restore') throw new Error(first.kind)
    const place = first.chains[0]!.chunks.at(-1)!
    const { step, keyGroup } = place.chunk
    survey.report([{ path: place.pack.path, part: { step, keyGroup }, reason: 'its checksum does not match' }])
    const second = pipeline.decide(survey)
    expect(second).toMatchObject({ kind: 'restore', instead: 5 })
    expect(second.kind === 'restore' && second.manifest.epoch).toBeLessThan(place.pack.epoch)
  })

  test('of a pipeline without epochs begins afresh', () => {
    const pipeline = new Pipeline()
    expect(pipeline.decide(pipeline.survey(pipeline.entry()))).toEqual({ kind: 'fresh' })
  })

  test('tries again what cannot be read, and takes it for damaged where something else can', () => {
    const pipeline = new Pipeline(1, {}, { storeRetryMs: 10 })
    pipeline.epoch(1)
    pipeline.epoch(2)
    const { disk } = pipeline.process.env
    const readFile = disk.readFile.bind(disk)
    let failures = 0
    let bad = ['']
    disk.readFile = (path, done) => {
      const fails = bad.some((end) => path.endsWith(end)) && failures-- > 0
      const error = new DiskError('io', 'read', path, 'a bad sector')
      if (fails) pipeline.clock.soon(() => done(error, undefined as never))
      else readFile(path, done)
    }
    const decideAfter = (count: number) => {
      failures = count
      return pipeline.decide(pipeline.survey(pipeline.entry()))
    }
    // A store that gives nothing is away, for as long as it likes.
    for (const count of [2, 3, 4, 50]) {
      expect(decideAfter(count)).toMatchObject({ manifest: { epoch: 2 }, instead: null })
      expect(failures).toBeLessThan(1)
    }
    failures = Infinity
    const known = { pipeline: 'p', entry: pipeline.entry(), acceptLoss: false }
    const { store, clock, limits } = pipeline
    // Nobody who waits for an answer waits for that.
    const hurried = new Survey({ store, clock, limits, hurried: true }, known)
    const told = pipeline.await<unknown>((report) => hurried.decide((...answer) => report(answer)))
    expect(told).toMatchObject([{ code: 'E_STORE' }, null])
    bad = [layout.manifest(run, 1, 2)]
    expect(decideAfter(3)).toMatchObject({ manifest: { epoch: 2 }, instead: null })
    expect(decideAfter(4)).toMatchObject({ manifest: { epoch: 1 }, instead: 2 })
    // What every store has may lie on bad sectors, too.
    bad.push(`/${layout.CLUSTER}`)
    expect(decideAfter(Infinity)).toMatchObject({ manifest: { epoch: 1 }, instead: 2 })
  })
})

test('an object is written once: a second writer of other bytes is told so', () => {
  const sim = new Sim(5, { unknownChance: 0.4 })
  const store = sim.open()
  const write = (text: string) =>
    sim.end((done) =>
      writeOnce({ store, clock: sim.clock, limits: sim.limits }, 'sealed/w/i', Buffer.from(text), 50, done),
    )
  expect(write('a')).toBeNull()
  expect(write('a')).toBeNull()
  expect(write('b')?.code).toBe('E_STORE_TAKEN')
})
