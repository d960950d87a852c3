import { describe, expect, test } from 'vitest'
import { HeldRecords } from '../../src/dataflow/held-records.ts'
import type { Generation } from '../../src/worker/execution/generation.ts'
import type { HeldPart } from '../../src/worker/execution/restore/restorer.ts'
import { heldFor, readersOf, takerOf } from '../../src/worker/execution/restore/takers.ts'
import { homeIn } from '../../src/worker/execution/sources/source-parts.ts'

/** Three members, of which `self` is asked; four key groups, the last of which are the third one's. */
function generation(self: number): Generation {
  const members = ['a', 'b', 'c'].map((worker) => ({ worker, incarnation: '1', address: '' }))
  const heirs = [{ worker: 'gone', heirs: [1] }]
  return {
    ...{ number: 2, coordinator: 'a', members, self, owners: Uint16Array.of(0, 1, 2, 2) },
    placement: { splits: [], heirs },
  }
}

function partOf(worker: string, ...rows: { readonly hash?: number; readonly split: number }[]): HeldPart {
  const held = new HeldRecords()
  for (const [i, { hash = Number.NaN, split }] of rows.entries()) {
    held.values.push(`${worker}${i}`)
    held.hashes.push(hash)
    held.ordinals.push(i)
    held.times.push(0)
    held.splits.push(split)
    held.positions.push(i)
  }
  return { step: 'ask', worker, held }
}

/** What each member goes on with, split 7 being fed by `b`, and any other one by `a`. */
function shared(...parts: HeldPart[]): readonly (readonly unknown[])[] {
  return [0, 1, 2].map((self) =>
    heldFor(generation(self), parts, (split) => (split === 7 ? 1 : 0)).flatMap(({ values }) => values),
  )
}

describe('what a step held goes on', () => {
  test('where its split is fed, whoever held it', () => {
    expect(shared(partOf('c', { split: 7 }, { split: 3 }), partOf('gone', { split: 7 }))).toEqual([
      ['c1'],
      ['c0', 'gone0'],
      [],
    ])
  })

  test('where its key group is, behind a keyed step', () => {
    const group = (number: number) => ({ hash: (number << 30) | 5, split: 7 })
    expect(shared(partOf('a', group(3), group(0), group(1)))).toEqual([['a1'], ['a2'], ['a0']])
  })
})

test('a stream is at its home, with the heir of that, or with whoever takes the rest of that worker', () => {
  const stream = { pipeline: '', source: 's', producer: 'p', incarnation: '1' }
  const at = (home: string) => homeIn(generation(0), home, stream)
  expect([at('c'), at('gone'), at('long-gone')]).toEqual([2, 1, takerOf(generation(0), 'long-gone')])
})

describe('the reader of a split', () => {
  test('is the one that the record places, of this source, and one by its name where it places none', () => {
    const { members, ...rest } = generation(0)
    const place = (pipeline: string, step: string, reader: number) => ({ pipeline, step, split: 'f', reader })
    const splits = [place('p', 's', 2), place('p', 't', 1), place('q', 's', 0)]
    const placed = { ...rest, members, placement: { splits, heirs: [] } }
    expect(readersOf(placed, 'p', 's')('f')).toBe(2)
    expect(readersOf(placed, 'p', 't')('f')).toBe(1)
    const readers = new Set(Array.from({ length: 60 }, (_, i) => readersOf(placed, 'p', 's')(`${i}`)))
    expect([...readers].toSorted()).toEqual([0, 1, 2])
  })

  test('is known without a look at all that the record places, for each of them', () => {
    let looks = 0
    const splits = Array.from({ length: 1000 }, (_, i) => ({
      ...{ pipeline: 'p', split: `${i}`, reader: i % 3 },
      get step() {
        looks++
        return 's'
      },
    }))
    const readerOf = readersOf({ ...generation(0), placement: { splits, heirs: [] } }, 'p', 's')
    for (const { split, reader } of splits) expect(readerOf(split)).toBe(reader)
    expect(looks).toBe(splits.length)
  })
})
