/** What a writer of the chain says while the store takes nothing (A8 of `chain-writer.ts`). */
import { expect, test } from 'vitest'
import { fail } from '../../src/base/errors.ts'
import { makeLimits } from '../../src/base/limits.ts'
import { Prng } from '../../src/base/prng.ts'
import { ChainReader } from '../../src/checkpoint/chain-reader.ts'
import { ChainWriter } from '../../src/checkpoint/chain-writer.ts'
import { SimRandom } from '../../src/sim/random.ts'
import { Timeline } from '../../src/sim/timeline.ts'
import { WeakWorld } from './weak-store.ts'

const limits = makeLimits({ storeRetryMs: 100, storeTimeoutMs: 1000 })
const full = fail('E_STORE', { operation: 'write', path: 'chain', reason: 'no space left' })

/** A worker that appends to a store which takes nothing until `room` is made; `said` is what it says of it. */
function appending() {
  const world = new WeakWorld()
  const timeline = new Timeline()
  const after = (ms: number, fn: () => void) => {
    const event = timeline.at(timeline.now + ms, null, fn)
    return { cancel: () => timeline.cancel(event) }
  }
  const now = () => timeline.now
  const clock = { now, monotonic: now, after, soon: (fn: () => void) => void after(0, fn) }
  const store = world.store('w')
  const create = store.createExclusive.bind(store)
  const disk = { room: false }
  store.createExclusive = (path, bytes, done) => {
    if (disk.room) create(path, bytes, done)
    else world.due.push(() => done('unknown', full))
  }
  const said: string[] = []
  const reader = new ChainReader(store, limits, { onRecord: () => {}, onJump: () => {} })
  const random = new SimRandom(new Prng(1))
  const writer = new ChainWriter(
    reader,
    { clock, random },
    { worker: 'w', incarnation: 'i' },
    {
      waits: ({ code }) => said.push(`waits: ${code}`),
      goesOn: (ms) => said.push(`goes on after ${ms}`),
      resign: (error) => said.push(`resigns: ${error?.code}`),
      counted: () => {},
    },
  )
  const pass = (ms: number): void => {
    for (const end = timeline.now + ms; timeline.now < end; ) {
      timeline.run(timeline.now + 1)
      for (world.settle(); world.waiting.length > 0; world.settle()) world.happen(0)
    }
  }
  const members = [{ worker: 'w', incarnation: 'i', address: '' }]
  const body = { kind: 'generation', generation: 1, coordinator: 'w', splits: null, bases: [], members } as const
  writer.append(
    () => ({ ...body, owners: new Uint16Array(4) }),
    ({ kind }) => said.push(kind),
  )
  return { disk, said, pass, writer }
}

test('of an append that is decided at its second attempt nothing is said', () => {
  const { disk, said, pass } = appending()
  pass(5)
  disk.room = true
  pass(100)
  expect(said).toEqual(['appended'])
})

test('why an append is not decided is said once, and when it is', () => {
  const { disk, said, pass } = appending()
  pass(500)
  expect(said).toEqual(['waits: E_STORE'])
  disk.room = true
  pass(200)
  expect(said).toEqual(['waits: E_STORE', expect.stringMatching(/^goes on after 5\d\d$/), 'appended'])
})

test('who resigns says why, and the end of what it was is no news', () => {
  const { said, pass, writer } = appending()
  pass(1000)
  writer.close()
  pass(200)
  expect(said).toEqual(['waits: E_STORE', 'resigns: E_STORE', 'undecided'])
})
