/**
 * When keys go that no record touches:
 * - also where one of several sources has nothing to say, and not before it has handed over what came in
 * - also where there is always a batch to take, and where the clock is set back
 * - not while what is replayed goes back and forth in time, nor before what asyncMap or an aggregate in front of them
 *   holds
 * - not before their results have gone out: neither with time, nor where a record begins them anew, nor without room
 *   for them
 * And what workers send one another is not added up there: a sum does not tell what came before the end of a key.
 */
import { describe, expect, test } from 'vitest'
import type { Batch } from '../../src/dataflow/batch.ts'
import type { Outlet } from '../../src/dataflow/channel.ts'
import { Channel } from '../../src/dataflow/channel.ts'
import { generatorSource, nullSink, type PipelineBuilder, pipeline, type Stream } from '../../src/index.ts'
import { plan } from '../../src/model/planner.ts'
import { type Stage, stage } from './stage.ts'

const TTL_MS = 10_000

const counting = pipeline('p', (p) => {
  const busy = p.source('busy', generatorSource<string>({ value: String }))
  const quiet = p.source('quiet', generatorSource<string>({ value: String }))
  busy
    .merge('both', quiet)
    .keyBy('by', (key) => key)
    .mapWithState('count', { init: () => ({ n: 0 }), step: (state) => ++state.n, ttl: TTL_MS })
    .sink('out', nullSink())
})

/** Of two sources that do not end, one of which has `values`. */
function open(values: readonly string[]): Stage {
  const under = stage(plan(counting.build()), { busy: [...values], quiet: [] })
  for (const feed of under.feeds.values()) feed.ends = false
  return under
}

function at(under: Stage, now: number): number {
  if (under.runtime.due <= now) under.runtime.elapse(now)
  under.settle(now)
  return under.stores.get('count')!.keys
}

test('a source that nobody sends to keeps no key', () => {
  const under = open(['a'])
  expect(at(under, 0)).toBe(1)
  expect(at(under, TTL_MS)).toBe(1)
  expect(at(under, 1.3 * TTL_MS)).toBe(0)
})

test('a source with records that it has not handed over keeps them', () => {
  const under = open(['a'])
  const quiet = under.feeds.get('quiet')!
  expect(at(under, 0)).toBe(1)
  Object.defineProperty(quiet, 'quiet', { value: false })
  expect(at(under, 2 * TTL_MS)).toBe(1)
})

test('keys go while there is always a batch to take', () => {
  const under = open(Array.from({ length: 50_000 }, (_, n) => `k${n}`))
  const busy = under.feeds.get('busy')!
  for (let now = 0; now < 5 * TTL_MS; now += 10) {
    under.runtime.elapse(now)
    under.runtime.step(now, 3)
  }
  expect(busy.at).toBeLessThan(busy.values.length)
  expect(under.stores.get('count')!.keys).toBeLessThan(busy.at / 2)
})

test('where the clock is set back by days keys go all the same, and none that was touched since', () => {
  const DAYS = 3 * 86_400_000
  const under = open(['ahead'])
  const busy = under.feeds.get('busy')!
  // Whatever comes wakes the loop, which lets everything look where the clock was set back.
  const send = (key: string): void => {
    busy.values.push(key)
    under.runtime.elapse(Infinity)
  }
  expect(at(under, DAYS)).toBe(1)
  send('a')
  expect(at(under, 0)).toBe(2)
  send('b')
  expect(at(under, TTL_MS)).toBe(3)
  expect(at(under, 1.3 * TTL_MS)).toBe(2)
  expect(at(under, 2.5 * TTL_MS)).toBe(1)
  expect(at(under, DAYS + 1.3 * TTL_MS)).toBe(0)
})

test('records that come in no order of their times keep them', () => {
  const under = open(['a'])
  const busy = under.feeds.get('busy')!
  busy.ordered = false
  expect(at(under, 0)).toBe(1)
  expect(at(under, 2 * TTL_MS)).toBe(1)
  busy.ordered = true
  expect(at(under, 3 * TTL_MS)).toBe(0)
})

