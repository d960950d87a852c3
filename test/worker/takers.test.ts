import { describe, expect, test } from 'vitest'
import { HeldRecords } from '../../src/dataflow/held-records.ts'
import type { Generation } from '../../src/worker/execution/generation.ts'
import type { HeldPart } from '../../src/worker/execution/restorer.ts'
import { homeIn } from '../../src/worker/execution/source-parts.ts'
import { heldFor, takerOf } from '../../src/worker/execution/takers.ts'

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
