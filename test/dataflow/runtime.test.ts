/**
 * The runtime on a stage, through the public API and the planner:
 * - records flow through fused and stateful steps, in order per key, with tiny batches and channels
 * - a barrier cuts exactly: what a sink has before it equals what the sources had given before their cut
 * - a record that throws leaves nothing behind and is reported once, with its step
 * - a sink that takes nothing stops the sources, and nothing is lost when it takes again
 * - long records leave in pieces: all of a batch together may be more than a text, or a receiver, takes
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Batch } from '../../src/dataflow/batch.ts'
import { generatorSource, nullSink, type PipelineBuilder, pipeline } from '../../src/index.ts'
import { plan } from '../../src/model/planner.ts'
import { stage } from './stage.ts'

type Builder = PipelineBuilder<Record<never, never>>

const numbers = () => generatorSource<number>({ value: (n) => n })
const text = <T>() => nullSink<T>({ encode: (row) => `${JSON.stringify(row)} ` })

function planned(build: (p: Builder) => void) {
  return plan(pipeline('under-test', build).build())
}

function counting(p: Builder): void {
  p.source('in', numbers())
    .keyBy('by-last-digit', (n) => n % 10)
    .mapWithState('count', { init: () => ({ n: 0 }), step: (state, value) => [value, ++state.n] as const })
    .sink('out', text())
}

/** Counts that come out once a minute. */
function countedLate(p: Builder): void {
  p.source('in', numbers())
    .keyBy('by-parity', (n) => n % 2)
    .aggregate('count', {
      init: () => ({ n: 0 }),
      add: (sum) => void sum.n++,
      result: ({ n }, key) => [key, n],
      every: 60_000,
    })
    .sink('out', text())
}

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i)

describe('records', () => {
  test('are counted per key, in order', () => {
    const under = stage(planned(counting), { in: upTo(95) })
    under.settle()
    const rows = under.writers
      .get('out')!
      .text.trim()
      .split(' ')
      .map((row) => JSON.parse(row) as [number, number])
    expect(rows).toEqual(upTo(95).map((n) => [n, Math.floor(n / 10) + 1]))
    expect(under.ended).toBe(true)
    expect(under.failures).toEqual([])
  })

  test('pass map, filter, flatMap, tee, branch and merge as plain arrays would', () => {
    const under = stage(
      planned((p) => {
        const source = p.source('in', numbers()).map('double', (n) => n * 2)
        const { small, rest } = source.branch('size', { small: (n) => n < 50 })
        small
          .flatMap('twice', (n) => [n, n])
          .merge(
            'both',
            rest.filter('no-tens', (n) => n % 10 !== 0),
          )
          .sink('out', text())
        source.sink('all', text())
      }),
      { in: upTo(60) },
    )
    under.settle()
    const doubled = upTo(60).map((n) => n * 2)
    const expected = [
      ...doubled.filter((n) => n < 50).flatMap((n) => [n, n]),
      ...doubled.filter((n) => n >= 50 && n % 10 !== 0),
    ]
    const numbersOf = (step: string) => under.writers.get(step)!.text.trim().split(' ').map(Number)
    expect(numbersOf('out').sort((a, b) => a - b)).toEqual(expected.sort((a, b) => a - b))
    expect(numbersOf('all')).toEqual(doubled)
  })
})

