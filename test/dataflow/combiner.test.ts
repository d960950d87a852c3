/**
 * Adding up before sending:
 * - what is combined behind a combiner equals what is added without one, whatever the order and the sizes of batches,
 *   with the name of each key's last record (Y3), also where records throw (Y4)
 * - all of it stands before every marker (Y1), and goes on in usual batches, each when its worker has room (Y2)
 * - the step behind takes accumulators and records alike
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hashKey, type Key } from '../../src/base/hash.ts'
import type { AggregatePlan } from '../../src/dataflow/aggregate-task.ts'
import { type Batch, BatchPool, type Marker } from '../../src/dataflow/batch.ts'
import type { Outlet } from '../../src/dataflow/channel.ts'
import { Combiner } from '../../src/dataflow/combiner.ts'
import { KeyExchange } from '../../src/dataflow/exchange.ts'
import type { Failure } from '../../src/dataflow/failure.ts'
import { generatorSource, nullSink, pipeline } from '../../src/index.ts'
import { mayPreAggregate } from '../../src/model/lower.ts'
import { plan } from '../../src/model/planner.ts'
import { stage } from './stage.ts'

const CAPACITY = 4

interface Sum {
  n: number
  values: number[]
}

/** Spoils the accumulator before it throws: what is left of it must not count. */
const sums: AggregatePlan = {
  kind: 'aggregate',
  as: 'aggregate',
  schema: { version: 1 },
  init: () => ({ n: 0, values: [] }),
  add: (sum, value) => {
    ;(sum as Sum).n++
    if ((value as number) % 5 === 4) throw new Error('not this one')
    ;(sum as Sum).values.push(value as number)
  },
  combine: (sum, other) => {
    ;(sum as Sum).n += (other as Sum).n
    ;(sum as Sum).values.push(...(other as Sum).values)
  },
  result: (sum) => ({ ...sum }),
  everyMs: 0,
}

/** A way to a worker that keeps what is pushed. */
class Kept implements Outlet {
  readonly batches: Batch[] = []
  /** How many batches stood before each marker. */
  readonly marked: number[] = []
  /** Batches that it still takes. */
  left = Infinity

  get room(): boolean {
    return this.left > 0
  }

  get recordsTotal(): number {
    return this.batches.reduce((sum, { length }) => sum + length, 0)
  }

  push(batch: Batch): void {
    expect(this.left-- > 0).toBe(true)
    this.batches.push(batch)
  }

  mark(_marker: Marker): void {
    this.marked.push(this.batches.length)
  }
}

/** Adds up for two workers: the halves of all hashes. */
function scene(report: (failure: Failure) => void = () => {}, by = sums, undoBytes = 1024) {
  const pool = new BatchPool(CAPACITY)
  const workers = [new Kept(), new Kept()]
  const exchange = new KeyExchange(workers, { owners: Uint16Array.of(0, 1), shift: 31 }, pool)
  const combiner = new Combiner(exchange, 'sums', by, pool, report, undoBytes)
  const push = (entries: readonly Entry[], from: number): void => {
    const batch = pool.take()
    fill(batch, entries, from)
    combiner.push(batch)
  }
  return { combiner, workers, push }
}

interface Entry {
  readonly key: Key
  readonly value: number
}

function fill(batch: Batch, entries: readonly Entry[], from: number): void {
  entries.forEach(({ key, value }, i) => {
    if (i === batch.capacity) batch.grow()
    batch.values[i] = value
    batch.keys[i] = key
    batch.hashes[i] = hashKey(key)
    batch.times[i] = 1000 + from + i
    batch.splits[i] = (from + i) % 3
    batch.positions[i] = from + i
    batch.ordinals[i] = 0
  })
  batch.length = entries.length
}

const entry = fc.record({
  key: fc.oneof({ weight: 9, arbitrary: fc.nat(150) }, fc.constantFrom<Key>('a', '1', 1n, true)),
  value: fc.nat(1000),
})

