/** What is too large for one chunk is written as several, the removed keys in front of all entries. */
import { expect, test } from 'vitest'
import { VALUES_MAX } from '../../src/base/codec/format.ts'
import type { Key } from '../../src/base/hash.ts'
import { defaultLimits } from '../../src/base/limits.ts'
import { ChunkReader, Rows } from '../../src/state/chunk.ts'
import { ChunkWriter } from '../../src/state/chunk-writer.ts'

function chunksOf(removed: readonly Key[], rows: Rows): { readonly removed: number; readonly keys: number }[] {
  const chunks: { readonly removed: number; readonly keys: number }[] = []
  new ChunkWriter('count', 1, defaultLimits).write(removed, rows, (bytes) => {
    const chunk = new ChunkReader(bytes)
    expect(chunk.states()).toHaveLength(chunk.keys.length)
    chunks.push({ removed: chunk.removed.length, keys: chunk.keys.length })
  })
  return chunks
}

function rowsOf(count: number): Rows {
  const rows = new Rows()
  const state = { n: 1 }
  for (let i = 0; i < count; i++) {
    rows.keys.push(i)
    rows.states.push(state)
  }
  return rows
}

test('where more keys are removed than a block holds, several chunks are written', () => {
  const removed = Array.from({ length: VALUES_MAX + 2 }, (_, i) => i)
  const half = VALUES_MAX / 2 + 1
  expect(chunksOf(removed, rowsOf(3))).toEqual([
    { removed: half, keys: 0 },
    { removed: half, keys: 0 },
    { removed: 0, keys: 3 },
  ])
})

test('where the removed keys are longer than a block, several chunks are written', () => {
  const removed = Array.from({ length: 68 }, (_, i) => `${i} ${'x'.repeat(1 << 20)}`)
  expect(chunksOf(removed, rowsOf(1))).toEqual([
    { removed: 34, keys: 0 },
    { removed: 34, keys: 0 },
    { removed: 0, keys: 1 },
  ])
})

test('where more entries change than a block holds, several chunks are written', () => {
  const half = VALUES_MAX / 2 + 1
  expect(chunksOf([], rowsOf(VALUES_MAX + 2))).toEqual([
    { removed: 0, keys: half },
    { removed: 0, keys: half },
  ])
})