describe('barriers', () => {
  test('cut where the source stood, wherever they come in', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(40), { maxLength: 6 }), fc.nat(3), (steps, size) => {
        const under = stage(planned(counting), { in: upTo(200) }, { batchRecords: size + 1, channelBatches: 1 })
        let epoch = 0
        for (const budget of steps) {
          under.runtime.step(0, budget)
          under.runtime.inject({ kind: 'barrier', generation: 1, epoch: ++epoch, purpose: 'checkpoint' })
          under.settle()
        }
        under.settle()
        const { barriers } = under.writers.get('out')!
        expect(barriers.map(([e]) => e)).toEqual(under.cuts.map(([e]) => e))
        for (const [i, [, seen]] of barriers.entries()) {
          expect(seen.split(' ').length - 1).toBe(under.cuts[i]![2])
        }
        expect(under.frozen.length).toBe(steps.length)
      }),
      { numRuns: 60 },
    )
  })

  test('hold a source that is to hand over, whoever lets sources in meanwhile', () => {
    const under = stage(planned(counting), { in: upTo(100) })
    under.runtime.inject({ kind: 'barrier', generation: 1, epoch: 1, purpose: 'rescale' })
    under.settle()
    expect(under.feeds.get('in')!.at).toBe(0)
    under.runtime.hold()
    under.runtime.admit()
    under.settle()
    expect(under.feeds.get('in')!.at).toBe(0)
    under.runtime.release()
    under.settle()
    expect(under.feeds.get('in')!.at).toBe(100)
  })

  test.each(['rescale', 'drain'] as const)('to %s: nobody gives a record back behind it (R5)', (purpose) => {
    const under = stage(
      planned((p) => {
        p.source('in', numbers()).sink('out', text())
      }),
      { in: [] },
    )
    under.feeds.get('in')!.ends = false
    const fill = (batch: Batch): void => {
      batch.values[0] = 7
      batch.length = 1
    }
    const give = () => [under.runtime.tryAgain(0, 'chain', fill), under.runtime.tryAgain(1, 'input', fill)]
    under.settle()
    under.runtime.inject({ kind: 'barrier', generation: 1, epoch: 1, purpose })
    expect(give()).toEqual([false, false])
    under.settle()
    expect(give()).toEqual([false, false])
    under.settle()
    expect(under.writers.get('out')!.text).toBe('')
    under.runtime.release()
    expect(give()).toEqual([true, true])
    under.settle()
    expect(under.writers.get('out')!.text.match(/7/g)).toHaveLength(2)
  })

  test('that cut through what is to come later: it comes once all the same', () => {
    const under = stage(planned(countedLate), { in: upTo(1000) })
    for (let epoch = 1; epoch <= 5; epoch++) {
      under.runtime.step(0, 9)
      under.runtime.inject({ kind: 'barrier', generation: 1, epoch, purpose: 'checkpoint' })
    }
    under.settle()
    expect(under.feeds.get('in')!.at).toBe(1000)
    expect(under.frozen.length).toBeGreaterThan(4)
    const rows = under.writers.get('out')!.text.trim().split(' ')
    expect(rows.slice(-2).toSorted()).toEqual(['[0,500]', '[1,500]'])
    expect(new Set(rows).size).toBe(rows.length)
  })

  test.each([
    ['drain', true],
    ['rescale', false],
  ] as const)('to %s: results that were to come later are in front of it: %s', (purpose, there) => {
    const under = stage(planned(countedLate), { in: upTo(1000) })
    // The first results are out, and others wait for a minute to be over.
    under.runtime.step(0, 9)
    const given = under.feeds.get('in')!.at
    expect(given).toBeGreaterThan(1)
    expect(given).toBeLessThan(1000)
    under.runtime.inject({ kind: 'barrier', generation: 1, epoch: 1, purpose })
    under.settle()
    const [[, before] = []] = under.writers.get('out')!.barriers
    const rows = before!.trim().split(' ')
    const last = new Map(rows.map((row) => JSON.parse(row) as [number, number]))
    expect(last.get(0)! + last.get(1)! === given).toBe(there)
  })
})

describe('what waits in front of a step that two sources feed', () => {
  /** The most elements, a look after each round; a run of a task takes `ms`. */
  function mostThatWait(ms: number): number {
    let now = 0
    const under = stage(
      planned((p) => {
        const [some, others] = [p.source('some', numbers()), p.source('others', numbers())]
        const sums = { init: () => ({ n: 0 }), step: (sum: { n: number }) => ++sum.n }
        const all = some.merge('all', others).keyBy('by-parity', (n) => n % 2)
        all.mapWithState('sum', sums).sink('out', text())
      }),
      { some: upTo(200), others: upTo(200) },
      { channelBatches: 6 },
      {},
      false,
      () => (now += ms),
    )
    let most = 0
    for (let more = true; more; ) {
      more = under.runtime.step(0, 1)
      most = Math.max(most, under.runtime.figures().find(({ step }) => step === 'sum')!.waiting)
    }
    return most
  }

  test('is taken before they go on (R3)', () => {
    expect(mostThatWait(0)).toBe(0)
  })

  test('waits where the step is slow: it is not the only one that has work', () => {
    expect(mostThatWait(1000)).toBeGreaterThan(3)
  })
})

