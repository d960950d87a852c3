/** Ids of outputs: one for each, the same in every attempt, and none where no single record is the cause. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { originOf } from '../../src/dataflow/lineage.ts'
import { childOf } from '../../src/dataflow/origin.ts'
import { generatorSource, lines, nullSink, type PipelineBuilder, pipeline } from '../../src/index.ts'
import type { SinkDescription } from '../../src/model/connector.ts'
import { plan } from '../../src/model/planner.ts'
import { stage } from './stage.ts'

type Builder = PipelineBuilder<Record<never, never>>

const sink = <T>(): SinkDescription<T> => ({ ...nullSink<T>({ encode: String }), apart: true })
const numbers = () => generatorSource<number>({ value: (n) => n })

/** What the sink is given for the numbers 0 to 19, in batches of `batchRecords`. */
function run(build: (p: Builder) => void, batchRecords = 4) {
  const values = Array.from({ length: 20 }, (_, n) => n)
  const under = stage(plan(pipeline('p', build).build()), { in: values }, { batchRecords })
  under.settle()
  return [...under.writers.get('out')!.apart].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))
}

const tangled = (p: Builder) => {
  const source = p.source('in', numbers())
  const doubled = source.flatMap('twice', (n) => [n, n])
  const counted = doubled
    .keyBy('by', (n) => n % 3)
    .flatMapWithState('count', { init: () => ({ n: 0 }), step: (state, n) => (n % 2 === 0 ? [n, ++state.n] : [n]) })
  const { big, rest } = source.branch('size', { big: (n) => n > 9 })
  counted
    .merge(
      'all',
      big.map('again', (n) => n * 10),
      rest,
    )
    .sink('out', sink())
}

test('every output of a tangled pipeline has an id of its own, whatever its batches', () => {
  const outputs = run(tangled)
  expect(outputs).toHaveLength(20 + 40 + 20)
  expect(new Set(outputs.map(([id]) => id)).size).toBe(outputs.length)
  for (const batchRecords of [1, 3, 16]) expect(run(tangled, batchRecords)).toEqual(outputs)
})

test('ways of different length that meet in front of a keyed step leave every output its id', () => {
  const outputs = run((p) => {
    const source = p.source('in', numbers())
    const twice = source
      .keyBy('by', (n) => n % 3)
      .flatMapWithState('long', { init: () => ({}), step: (_, n) => [n, n, n] })
    twice
      .merge(
        'both',
        source.map('short', (n) => n),
        source.flatMap('wide', (n) => [n, n]),
      )
      .keyBy('again', (n) => n % 2)
      .mapWithState('out-of', { init: () => ({}), step: (_, n) => n })
      .sink('out', sink())
  })
  expect(outputs).toHaveLength(20 * 6)
  expect(new Set(outputs.map(([id]) => id)).size).toBe(outputs.length)
})

test('no two ways from a record end in one ordinal', () => {
  const way = fc.array(fc.oneof(fc.nat(3), fc.nat(65_535)), { maxLength: 3 })
  const ordinalOf = (indexes: readonly number[]): number => indexes.reduce(childOf, 0)
  fc.assert(
    fc.property(way, way, (a, b) => {
      const [one, other] = [ordinalOf(a), ordinalOf(b)]
      fc.pre(one <= Number.MAX_SAFE_INTEGER && other <= Number.MAX_SAFE_INTEGER)
      return (one === other) === (a.join() === b.join())
    }),
    { numRuns: 5000 },
  )
  const all = new Set<number>([0])
  for (let first = 0; first < 200; first++) {
    all.add(childOf(0, first))
    for (let second = 0; second < 200; second++) all.add(childOf(childOf(0, first), second))
  }
  expect(all.size).toBe(1 + 200 + 200 * 200)
  expect([childOf(0, 65_535), childOf(childOf(0, 65_535), 65_535)].every(Number.isSafeInteger)).toBe(true)
})

test('an id says where its record stems from, in letters that a header takes', () => {
  const [[id, text] = []] = run((p) =>
    p
      .source('in', numbers())
      .map('é/ü', (n) => n)
      .sink('out', sink()),
  )
  expect(id).toMatch(/^[\x21-\x7e]+$/)
  expect(originOf(id!)).toEqual({ split: 'split 0', position: Number(text) + 1, ordinal: 1 })
})

test('what is emitted by time has none', () => {
  const outputs = run((p) =>
    p
      .source('in', numbers())
      .keyBy('by', (n) => n % 3)
      .reduce('sum', (a, b) => a + b)
      .map('after', (n) => n)
      .sink('out', sink()),
  )
  expect(outputs.length).toBeGreaterThan(0)
  expect(outputs.every(([id]) => id === null)).toBe(true)
})

test('frames stand around each record, and a record that cannot be encoded is left out', () => {
  const framed = (p: Builder) =>
    p.source('in', numbers()).sink('out', {
      ...sink<number>(),
      framing: lines(),
      encode: (n) => {
        if (n === 7) throw new Error('seven')
        return String(n)
      },
    })
  const texts = run(framed).map(([, text]) => text)
  expect(new Set(texts)).toEqual(
    new Set(Array.from({ length: 20 }, (_, n) => `${n}\n`).filter((line) => line !== '7\n')),
  )
})
