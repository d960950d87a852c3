/** Names of splits on a channel: whatever is written and not sent, the receiver knows what each number means. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteReader, ByteWriter } from '../../src/base/bytes.ts'
import { type NamedSplit, SplitNamesReader, SplitNamesWriter } from '../../src/protocol/split-names.ts'

/** A receiver's splits, each of which has its place in `ours`. */
function receiver(): { readonly ours: string[]; readonly reader: SplitNamesReader } {
  const ours: string[] = ['ours']
  const reader = new SplitNamesReader((name) => {
    const number = ours.push(name) - 1
    return { use: () => number }
  })
  return { ours, reader }
}

test('each number is named once for each split that it stands for, in front of the first batch that leaves with it (P1-P3)', () => {
  const batches = fc.array(
    fc.record({
      splits: fc.array(fc.nat(30), { minLength: 1 }),
      leaves: fc.boolean(),
      /** Numbers that stand for others from here on. */
      freed: fc.array(fc.nat(30), { maxLength: 3 }),
    }),
  )
  fc.assert(
    fc.property(batches, (sent) => {
      const table = Array.from({ length: 31 }, (_, number): NamedSplit => ({ name: `split ${number}` }))
      const writer = new SplitNamesWriter((number) => table[number]!)
      const { ours, reader } = receiver()
      const named = new Set<NamedSplit>()
      for (const [batch, { splits, leaves, freed }] of sent.entries()) {
        for (const number of freed) table[number] = { name: `split ${number} since ${batch}` }
        const bytes = new ByteWriter()
        const column = Float64Array.from(splits)
        writer.write(bytes, column, column.length)
        if (!leaves) continue
        writer.sent()
        const prefix = new ByteReader(bytes.take())
        reader.read(prefix)
        expect(prefix.remaining).toBe(0)
        expect(reader.translate(column, column.length)).toBe(true)
        expect(Array.from(column, (number) => ours[number])).toEqual(splits.map((number) => table[number]!.name))
        for (const split of splits) named.add(table[split]!)
        expect(ours).toHaveLength(named.size + 1)
      }
    }),
  )
})

test('a number that was never named is found', () => {
  const { reader } = receiver()
  expect(reader.translate(Float64Array.of(3), 1)).toBe(false)
})