describe('a record that throws', () => {
  test('in a fused step: its outputs are taken back', () => {
    const under = stage(
      planned((p) => {
        p.source('in', numbers())
          .flatMap('burst', function* (n) {
            yield n
            yield n
            if (n === 5) throw new Error('five')
          })
          .sink('out', text())
      }),
      { in: upTo(8) },
    )
    under.settle()
    expect(under.writers.get('out')!.text.trim().split(' ').map(Number)).toEqual(
      [0, 1, 2, 3, 4, 6, 7].flatMap((n) => [n, n]),
    )
    expect(under.failures.map(({ step, position }) => [step, position])).toEqual([['burst', 6]])
  })

  test('in a stateful step: the state is as it was, a new key was never there', () => {
    const under = stage(
      planned((p) => {
        p.source('in', numbers())
          .keyBy('by', (n) => n % 2)
          .mapWithState('sum', {
            init: () => ({ sum: 0, seen: [] as number[] }),
            step: (state, n) => {
              state.sum += n
              state.seen.push(n)
              if (n === 1 || n === 4) throw new Error('no')
              return [n, state.sum, state.seen.length] as const
            },
          })
          .sink('out', text())
      }),
      { in: upTo(7) },
    )
    under.settle()
    expect(under.writers.get('out')!.text.trim()).toBe('[0,0,1] [2,2,2] [3,3,1] [5,8,2] [6,8,3]')
    expect(under.failures.map(({ step, position, key }) => [step, position, key])).toEqual([
      ['sum', 2, 1],
      ['sum', 5, 0],
    ])
  })

  test('a step that returns its own state is told so', () => {
    const under = stage(
      planned((p) => {
        p.source('in', numbers())
          .keyBy('by', (n) => n)
          .mapWithState('leak', { init: () => ({ n: 0 }), step: (state) => state })
          .sink('out', text())
      }),
      { in: [1] },
    )
    under.settle()
    expect(under.failures[0]?.error).toMatchObject({ code: 'E_STATE_RETURNED' })
  })

  test('a key that is none is told so, others go on', () => {
    const under = stage(
      planned((p) => {
        p.source('in', numbers())
          .keyBy('by', (n) => (n === 1 ? Number.NaN : n))
          .mapWithState('count', { init: () => ({ n: 0 }), step: (state) => ++state.n })
          .sink('out', text())
      }),
      { in: [0, 1, 2] },
    )
    under.settle()
    expect(under.writers.get('out')!.text).toBe('1 1 ')
    expect(under.failures[0]?.error).toMatchObject({ code: 'E_KEY' })
  })
})

test('a sink that takes nothing stops the source; nothing is lost', () => {
  const under = stage(planned(counting), { in: upTo(500) })
  const writer = under.writers.get('out')
  under.runtime.step(0, 3)
  under.writers.get('out')!.room = false
  under.settle()
  const stoppedAt = under.feeds.get('in')!.at
  expect(stoppedAt).toBeLessThan(60)
  writer!.room = true
  under.runtime.wake(2)
  under.settle()
  expect(writer!.text.trim().split(' ').length).toBe(500)
})

test.each([false, true])(
  'a batch of long records is written piece by piece, as the writer takes them (apart: %s)',
  (apart) => {
    const long = nullSink<number>({ encode: (n) => String(n).repeat(200 << 10) })
    const sink = apart ? { ...long, apart } : long
    const under = stage(
      planned((p) => p.source('in', numbers()).sink('out', sink)),
      { in: upTo(5) },
      { batchRecords: 8 },
    )
    const writer = under.writers.get('out')!
    const written: string[] = []
    writer.write = (bytes) => {
      written.push(bytes.toString('latin1').replaceAll(/(.)\1+/g, '$1'))
      writer.room = false
      return false
    }
    for (let piece = 1; piece <= 3; piece++) {
      under.settle()
      expect([written.length, under.ended]).toEqual([piece, false])
      writer.room = true
      under.runtime.wake(1)
    }
    under.settle()
    expect(written).toEqual(['01', '23', '4'])
    expect(under.ended).toBe(true)
  },
)