describe('what is combined', () => {
  test('equals what is added one by one', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(entry, { minLength: 1, maxLength: 2 * CAPACITY }), {
          maxLength: 60,
          size: 'max',
        }),
        fc.infiniteStream(fc.integer({ min: -1, max: 3 })),
        (batches, rooms) => {
          const failures: Failure[] = []
          const { combiner, workers, push } = scene((failure) => failures.push(failure))
          const [added, last] = [new Map<Key, number[]>(), new Map<Key, number>()]
          const refused: number[] = []
          const open = (): void => {
            for (const worker of workers) worker.left = Math.max(0, rooms.next().value!)
          }
          let at = 0
          for (const entries of batches) {
            do open()
            while (!combiner.makeRoom())
            push(entries, at)
            for (const { key, value } of entries) {
              if (value % 5 === 4) refused.push(at++)
              else {
                added.set(key, [...(added.get(key) ?? []), value])
                last.set(key, at++)
              }
            }
          }
          do open()
          while (!combiner.flush())
          const [combined, named] = [new Map<Key, Sum>(), new Map<Key, number>()]
          workers.forEach((worker, index) => {
            for (const batch of worker.batches) {
              expect(batch.combined).toBe(true)
              expect(batch.length).toBeLessThanOrEqual(CAPACITY)
              for (let i = 0; i < batch.length; i++) {
                const key = batch.keys[i]!
                expect(batch.hashes[i]).toBe(hashKey(key))
                expect(hashKey(key) >>> 31).toBe(index)
                const sum = combined.get(key) ?? { n: 0, values: [] }
                sums.combine!(sum, batch.values[i] as object)
                combined.set(key, sum)
                named.set(key, batch.positions[i]!)
                expect(batch.times[i]).toBe(1000 + batch.positions[i]!)
                expect(batch.splits[i]).toBe(batch.positions[i]! % 3)
              }
            }
          })
          expect(combined).toEqual(new Map([...added].map(([key, values]) => [key, { n: values.length, values }])))
          expect(named).toEqual(last)
          expect(failures.map(({ position }) => position)).toEqual(refused)
          expect(failures.every(({ step, again }) => step === 'sums' && again === undefined)).toBe(true)
        },
      ),
    )
  })

  test('goes on when many records have been added up, however few their keys', () => {
    const { workers, push } = scene()
    const batch = Array.from({ length: CAPACITY }, () => ({ key: 'a', value: 1 }))
    for (let pushed = 0; pushed < 160; pushed++) push(batch, pushed * CAPACITY)
    const sent = workers.flatMap(({ batches }) => batches)
    expect(sent.map(({ values }) => (values[0] as Sum).n)).toEqual([256, 256])
  })

  test('is held whole where one record has made a batch far larger than usual, and goes on in usual ones', () => {
    const { combiner, workers, push } = scene()
    push([{ key: 'first', value: 1 }], 0)
    push(
      Array.from({ length: 200 }, (_, key) => ({ key, value: 1 })),
      1,
    )
    expect(combiner.flush()).toBe(true)
    const sent = workers.flatMap(({ batches }) => batches)
    expect(sent.reduce((sum, { length }) => sum + length, 0)).toBe(201)
    expect(Math.max(...sent.map(({ length }) => length))).toBe(CAPACITY)
  })

  test('is nothing where every record is refused, and then nothing goes on', () => {
    const { combiner, workers, push } = scene()
    const batch = Array.from({ length: CAPACITY }, () => ({ key: 'a', value: 4 }))
    for (let pushed = 0; pushed < 160; pushed++) push(batch, pushed * CAPACITY)
    expect(combiner.flush()).toBe(true)
    expect(workers.flatMap(({ batches }) => batches)).toEqual([])
  })

  test('takes nothing more while somebody has no room for what goes on', () => {
    const { combiner, workers, push } = scene()
    for (const worker of workers) worker.left = 1
    push(
      Array.from({ length: 100 }, (_, key) => ({ key, value: 1 })),
      0,
    )
    expect(combiner.makeRoom()).toBe(false)
    expect(() => push([{ key: 1, value: 1 }], 100)).toThrow('Y2')
    for (const worker of workers) worker.left = Infinity
    expect(combiner.makeRoom()).toBe(true)
    expect(workers.reduce((sum, { recordsTotal }) => sum + recordsTotal, 0)).toBe(100)
  })

  test('stands before a marker', () => {
    const { combiner, workers, push } = scene()
    push([{ key: 'a', value: 1 }], 0)
    expect(() => combiner.mark({ kind: 'end' })).toThrow('Y1')
    expect(combiner.flush()).toBe(true)
    combiner.mark({ kind: 'end' })
    expect(workers.map(({ batches, marked }) => [batches.length, marked[0]])).toEqual(
      hashKey('a') >>> 31 === 0
        ? [
            [1, 1],
            [0, 0],
          ]
        : [
            [0, 0],
            [1, 1],
          ],
    )
  })

  test('is no other for a step that forgets keys: every record travels to it', () => {
    expect(mayPreAggregate(sums)).toBe(true)
    expect(mayPreAggregate({ ...sums, ttlMs: 1000 })).toBe(false)
    expect(mayPreAggregate({ ...sums, combine: null })).toBe(false)
  })
})

test('an accumulator is an object from the beginning', () => {
  const failures: Failure[] = []
  const { combiner, workers, push } = scene((failure) => failures.push(failure), { ...sums, init: () => 0 as never })
  push([{ key: 'a', value: 4 }], 0)
  combiner.flush()
  expect(failures).toMatchObject([{ key: 'a', given: 4, error: { code: 'E_STATE_TYPE' } }])
  expect(workers.flatMap(({ batches }) => batches)).toEqual([])
})

describe('the step behind', () => {
  const counting = () =>
    plan(
      pipeline('under-test', (p) => {
        p.source('in', generatorSource<number>({ value: (n) => n }))
          .keyBy('by-last-digit', (n) => n % 10)
          .aggregate('sums', {
            init: () => ({ total: 0 }),
            add: (sum, value) => {
              sum.total += value
            },
            combine: (sum, other) => {
              if (other.total < 0) throw new Error('less than nothing')
              sum.total += other.total
            },
            result: ({ total }, key) => ({ key, total }),
          })
          .sink('out', nullSink({ encode: ({ key, total }) => `${key}=${total} ` }))
      }).build(),
    )

  test('takes accumulators and records alike, and reports one that it cannot take, for good', () => {
    const under = stage(counting(), { in: [3, 13, 4] })
    const task = under.runtime.plan.tasks.findIndex(({ step }) => step === 'sums')
    const give = (total: number) =>
      under.runtime.tryAgain(task, 'input', (batch) => {
        fill(batch, [{ key: 3, value: 0 }], 0)
        batch.values[0] = { total }
        batch.combined = true
      })
    expect(give(100)).toBe(true)
    under.settle()
    expect(give(-1)).toBe(true)
    under.settle(5000)
    expect(under.writers.get('out')!.text).toContain('3=116 ')
    expect(under.writers.get('out')!.text).toContain('4=4 ')
    expect(under.failures.map(({ step, key, given, again }) => ({ step, key, given, again }))).toEqual([
      { step: 'sums', key: 3, given: { total: -1 }, again: false },
    ])
  })
})
