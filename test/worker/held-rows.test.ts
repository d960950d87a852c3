/** What tasks hold is written in as many parts as it takes, and comes back in its order. */
import { expect, test } from 'vitest'
import { ByteWriter } from '../../src/base/bytes.ts'
import { FORMAT_EXACT, FORMAT_PLAIN } from '../../src/base/codec/format.ts'
import type { Examined } from '../../src/checkpoint/damage.ts'
import type { PackChunk, PackHandle } from '../../src/checkpoint/pack-format.ts'
import { openPack, readChunks } from '../../src/checkpoint/pack-reader.ts'
import { PackBlocks } from '../../src/checkpoint/pack-writer.ts'
import { HeldRecords } from '../../src/dataflow/held-records.ts'
import { decodeHeld, writeHeld } from '../../src/worker/execution/epochs/held-rows.ts'
import { Snapshotter } from '../../src/worker/execution/epochs/snapshotter.ts'
import { SplitTable } from '../../src/worker/execution/sources/split-table.ts'
import { Sim } from '../checkpoint/fixture.ts'

function heldOf(values: readonly unknown[], splits: SplitTable): HeldRecords {
  const held = new HeldRecords()
  values.forEach((value, i) => {
    held.values.push(value)
    held.hashes.push(i)
    held.ordinals.push(10 + i)
    held.times.push(20 + i)
    held.splits.push(splits.numberOf(`split ${i % 2}`))
    held.positions.push(30 + i)
  })
  return held
}

test('held rows that are more than a block holds come back from several', () => {
  const splits = new SplitTable()
  const held = heldOf(
    Array.from('abc', (letter) => letter.repeat(30 << 20)),
    splits,
  )
  const parts: Uint8Array[] = []
  writeHeld(new ByteWriter(), held, splits, (bytes) => parts.push(bytes))
  expect(parts.length).toBeGreaterThan(1)
  const back = parts.map((bytes) => decodeHeld(bytes, splits))
  for (const column of ['hashes', 'ordinals', 'times', 'splits', 'positions'] as const)
    expect(back.flatMap((part) => part[column])).toEqual(held[column])
  expect(back.flatMap(({ values }) => values).every((value, i) => value === held.values[i])).toBe(true)
})

test('a record that is more than a block by itself is named, and what comes after it is written', () => {
  const splits = new SplitTable()
  const writer = new ByteWriter()
  const parts: Uint8Array[] = []
  const write = (...values: string[]) => writeHeld(writer, heldOf(values, splits), splits, (bytes) => parts.push(bytes))
  expect(() => write('x'.repeat(70 << 20))).toThrow(expect.objectContaining({ code: 'E_BLOCK_TOO_LONG' }))
  write('next')
  expect(parts.map((bytes) => decodeHeld(bytes, splits).values)).toEqual([['next']])
})

test('holes stand where they were, unless somebody reads the first format alone', () => {
  const splits = new SplitTable()
  const hours: unknown[] = []
  hours[2] = 7
  const read = (formatMax?: number): unknown[] => {
    const parts: Uint8Array[] = []
    writeHeld(new ByteWriter(), heldOf([hours], splits), splits, (bytes) => parts.push(bytes), formatMax)
    return decodeHeld(parts[0]!, splits).values
  }
  expect(read()).toStrictEqual([hours])
  expect(read(FORMAT_PLAIN)).toStrictEqual([[undefined, undefined, 7]])
})

test('what a task holds stands in the pack in its order', () => {
  const sim = new Sim()
  const { clock, limits } = sim
  const store = sim.open()
  const splits = new SplitTable()
  const path = 'pipelines/p/1/packs/1'
  const seams = { store, clock, limits, valuesFormat: () => FORMAT_EXACT }
  const snapshotter = new Snapshotter(seams, path, 0, splits, new PackBlocks(limits), () => {})
  const held = ['first', 'second', 'third'].map((value) => heldOf([value], splits))
  const ignore = (): void => {}
  snapshotter.add('sums', null, held, ignore, ignore)
  while (snapshotter.step());
  const handle = sim.value<PackHandle | null>((done) => snapshotter.finish(done))!
  const opened = sim.await<Examined<readonly PackChunk[]>>((done) => openPack(store, handle, done))
  if (opened.kind !== 'intact') throw new Error(opened.kind)
  const values: unknown[] = []
  const take = (_: PackChunk, bytes: Buffer) => values.push(...decodeHeld(bytes, splits).values)
  sim.await((done) => readChunks({ store, clock, limits }, path, opened.value, take, done))
  expect(values).toEqual(['first', 'second', 'third'])
})
