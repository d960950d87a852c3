/**
 * Gathering by worker: whatever throws and whatever waits, every record goes to the owner of its key, in order and
 * once, with the names that one exchange to one worker would have given it.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hashKey } from '../../src/base/hash.ts'
import { type Batch, BatchPool, type Marker } from '../../src/dataflow/batch.ts'
import type { Outlet } from '../../src/dataflow/channel.ts'
import { KeyExchange } from '../../src/dataflow/exchange.ts'
import type { Failure } from '../../src/dataflow/failure.ts'
import { childOf, Origin } from '../../src/dataflow/origin.ts'
import { SpreadCollector } from '../../src/dataflow/spread-collector.ts'

const WORKERS = 3
const CAPACITY = 4
const shift = Math.clz32(8) + 1
const owners = Uint16Array.of(0, 1, 2, 0, 1, 2, 0, 1)
const ownerOf = (key: number) => owners[hashKey(key) >>> shift]!

class Way implements Outlet {
  room = true
  recordsTotal = 0
  readonly sizes: number[] = []
  readonly records: unknown[] = []
  markers = 0

  push(batch: Batch): void {
    expect(this.room).toBe(true)
    this.sizes.push(batch.length)
    for (let i = 0; i < batch.length; i++) {
      expect(batch.hashes[i]).toBe(hashKey(batch.keys[i]!))
      this.records.push([batch.values[i], batch.keys[i], batch.positions[i], batch.ordinals[i]])
    }
  }

  mark(_: Marker): void {
    this.markers++
  }
}

function stage() {
  const ways = Array.from({ length: WORKERS }, () => new Way())
  const pool = new BatchPool(CAPACITY)
  const exchange = new KeyExchange(ways, { owners, shift }, pool)
  const origin = new Origin(100)
  const fill = { full: false }
  const key = (value: unknown) => {
    if (value === 'none') throw new Error('no key')
    return value as number
  }
  const leaf = new SpreadCollector(exchange, { key, keyLength: 10, pool, origin, fill, step: 'by' })
  return { ways, pool, origin, fill, leaf }
}

const record = fc.record({
  outputs: fc.array(fc.nat(40), { maxLength: 6 }),
  throws: fc.boolean(),
  rooms: fc.array(fc.boolean(), { minLength: WORKERS, maxLength: WORKERS }),
})

test('G1: outputs go to their owners in order; those of a record that throws are taken back from everywhere', () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 60 }), (records) => {
      const { ways, origin, fill, leaf } = stage()
      const expected: unknown[][] = ways.map(() => [])
      for (const [position, { outputs, throws, rooms }] of records.entries()) {
        for (const [i, way] of ways.entries()) way.room = rooms[i]!
        if (fill.full && !leaf.room && !leaf.drain()) for (const way of ways) way.room = true
        if (fill.full) expect(leaf.room || leaf.drain()).toBe(true)
        fill.full = false
        origin.position = position
        origin.outputs = 0
        leaf.begin()
        for (const output of outputs) leaf.push(output)
        if (throws) leaf.rollback()
        else
          outputs.forEach((output, index) => {
            expected[ownerOf(output)]!.push([output, output, position, childOf(0, index)])
          })
      }
      for (const way of ways) way.room = true
      expect(leaf.flush()).toBe(true)
      leaf.mark({ kind: 'end' })
      expect(ways.map((way) => way.records)).toEqual(expected)
      expect(ways.map((way) => way.markers)).toEqual([1, 1, 1])
    }),
  )
})

test('C3: a whole batch is dealt out as it is, and what has no key is reported and left out', () => {
  const { ways, pool, leaf } = stage()
  const batch = pool.take()
  const values = [5, 'none', 9, 12, 33]
  for (const [i, value] of values.entries()) {
    if (i === batch.capacity) batch.grow()
    Object.assign(batch.values, { [i]: value })
    batch.positions[i] = i
    batch.ordinals[i] = 7
    batch.length = i + 1
  }
  const failures: Failure[] = []
  expect(leaf.pushWhole(batch, (failure) => failures.push(failure))).toBe(true)
  expect(leaf.flush()).toBe(true)
  expect(failures.map(({ position, given }) => [position, given])).toEqual([[1, 'none']])
  const expected = ways.map((_, worker) =>
    values.flatMap((value, i) =>
      typeof value === 'number' && ownerOf(value) === worker ? [[value, value, i, 7]] : [],
    ),
  )
  expect(ways.map((way) => way.records)).toEqual(expected)
})

test('G2: what has few records does not wait for ever beside what has many', () => {
  const { ways, origin, fill, leaf } = stage()
  const many = 1
  const few = Array.from({ length: 100 }, (_, n) => n).find((n) => ownerOf(n) !== ownerOf(many))!
  for (let position = 0; position < 60; position++) {
    if (fill.full && !leaf.room) leaf.drain()
    fill.full = false
    origin.position = position
    origin.outputs = 0
    leaf.begin()
    leaf.push(position === 0 ? few : many)
  }
  expect(ways[ownerOf(few)]!.records).toHaveLength(1)
  // What there is much of leaves full, but for what is sent along.
  expect(ways[ownerOf(many)]!.sizes.filter((size) => size < CAPACITY).length).toBeLessThan(4)
})

test('G2: a record does not wait for ever beside many that lead to nothing', () => {
  const { ways, fill, leaf } = stage()
  leaf.begin()
  leaf.push(1)
  for (let i = 0; i < 60; i++) {
    if (fill.full && !leaf.room) leaf.drain()
    fill.full = false
    leaf.begin()
  }
  expect(ways[ownerOf(1)]!.records).toHaveLength(1)
})