describe('a key stays while something in front of it holds', () => {
  function counted(build: (keys: Stream<string>) => Stream<string>, calls: (() => void)[] = []): Stage {
    const built = pipeline('p', (p) => {
      build(p.source('in', generatorSource<string>({ value: String })))
        .keyBy('by', (key) => key)
        .mapWithState('count', { init: () => ({ n: 0 }), step: (state) => `${++state.n} `, ttl: TTL_MS })
        .sink('out', nullSink({ encode: (row) => row }))
    })
    const under = stage(plan(built.build()), { in: ['a'] })
    under.feeds.get('in')!.ends = false
    under.settle(0)
    for (const call of calls.splice(0)) call()
    return under
  }

  test('an input of it', async () => {
    const calls: (() => void)[] = []
    const slow = (key: string) => new Promise<string>((resolve) => calls.push(() => resolve(key)))
    const under = counted((keys) => keys.asyncMap('slow', slow), calls)
    await new Promise(setImmediate)
    expect(at(under, 0)).toBe(1)
    under.feeds.get('in')!.values.push('a')
    at(under, TTL_MS / 2)
    expect(at(under, 2 * TTL_MS)).toBe(1)
    calls[0]!()
    await new Promise(setImmediate)
    expect(at(under, 3 * TTL_MS)).toBe(0)
    expect(under.writers.get('out')!.text).toBe('1 2 ')
  })

  test('a result for it', () => {
    const under = counted((keys) =>
      keys.keyBy('first', (key) => key).reduce('last', (_, key) => key, { every: 2 * TTL_MS }),
    )
    under.feeds.get('in')!.values.push('a')
    at(under, TTL_MS / 2)
    expect(at(under, 2 * TTL_MS - 1)).toBe(1)
    at(under, 2 * TTL_MS)
    expect(under.writers.get('out')!.text).toBe('1 2 ')
    expect(at(under, 3 * TTL_MS)).toBe(0)
  })
})

/** Sums that come out five times as late as keys go. */
function sums(p: PipelineBuilder<Record<never, never>>): Stream<string> {
  return p
    .source('in', generatorSource<string>({ value: String }))
    .keyBy('by', (key) => key)
    .aggregate('count', {
      init: () => ({ n: 0 }),
      add: (sum) => void sum.n++,
      combine: (sum, other) => void (sum.n += other.n),
      result: ({ n }, key) => `${key}${n} `,
      ttl: TTL_MS,
      every: 5 * TTL_MS,
    })
}

const summing = pipeline('p', (p) => {
  sums(p).sink('out', nullSink({ encode: (row) => row }))
})

const WORDS = 50
/** The same, each said more often than a channel has room for. */
const wordy = pipeline('p', (p) => {
  sums(p)
    .flatMap('repeat', (row) => Array.from({ length: WORDS }, () => row))
    .sink('out', nullSink({ encode: (row) => row }))
})

describe('what a step has to say about a key', () => {
  function begun(values: readonly string[], of = summing): Stage & { readonly said: string } {
    const under = stage(plan(of.build()), { in: [...values] })
    under.feeds.get('in')!.ends = false
    // The first result comes at once.
    under.settle(0)
    return Object.defineProperty(under as Stage & { said: string }, 'said', {
      get: () => under.writers.get('out')!.text,
    })
  }

  test('comes out before the key goes', () => {
    const under = begun(['a'])
    under.feeds.get('in')!.values.push('b')
    expect(at(under, 1000)).toBe(2)
    expect(at(under, 2 * TTL_MS)).toBe(1)
    expect(at(under, 4 * TTL_MS)).toBe(1)
    expect(at(under, 5 * TTL_MS)).toBe(0)
    expect(under.said).toBe('a1 b1 ')
  })

  test('comes out before a record begins it anew', () => {
    const under = begun(['a'])
    under.feeds.get('in')!.values.push('a', 'a')
    at(under, 1000)
    under.feeds.get('in')!.values.push('a')
    at(under, 2 * TTL_MS)
    expect(under.said).toBe('a1 a3 ')
    at(under, 5 * TTL_MS)
    expect(under.said).toBe('a1 a3 a1 ')
  })

  test('waits with the key for room', () => {
    const keys = ['a', 'b', 'c', 'd']
    const under = begun(keys, wordy)
    const { values } = under.feeds.get('in')!
    const writer = under.writers.get('out')!
    const once = under.said.length
    values.push(...keys)
    at(under, 1000)
    writer.room = false
    // One batch, which ends all four: of each comes more than there is room for.
    values.push(...keys)
    const handedOver = (): number => under.runtime.figures()[1]!.recordsOut
    const before = handedOver()
    at(under, 2 * TTL_MS)
    // The sink takes one batch before it is told to wait.
    expect(handedOver() - before).toBeLessThanOrEqual(2 * WORDS)
    // The time of the next results comes, which could do nothing but ask for turn after turn.
    at(under, 6 * TTL_MS)
    expect(under.runtime.due).toBeGreaterThan(6 * TTL_MS)
    writer.room = true
    for (let task = 0; task < 3; task++) under.runtime.wake(task)
    at(under, 6 * TTL_MS)
    const results = (n: number): string => keys.map((key) => `${key}${n} `.repeat(WORDS)).join('')
    expect(under.said.slice(once)).toBe(results(2) + results(1))
  })
})

test('workers add nothing up for keys that go', () => {
  const sent: Batch[] = []
  const far: Outlet = { room: true, recordsTotal: 0, push: (batch) => void sent.push(batch), mark: () => {} }
  const crossings = { members: 2, self: 1, target: () => null, outlet: () => far, input: () => new Channel(0, 2) }
  const under = stage(plan(summing.build()), { in: ['a', 'a', 'b'] }, { crossings })
  under.settle()
  expect(sent.map(({ combined, length }) => [combined, length])).toEqual([[false, 3]])
})
