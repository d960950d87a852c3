import { describe, expect, test } from 'vitest'
import { generatorSource } from '../../src/connectors/generator/describe.ts'
import { generatorConnector } from '../../src/connectors/generator/source.ts'
import type { SourceDescription } from '../../src/model/connector.ts'
import { utf8 } from '../../src/model/decoder.ts'
import { lines } from '../../src/model/framing.ts'
import { World } from '../../src/sim/world.ts'
import { expectReplayable, type ReadingOptions, readAll } from './source.contract.ts'

function reading(description: SourceDescription<unknown>, more: Partial<ReadingOptions> = {}): ReadingOptions {
  const world = new World(1)
  const process = world.machine('maker').start('maker')
  return { world, process, connector: generatorConnector, description, split: '0', ...more }
}

test('a generator makes its values, numbers them and ends', () => {
  const { records, ended } = readAll(reading(generatorSource({ count: 3, value: (n) => n * n })))
  expect(records).toEqual([
    { value: 0, position: 0 },
    { value: 1, position: 1 },
    { value: 4, position: 2 },
  ])
  expect(ended).toBe(true)
})

test('a generator ends where its function says so', () => {
  const { records, ended } = readAll(reading(generatorSource({ value: (n) => (n < 5 ? n : undefined) })))
  expect(records).toHaveLength(5)
  expect(ended).toBe(true)
})

test('a value that its function throws on is a dead letter by its number, and is made once more from that', () => {
  let broken = true
  const description = generatorSource({
    count: 4,
    value: (n) => {
      if (broken && n === 2) throw new Error('no')
      return n
    },
  })
  const { records, failed, ended } = readAll(reading(description))
  expect(records.map(({ value }) => value)).toEqual([0, 1, 3])
  expect(failed).toEqual([{ value: '2', position: 2 }])
  expect(ended).toBe(true)
  const bytes = Buffer.from('2')
  expect(() => description.decoder.decode(bytes, 0, 1)).toThrow('no')
  broken = false
  expect(description.decoder.decode(bytes, 0, 1)).toBe(2)
})

test('a function that answers later is refused before it runs', () => {
  expect(generatorSource({ value: async (n) => n }).faults).toEqual([expect.stringMatching(/returns a promise/)])
})

test('a promise is no value, and its rejection ends nobody', () => {
  const value = (n: number) => (n === 1 ? Promise.reject(new Error('later')) : n)
  const { records, failed, ended } = readAll(reading(generatorSource({ count: 3, value })))
  expect(records.map((record) => record.value)).toEqual([0, 2])
  expect(failed).toEqual([{ value: '1', position: 1 }])
  expect(ended).toBe(true)
})

test('has no option that would have no effect', () => {
  const given = { value: (n: number) => n, decode: utf8, framing: lines() }
  expect(generatorSource(given).faults).toEqual([
    expect.stringMatching(/no option decode/),
    expect.stringMatching(/no option framing/),
  ])
})

test('a generator gives the same values again from any place, random ones too', () => {
  const description = generatorSource({ count: 500, seed: 3, value: (n, random) => `${n}:${random.below(1e6)}` })
  expectReplayable(() => reading(description), 10)
})

test('a seed chooses the random numbers', () => {
  const draw = (seed: number) =>
    readAll(reading(generatorSource({ count: 20, seed, value: (_, random) => random.u32() }))).records
  expect(draw(1)).toEqual(draw(1))
  expect(draw(1)).not.toEqual(draw(2))
})

test('the same values come whatever the number of splits', () => {
  const values = (splits: number): unknown[] => {
    const description = generatorSource({ count: 100, splits, value: (n, random) => n * 1000 + random.below(1000) })
    let names: readonly string[] = []
    const { world, process } = reading(description)
    generatorConnector.splits(description, { env: process.env } as never, (_, found) => {
      names = found
    })
    world.run(10)
    expect(names).toHaveLength(splits)
    return names
      .flatMap((split) => readAll(reading(description, { split })).records.map((record) => record.value))
      .sort()
  }
  expect(values(7)).toEqual(values(1))
})

test('a generator does not go on with another number of splits', () => {
  const describe = (splits: number) => generatorSource({ count: 100, splits, value: (n) => n })
  const { world, process } = reading(describe(2))
  const failed: unknown[] = []
  const context = { env: process.env, step: 'dice', wake() {}, failed: (error: unknown) => failed.push(error) } as never
  const values: number[] = []
  const into = { push: (value: unknown) => values.push(value as number), failed: () => {} }
  const before = generatorConnector.open(describe(2), '0', null, context)
  before.poll(into, 3, 0)
  expect(values.splice(0)).toEqual([0, 2, 4])
  const again = generatorConnector.open(describe(2), '0', before.place(), context)
  again.poll(into, 1, 0)
  world.run(10)
  expect([values.splice(0), failed]).toEqual([[6], []])
  expect(generatorConnector.misfit!(describe(2), 'dice', before.place())).toBe(null)
  const fault = { code: 'E_SPLITS_CHANGED', message: expect.stringContaining('of 2 splits') }
  expect(generatorConnector.misfit!(describe(3), 'dice', before.place())).toMatchObject(fault)
  // Earlier releases did not say how many there were.
  expect(generatorConnector.misfit!(describe(3), 'dice', { position: 6 })).toBe(null)
})

describe('a rate', () => {
  /** How many values there are after so many milliseconds, when it is asked `everyMs`. */
  function valuesAfter(ms: number, rate: number, everyMs = 5): number {
    const { world, process, description } = reading(generatorSource({ rate, value: (n) => n }))
    let count = 0
    let wakes = 0
    const context = { env: process.env, wake: () => wakes++ } as never
    const reader = generatorConnector.open(description, '0', null, context)
    const into = { push: () => count++, failed: () => {} }
    reader.poll(into, 100, world.now)
    for (const begin = world.now; world.now - begin < ms; ) {
      world.run(world.now + everyMs)
      while (reader.poll(into, 100, world.now) === 'more');
    }
    expect(wakes).toBeGreaterThan(0)
    reader.close()
    return count
  }

  test('goes on where the clock is put back by an hour', () => {
    const { world, process, description } = reading(generatorSource({ rate: 100, value: (n) => n }))
    let count = 0
    const context = { env: process.env, wake: () => {} } as never
    const reader = generatorConnector.open(description, '0', null, context)
    const into = { push: () => count++, failed: () => {} }
    const run = (backMs: number): void => {
      for (const begin = world.now; world.now - begin < 1000; ) {
        world.run(world.now + 5)
        reader.poll(into, 100, 1e9 + world.now - backMs)
      }
    }
    run(0)
    run(3_600_000)
    expect(count).toBeGreaterThan(190)
    expect(count).toBeLessThan(210)
    reader.close()
  })

  test('is kept over time', () => {
    expect(valuesAfter(10_000, 50)).toBe(500)
    expect(valuesAfter(1000, 12_345)).toBeCloseTo(12_345, -2)
    expect(valuesAfter(10_000, 0.5)).toBe(5)
  })

  test('is made up for after a pause, but for no more than a second', () => {
    expect(valuesAfter(1800, 100, 900)).toBe(180)
    expect(valuesAfter(20_000, 100, 10_000)).toBe(202)
  })
})
