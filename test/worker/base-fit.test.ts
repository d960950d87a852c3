import { expect, test } from 'vitest'
import type { Manifest, StepEntry } from '../../src/checkpoint/manifest.ts'
import { generatorSource, type KeyedStream, nullSink, pipeline, type Stream } from '../../src/index.ts'
import { plan } from '../../src/model/planner.ts'
import { checkSteps, keptOf, stepsOf } from '../../src/worker/execution/restore/base-fit.ts'

test('a base of which nothing is dropped is that base: what was prepared for it counts', () => {
  const part = (step: string) => ({ step, worker: 'w', snapshot: [] })
  const base = { steps: [], sources: [part('a'), part('b')], sinks: [part('c')] } as unknown as Manifest
  expect(keptOf(base, new Set())).toBe(base)
  const { sources, sinks } = keptOf(base, new Set(['a', 'c']))
  expect([sources, sinks]).toEqual([[part('b')], []])
})

const schema = { version: 2, migrate: () => ({ n: 0 }) }
const steps: Record<string, (keyed: KeyedStream<number, number>) => Stream<unknown>> = {
  reduce: (keyed) => keyed.reduce('sum', (a, b) => a + b),
  aggregate: (keyed) =>
    keyed.aggregate('sum', { init: () => ({ n: 0 }), add: (sum, n) => (sum.n += n), result: ({ n }) => n }),
  mapWithState: (keyed) => keyed.mapWithState('sum', { init: () => ({}), step: (_, n) => n }),
  'aggregate of 2': (keyed) =>
    keyed.aggregate('sum', { init: () => ({ n: 0 }), add: (sum, n) => (sum.n += n), result: ({ n }) => n, schema }),
}

/** Whether the program with the step `now` goes on with what the one with the step `before` has left. */
function goesOn(before: string | StepEntry, now: string): () => void {
  const program = (step: string) =>
    plan(
      pipeline('changed', (p) => {
        const source = p.source('numbers', generatorSource<number>({ value: (n) => n }))
        steps[step]!(source.keyBy('by', (n) => n)).sink('nowhere', nullSink())
      }).build(),
    )
  const entries = typeof before === 'string' ? stepsOf(program(before)) : [before]
  return () => checkSteps(program(now), { steps: entries } as unknown as Manifest)
}

test.each([
  ['reduce', 'mapWithState'],
  ['reduce', 'aggregate'],
  ['aggregate', 'reduce'],
  ['mapWithState', 'aggregate'],
])('what a %s has gathered is nothing for a step that is %s now', (before, now) => {
  expect(goesOn(before, now)).toThrow(new RegExp(`was ${before} and is ${now}: its state does not fit`))
})

test('what a reduce has added up is for an aggregate whose migrate takes it, and for no other', () => {
  expect(goesOn('reduce', 'aggregate of 2')).not.toThrow()
  expect(goesOn('aggregate of 2', 'aggregate of 2')).not.toThrow()
  expect(goesOn('aggregate of 2', 'aggregate')).toThrow(expect.objectContaining({ code: 'E_STATE_NEWER' }))
})

test('what an earlier release has of a reduce or an aggregate is taken on by either: it did not say which', () => {
  const entry = { step: 'sum', kind: 'aggregate', schema: 1, since: 1 }
  expect(goesOn(entry, 'reduce')).not.toThrow()
  expect(goesOn(entry, 'aggregate')).not.toThrow()
  expect(goesOn(entry, 'mapWithState')).toThrow(/was reduce or aggregate and is mapWithState/)
})
