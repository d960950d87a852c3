/**
 * What a reduce or an aggregate sends on stays as it was, and what it was given as well, also where its functions
 * change a sum in place: whoever has the record, a batch later or in another branch, sees no later sum in it.
 */
import { expect, test } from 'vitest'
import { generatorSource, nullSink, type PipelineBuilder, pipeline } from '../../src/index.ts'
import { plan } from '../../src/model/planner.ts'
import { stage } from './stage.ts'

interface Row {
  n: number
  readonly parts: number[]
}

type Builder = PipelineBuilder<Record<never, never>>

const rowsOf = (...numbers: number[]): Row[] => numbers.map((n) => ({ n, parts: [n] }))

/** A sink that keeps the very objects that it is given. */
function keeping() {
  const kept: unknown[] = []
  return { kept, sink: nullSink<unknown>({ encode: (row) => String(kept.push(row)) }) }
}

/** Takes `rows`, lets what comes of them out, and takes `later`. */
function runThrough(build: (p: Builder) => void, rows: Row[], later: Row[]): void {
  const under = stage(plan(pipeline('under-test', build).build()), { in: rows })
  const feed = under.feeds.get('in')!
  feed.ends = false
  under.settle(5000)
  under.runtime.elapse(6000)
  under.settle(6000)
  feed.values.push(...later)
  feed.ends = true
  under.runtime.wake(0)
  under.settle(6500)
  expect(under.failures).toEqual([])
}

const source = (p: Builder) => p.source('in', generatorSource<Row>({ value: (n) => ({ n, parts: [n] }) }))

test.for<readonly [what: string, fn: (sum: Row, row: Row) => Row, first: Row, last: Row]>([
  [
    'changes its sum in place',
    (sum, row) => {
      sum.n += row.n
      sum.parts.push(...row.parts)
      return sum
    },
    { n: 3, parts: [1, 2] },
    { n: 6, parts: [1, 2, 3] },
  ],
  [
    'goes on with the newer record, and changes that in place',
    (sum, row) => {
      sum.parts.length = 0
      return row
    },
    { n: 2, parts: [2] },
    { n: 3, parts: [3] },
  ],
])('a reduce that %s', ([, fn, first, last]) => {
  const sums = keeping()
  const raw = keeping()
  runThrough(
    (p) => {
      const rows = source(p)
      rows.sink('raw', raw.sink)
      rows
        .keyBy('by', () => 'a')
        .reduce('sum', fn)
        .sink('out', sums.sink)
    },
    rowsOf(1, 2),
    rowsOf(3),
  )
  expect(raw.kept).toEqual(rowsOf(1, 2, 3))
  expect(sums.kept).toEqual([first, last])
})

test.for<readonly [what: string, result: (sum: Row) => unknown, first: unknown, last: unknown]>([
  ['a part of the accumulator', (sum) => ({ of: sum.parts }), { of: [1, 2] }, { of: [1, 2, 3] }],
  ['the accumulator', (sum) => sum, { n: 3, parts: [1, 2] }, { n: 6, parts: [1, 2, 3] }],
])('an aggregate whose result is %s', ([, result, first, last]) => {
  const sums = keeping()
  runThrough(
    (p) =>
      source(p)
        .keyBy('by', () => 'a')
        .aggregate('sum', {
          init: (): Row => ({ n: 0, parts: [] }),
          add: (sum, row) => {
            sum.n += row.n
            sum.parts.push(...row.parts)
          },
          result,
        })
        .sink('out', sums.sink),
    rowsOf(1, 2),
    rowsOf(3),
  )
  expect(sums.kept).toEqual([first, last])
})
