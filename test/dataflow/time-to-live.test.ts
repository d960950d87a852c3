/**
 * When keys go that no record touches:
 * - also where one of several sources has nothing to say, and not before it has handed over what came in
 * - also where there is always a batch to take
 */
import { expect, test } from 'vitest'
import { generatorSource, nullSink, pipeline } from '../../src/index.ts'
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
