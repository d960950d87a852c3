/** Reading and decoding before a change of owners. */
import { expect, test } from 'vitest'
import type { Cluster } from '../../src/checkpoint/cluster.ts'
import { PackIndexes } from '../../src/checkpoint/pack-indexes.ts'
import { Ahead } from '../../src/worker/ahead.ts'
import type { Loop, Work } from '../../src/worker/loop.ts'
import { Pipeline } from '../checkpoint/pipeline.ts'

/** What a worker reads ahead of a pipeline with one epoch, and the work that it takes on with that. */
function stage() {
  const pipeline = new Pipeline()
  pipeline.epoch(1)
  const works = new Set<Work>()
  const { store, clock, limits } = pipeline
  const ahead = new Ahead({
    ...{ clock, limits, acceptLoss: false, indexes: new PackIndexes(), store: () => store, wants: () => true },
    loop: { add: (work: Work) => works.add(work), remove: (work: Work) => works.delete(work) } as unknown as Loop,
    cluster: () => ({ pipelines: new Map([['p', pipeline.entry()]]) }) as unknown as Cluster,
    load: (_name, _entry, done) => clock.soon(() => done(null, null)),
    follow: (then) => then(),
  })
  return { pipeline, ahead, works }
}

test('what was read ahead is decoded beside other work, and is waited for, except for the last time', () => {
  const { pipeline, ahead, works } = stage()
  pipeline.await<void>((done) => ahead.read(new Set([1]), true, done))
  expect(works.size).toBe(1)
  ahead.stop()
  expect(works.size).toBe(0)
})

test('W2: what is still being read when owners change is not decoded any more', () => {
  const { pipeline, ahead, works } = stage()
  pipeline.await<void>((done) => {
    ahead.read(new Set([1]), false, done)
    ahead.stop()
  })
  expect(works.size).toBe(0)
})

test.each([
  ['of no use any more', 'clear', 0],
  ['that of the next generation', 'stop', 1],
] as const)('W3: what is still being read and is %s', (_, end, kept) => {
  const { pipeline, ahead } = stage()
  pipeline.await<void>((done) => {
    ahead.read(new Set([1]), false, done)
    ahead[end]()
  })
  expect(ahead.kept.manifests.size).toBe(kept)
})
