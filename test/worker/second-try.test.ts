/**
 * Dead letters that go on behind the step that their record has passed: as they would have gone on at once, whenever
 * that is.
 */
import { expect, test } from 'vitest'
import { generatorSource, nullSink, pipeline } from '../../src/index.ts'
import type { SinkDescription } from '../../src/model/connector.ts'
import { plan } from '../../src/model/planner.ts'
import type { Stream } from '../../src/model/stream.ts'
import { SplitTable } from '../../src/worker/execution/sources/split-table.ts'
import { contentOf, makeLetter } from '../../src/worker/letters/dead-letter.ts'
import { tryAgain } from '../../src/worker/letters/second-try.ts'
import { stage } from '../dataflow/stage.ts'

const sink = (): SinkDescription<string> => ({ ...nullSink<string>({ encode: String }), apart: true })

/** A call that returns several records, of which a step behind it refuses one until it is mended. */
function scene(mended: boolean) {
  const mind = { mended }
  const planned = plan(
    pipeline('p', (p) => {
      p.source('in', generatorSource<number>({ value: (n) => n }))
        .keyBy('by', (n) => n % 3)
        .flatMapWithState('split', { init: () => ({}), step: (_, n) => [`${n} one`, `${n} two`, `${n} three`] })
        .map('picky', (text) => {
          if (text === '5 two' && !mind.mended) throw new Error('not this one')
          return text
        })
        .sink('out', sink())
    }).build(),
  )
  const under = stage(planned, { in: [4, 5, 6] })
  under.settle()
  const splits = new SplitTable()
  splits.numberOf('in')
  return {
    mind,
    failures: under.failures,
    shown: () => [...under.writers.get('out')!.apart].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
    again: () => {
      const letter = makeLetter(under.failures.at(-1)!, 'split', 'in')
      expect(contentOf(letter.given)).toEqual({ value: ['5 one', '5 two', '5 three'], key: 2 })
      expect(tryAgain([letter], planned, under.runtime, splits)).toEqual({ settled: 1, taken: [letter] })
      under.settle()
    },
  }
}

test('all that a call returned goes on or none of it, however often it is tried, and under the ids that it would have had', () => {
  const { mind, failures, shown, again } = scene(false)
  expect(shown().map(([, text]) => text)).not.toContain('5 one')
  again()
  again()
  expect(failures.map(({ step, key, given }) => ({ step, key, given }))).toEqual(
    Array.from({ length: 3 }, () => ({ step: 'picky', key: 2, given: ['5 one', '5 two', '5 three'] })),
  )
  mind.mended = true
  again()
  expect(failures).toHaveLength(3)
  expect(shown()).toEqual(scene(true).shown())
})

test('what a call that took its time has answered goes on as its answer', () => {
  const mind = { mended: false }
  const planned = plan(
    pipeline('p', (p) => {
      p.source('in', generatorSource<number>({ value: (n) => n }))
        // It is known at once: a stage waits for no promise.
        .asyncMap('ask', (n) => `answer to ${n}` as unknown as Promise<string>)
        .map('picky', (text) => {
          if (!mind.mended) throw new Error('not this one')
          return text
        })
        .sink('out', sink())
    }).build(),
  )
  const under = stage(planned, { in: [4] })
  under.settle()
  const letter = makeLetter(under.failures[0]!, 'ask', 'in')
  mind.mended = true
  const splits = new SplitTable()
  splits.numberOf('in')
  expect(tryAgain([letter], planned, under.runtime, splits).taken).toEqual([letter])
  under.settle()
  expect(under.writers.get('out')!.apart.map(([, text]) => text)).toEqual(['answer to 4'])
})

test('what failed in a step without keys is given to none with keys, which has taken its name: it would be on any key', () => {
  const program = (build: (numbers: Stream<number>) => Stream<string>) =>
    plan(
      pipeline('p', (p) => {
        build(p.source('in', generatorSource<number>({ value: (n) => n }))).sink('out', sink())
      }).build(),
    )
  const before = program((numbers) =>
    numbers.asyncMap('ask', () => {
      throw new Error('not today')
    }),
  )
  const now = program((numbers) =>
    numbers
      .keyBy('by', (n) => n % 3)
      .mapWithState('ask', { init: () => ({ n: 0 }), step: (state, n, { key }) => `${key}: ${n}, ${++state.n}` }),
  )
  const failed = stage(before, { in: [4] })
  failed.settle()
  const letter = makeLetter(failed.failures[0]!, 'ask', 'in')
  const splits = new SplitTable()
  splits.numberOf('in')
  const under = stage(now, { in: [3, 5] })
  under.settle()
  expect(tryAgain([letter], now, under.runtime, splits)).toEqual({ settled: 1, taken: [] })
  under.settle()
  expect(
    under.writers
      .get('out')!
      .apart.map(([, text]) => text)
      .sort(),
  ).toEqual(['0: 3, 1', '2: 5, 1'])
})

test('the one answer of a step that answers several times by now goes on as it is, and not by its letters', () => {
  const mind = { mended: false }
  const program = (several: boolean) =>
    plan(
      pipeline('p', (p) => {
        const keyed = p.source('in', generatorSource<number>({ value: (n) => n })).keyBy('by', (n) => n % 3)
        const told = several
          ? keyed.flatMapWithState('tell', { init: () => ({}), step: (_, n) => [`${n}`] })
          : keyed.mapWithState('tell', { init: () => ({}), step: (_, n) => `number ${n}` })
        told
          .map('picky', (text) => {
            if (!mind.mended) throw new Error('not this one')
            return text
          })
          .sink('out', sink())
      }).build(),
    )
  const failed = stage(program(false), { in: [4] })
  failed.settle()
  const letter = makeLetter(failed.failures[0]!, 'tell', 'in')
  mind.mended = true
  const now = program(true)
  const splits = new SplitTable()
  splits.numberOf('in')
  const under = stage(now, { in: [] })
  expect(tryAgain([letter], now, under.runtime, splits).taken).toEqual([letter])
  under.settle()
  expect(under.writers.get('out')!.apart.map(([, text]) => text)).toEqual(['number 4'])
})
