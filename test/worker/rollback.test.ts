/**
 * A survivor that goes back in memory, reading only what has changed, stands where a full restore would stand: compared
 * over drawn times, owners and members.
 */
import { expect, test } from 'vitest'
import { Prng } from '../../src/base/prng.ts'
import { PackIndexes } from '../../src/checkpoint/pack-indexes.ts'
import { generatorSource, nullSink, type Pipeline, pipeline } from '../../src/index.ts'
import { plan } from '../../src/model/planner.ts'
import type { Holdings } from '../../src/worker/execution/generation.ts'
import { StateReturn } from '../../src/worker/execution/restore/state-return.ts'
import { Crew, crewLimits, type Hand } from './crew.ts'

const KEYS = 300

/** Two steps with state: one whose keys come and go, and one with a time to live that puts out its results later. */
const program: Pipeline = pipeline('changing', (p) => {
  const numbers = p
    .source('numbers', generatorSource<number>({ value: (n) => n, rate: 1000, splits: 3 }))
    .keyBy('by-key', (n) => (n * n) % KEYS)
  numbers
    .mapWithState('sum', {
      init: () => ({ sum: 0, last: 0 }),
      step: (state, n, context) => {
        state.sum += n
        state.last = n
        if (n % 5 === 0) context.forget()
      },
    })
    .sink('nowhere', nullSink())
  numbers
    .aggregate('most', {
      init: () => ({ most: 0 }),
      add: (state, n) => {
        state.most = Math.max(state.most, n)
      },
      result: (state) => state.most,
      every: 400,
      ttl: 60_000,
    })
    .sink('nowhere-else', nullSink())
})

/** Everything in the stores of `hands`, by step and key. */
function stateOf(hands: readonly Hand[]): Record<string, unknown> {
  const state: Record<string, unknown> = {}
  for (const { name, execution } of hands) {
    const { owners, self } = execution!.generation
    for (const [step, store] of execution!.stores) {
      for (let group = 0; group < owners.length; group++) {
        store.each(group, (key, value, time) => {
          expect(owners[group], `${name} has group ${group}`).toBe(self)
          state[`${step} ${String(key)}`] = [structuredClone(value), time]
          return true
        })
      }
    }
  }
  return state
}

/** Counts the bytes that are read of packs. What is known of these is forgotten: both ways read it. */
function countReads({ hands }: Crew): () => number {
  let bytes = 0
  for (const hand of hands) hand.indexes = new PackIndexes()
  for (const hand of hands) {
    if (hand.phase === 'dead' || hand.store === undefined) continue
    const { store } = hand
    const readRange = store.readRange.bind(store)
    store.readRange = (path, position, length, done) =>
      readRange(path, position, length, (error, found) => {
        bytes += found?.length ?? 0
        done(error, found)
      })
  }
  return () => bytes
}

test.each(Array.from({ length: 12 }, (_, i) => i + 1))(
  'who goes back in memory stands where a full restore would (seed %i)',
  (seed) => {
    const random = new Prng(seed)
    const crew = new Crew(['a', 'b', 'c'], {
      plan: () => plan(program.build()),
      seed,
      limits: { keyGroups: 64, packGapBytes: 0 },
    })
    const all = ['a', 'b', 'c']
    const dealt = () => {
      const shuffled = Array.from({ length: 64 }, () => random.below(3))
      return (members: number) => (group: number) => shuffled[group]! % members
    }
    crew.start(all)
    crew.run(all, { owners: dealt()(3) })
    for (let round = 0; round < 3; round++) {
      const from = crew.epoch
      crew.until(() => crew.epoch >= from + 1 + random.below(3))
      crew.world.run(crew.world.now + random.below(400))
      const victim = random.below(4)
      const members = all.filter((_, i) => i !== victim)
      if (victim < 3) crew.hand(all[victim]!).kill()
      const owners = dealt()(members.length)
      const filteredBytes = countReads(crew)
      crew.generation(members, { owners })
      const hands = members.map((name) => crew.hand(name))
      const filtered = stateOf(hands)
      const bytes = filteredBytes()
      const wholeBytes = countReads(crew)
      crew.generation(members, { owners, handOver: false })
      expect(stateOf(hands)).toEqual(filtered)
      expect(Object.keys(filtered).length).toBeGreaterThan(20)
      expect(bytes).toBeLessThan(wholeBytes())
      if (victim < 3) crew.start([all[victim]!])
      crew.run(all, { owners: dealt()(3) })
    }
  },
)

/** The state of a worker that runs alone, has changed since its base, and is asked to go back. */
function aboutToGoBack(when: (held: Holdings) => boolean = () => true) {
  const crew = new Crew(['a'], { plan: () => plan(program.build()), seed: 1 })
  crew.start(['a'])
  crew.run(['a'])
  crew.until(() => crew.epoch >= 2)
  crew.world.run(crew.world.now + 150)
  const execution = crew.hand('a').execution!
  const { generation, stores } = execution
  crew.until(() => when(execution.holdings()))
  const held = execution.holdings()
  return {
    state: new StateReturn(plan(program.build()), generation, crewLimits, new Set(), held),
    held,
    stores,
    generation,
  }
}

test('what has gone back to a base that turns out to be damaged is read whole', () => {
  const { state, held, stores, generation } = aboutToGoBack()
  const wants = () => [...generation.owners.keys()].map((group) => state.wants('sum', group))
  state.begin(held.base, true)
  const group = wants().indexOf('changes')
  expect(wants()).not.toContain('whole')
  // Nothing has gone back before something was taken: it may be decided anew.
  state.begin(held.base, true)
  expect(wants()).not.toContain('whole')
  state.take('sum', group, null, [])
  expect(state.stores).toContain(stores.get('sum'))
  state.begin(held.base, true)
  expect(new Set(wants())).toEqual(new Set(['whole']))
  expect(state.stores).not.toContain(stores.get('sum'))
})

test('who has gone on to an epoch whose end it had not heard of does not stand at the one before any more', () => {
  const { state, held, generation } = aboutToGoBack(({ undecided }) => undecided > 0)
  const wants = () => new Set([...generation.owners.keys()].map((group) => state.wants('sum', group)))
  state.begin(held.undecided, true)
  expect(wants()).not.toContain('whole')
  // A chunk of that epoch is damaged: what has changed between the two would stay as it was in the later one.
  state.begin(held.base, true)
  expect(wants()).toEqual(new Set(['whole']))
})

test('nothing goes back before the chain names the base', () => {
  const { state, held, stores, generation } = aboutToGoBack()
  state.begin(held.base, false)
  const group = [...generation.owners.keys()].find((group) => state.wants('sum', group) === 'changes')!
  state.take('sum', group, null, [])
  expect(stores.get('sum')!.pendingKeyGroups).toBe(0)
  state.finish([])
  expect(stores.get('sum')!.pendingKeyGroups).toBeGreaterThan(0)
})