describe('reduce', () => {
  const sums = (p: Builder) =>
    p
      .source('in', numbers())
      .keyBy('by', (n) => n % 3)
      .reduce('sum', (a, b) => a + b, { every: 1000 })
      .sink('out', text())

  test('emits the newest result of a changed key at most once per interval, and at the end', () => {
    const under = stage(planned(sums), { in: upTo(9) })
    const feed = under.feeds.get('in')!
    feed.ends = false
    under.settle(5000)
    const { text: first } = under.writers.get('out')!
    feed.values.push(...upTo(9))
    under.runtime.wake(0)
    under.settle(5500)
    expect(under.writers.get('out')!.text).toBe(first)
    expect(under.runtime.due).toBe(6000)
    feed.ends = true
    under.runtime.wake(0)
    under.settle(5600)
    const last = under.writers.get('out')!.text.trim().split(' ').map(Number).slice(-3)
    expect(last.sort((a, b) => a - b)).toEqual([18, 24, 30])
  })

  test('says nothing behind a barrier at which owners change, until it is let go on', () => {
    const under = stage(planned(sums), { in: upTo(9) })
    const feed = under.feeds.get('in')!
    const writer = under.writers.get('out')!
    feed.ends = false
    under.settle(5000)
    feed.values.push(...upTo(9))
    under.runtime.wake(0)
    under.settle(5500)
    const { text: before } = writer
    under.runtime.inject({ kind: 'barrier', generation: 1, epoch: 1, purpose: 'rescale' })
    under.settle(5600)
    under.runtime.elapse(6000)
    under.settle(6000)
    // What is due now goes with its key groups, and comes out where they are then.
    expect(writer.text).toBe(before)
    under.runtime.release()
    under.settle(6000)
    expect(writer.text.length).toBeGreaterThan(before.length)
  })

  test.each([8, 9, 10, 11, 12])('asks for no turn while nothing can go out, %d results before', (results) => {
    const under = stage(
      planned((p) => {
        p.source('in', numbers())
          .keyBy('by', (n) => n)
          .reduce('sum', (a, b) => a + b, { every: 1000 })
          .sink('out', text())
      }),
      { in: upTo(results) },
    )
    const feed = under.feeds.get('in')!
    const writer = under.writers.get('out')!
    feed.ends = false
    writer.room = false
    under.settle(5000)
    under.runtime.elapse(6000)
    under.settle(6000)
    // Some of these are out, and these are due at 7000. Before that a barrier comes.
    feed.values.push(...upTo(3))
    under.runtime.wake(0)
    under.settle(6500)
    under.runtime.inject({ kind: 'barrier', generation: 1, epoch: 1, purpose: 'checkpoint' })
    under.settle(6500)
    under.runtime.elapse(7000)
    under.settle(7000)
    expect(under.runtime.due).toBeGreaterThan(7000)
    writer.room = true
    for (let task = 0; task < 3; task++) under.runtime.wake(task)
    under.settle(7001)
    expect(writer.text.trim().split(' ')).toHaveLength(results + 3)
  })

  test('keeps what it has not emitted in the snapshot', () => {
    const under = stage(planned(sums), { in: upTo(9) })
    const feed = under.feeds.get('in')!
    feed.ends = false
    under.settle(5000)
    under.runtime.elapse(6000)
    under.settle(6000)
    feed.values.push(0, 1)
    under.runtime.wake(0)
    under.settle(6001)
    under.runtime.inject({ kind: 'barrier', generation: 1, epoch: 1, purpose: 'checkpoint' })
    under.settle(6002)
    expect(under.pending.at(-1)!.flatMap((segment) => segment.values)).toEqual([0, 1])
  })
})

test('a key whose time to live is over begins anew, by record times alone', () => {
  const under = stage(
    planned((p) => {
      p.source('in', numbers())
        .keyBy('by', (n) => n)
        .mapWithState('count', { init: () => ({ n: 0 }), ttl: 100, step: (state) => ++state.n })
        .sink('out', text())
    }),
    { in: [7] },
  )
  const feed = under.feeds.get('in')!
  feed.ends = false
  under.settle(1000)
  for (const now of [1100, 1201, 5000]) {
    feed.values.push(7)
    under.runtime.wake(0)
    under.settle(now)
  }
  expect(under.writers.get('out')!.text.trim().split(' ')).toEqual(['1', '2', '1', '1'])
})
