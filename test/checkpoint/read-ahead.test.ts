/** Reading before a change of owners what is needed after it. */
import { expect, test } from 'vitest'
import type { PackChunk } from '../../src/checkpoint/pack-format.ts'
import { ReadAhead, readAhead, readThrough, restOf } from '../../src/checkpoint/read-ahead.ts'
import type { GroupChain, Restore } from '../../src/checkpoint/resolve.ts'
import { Survey, type SurveySeams } from '../../src/checkpoint/survey.ts'
import { KeyTable } from '../../src/state/key-table.ts'
import { Pipeline } from './pipeline.ts'
import { watchReads } from './watch-reads.ts'

const GETS = [1, 4]
const wanted = (keyGroup: number): boolean => GETS.includes(keyGroup)

/** A pipeline with some epochs, and a worker that reads its store. */
function stage(bytesMax = 1 << 20) {
  const pipeline = new Pipeline()
  for (let epoch = 1; epoch <= 7; epoch++) pipeline.epoch(epoch)
  const { clock, limits } = pipeline
  const { store, reads } = watchReads(pipeline.store)
  const ahead = new ReadAhead({ readAheadBytes: bytesMax })
  const seams = { store, clock, limits, ahead }
  const known = () => ({ pipeline: 'p', entry: pipeline.entry(), acceptLoss: false })
  return {
    pipeline,
    reads,
    ahead,
    seams,
    known,
    prepare: () => pipeline.await<readonly GroupChain[]>((done) => readAhead(seams, known(), wanted, done)),
    restore: () => restore(pipeline, seams, new Survey(seams, known())),
  }
}

/** What the worker finds in the packs for its key groups, in the order in which it applies. */
function restore(pipeline: Pipeline, seams: SurveySeams, survey: Survey): readonly string[] {
  const decided = pipeline.decide(survey) as Restore
  const packs = new Map<string, PackChunk[]>()
  for (const { keyGroup, chunks } of decided.chains) {
    if (!wanted(keyGroup)) continue
    for (const { pack, chunk } of chunks) packs.set(pack.path, [...(packs.get(pack.path) ?? []), chunk])
  }
  const found: string[] = []
  for (const [path, chunks] of packs) {
    pipeline.await((done) => readThrough(seams, path, chunks, (_, bytes) => found.push(String(bytes)), done))
  }
  return found.toSorted()
}

test('what was read ahead is not read again, and what came after it is', () => {
  const { pipeline, reads, prepare, restore } = stage()
  const plain = restore()
  prepare()
  reads.length = 0
  expect(restore()).toEqual(plain)
  expect(reads).toEqual([])
  pipeline.epoch(8)
  const newer = restore()
  expect(newer).toContain('4 at 8')
  // Its manifest, and one pack: the index and the chunks.
  expect(new Set(reads).size).toBe(2)
  expect(reads.filter((path) => path.includes('manifest')).length).toBeLessThanOrEqual(1)
})

test('A1: what is damaged is not kept, and found damaged by whoever needs it', () => {
  const { pipeline, prepare, restore, ahead } = stage()
  const decided = pipeline.decide(pipeline.survey(pipeline.entry())) as Restore
  const { pack, chunk } = decided.chains.find(({ keyGroup }) => keyGroup === 4)!.chunks.at(-1)!
  const bytes = Buffer.from(pipeline.read(pipeline.store, pack.path)!)
  bytes[chunk.position]! ^= 1
  pipeline.end((done) => pipeline.store.put(pack.path, bytes, done))
  prepare()
  expect(ahead.chunk(pack.path, chunk)).toBeUndefined()
  expect(restore()).not.toContain('4 at 7')
})

test('A3: what was decided ahead counts for the last epoch, and not once something of it is found damaged', () => {
  const { pipeline, prepare, ahead, seams, known } = stage()
  prepare()
  const [decided] = [...ahead.decisions.values()]
  const survey = new Survey(seams, known())
  expect(pipeline.decide(survey)).toBe(decided)
  const { pack, chunk } = (decided as Restore).chains.find(({ keyGroup }) => keyGroup === 4)!.chunks.at(-1)!
  survey.report([{ path: pack.path, part: chunk, reason: 'flipped' }])
  expect(pipeline.decide(survey)).toMatchObject({ kind: 'restore', instead: 7 })
  pipeline.epoch(8)
  expect((pipeline.decide(new Survey(seams, known())) as Restore).manifest.epoch).toBe(8)
  ahead.decisions.clear()
  const bytes = Buffer.from(pipeline.read(pipeline.store, pack.path)!)
  bytes.fill(0)
  pipeline.end((done) => pipeline.store.put(pack.path, bytes, done))
  ahead.packs.clear()
  prepare()
  expect(ahead.decisions.size).toBe(0)
})

test('A2: it holds no more than its limit', () => {
  const { reads, prepare, restore } = stage(Buffer.byteLength('4 at 7'))
  const plain = restore()
  prepare()
  reads.length = 0
  expect(restore()).toEqual(plain)
  expect(reads.length).toBeGreaterThan(0)
})

test('A4: a table counts for what begins with its chunks, by the program that it was made with, and is given once', () => {
  const { pipeline, prepare, ahead, reads } = stage()
  const chain = prepare().find(({ keyGroup }) => keyGroup === 4)!
  const submitted = pipeline.entry().submitted
  const table = new KeyTable(4, false)
  ahead.make(submitted, chain, { table, of: chain.chunks })
  const [{ pack, chunk }] = chain.chunks as [GroupChain['chunks'][0]]
  expect(ahead.chunk(pack.path, chunk)).toBeUndefined()
  expect(ahead.made(submitted + 1, chain)).toBeUndefined()
  pipeline.epoch(8)
  reads.length = 0
  const longer = prepare().find(({ keyGroup }) => keyGroup === 4)!
  const made = ahead.made(submitted, longer)
  expect(made?.table).toBe(table)
  expect(restOf(longer, made)).toEqual(longer.chunks.slice(chain.chunks.length))
  expect(reads).not.toContain(pack.path)
  const anew = { ...longer, chunks: longer.chunks.slice(1) }
  expect(ahead.made(submitted, anew)).toBeUndefined()
  expect(restOf(anew, undefined)).toEqual(anew.chunks)
  ahead.give(submitted, chain.step, 4)
  expect(ahead.made(submitted, longer)).toBeUndefined()
})
