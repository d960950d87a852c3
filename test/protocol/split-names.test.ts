/** Names of splits on a channel: whatever is written and not sent, the receiver knows what each number means. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteReader, ByteWriter } from '../../src/base/bytes.ts'
import { SplitNamesReader, SplitNamesWriter } from '../../src/protocol/split-names.ts'

test('each number is named once, in front of the first batch that leaves with it (P1, P2)', () => {
  const batches = fc.array(fc.record({ splits: fc.array(fc.nat(300), { minLength: 1 }), leaves: fc.boolean() }))
  fc.assert(
    fc.property(batches, (sent) => {
      const writer = new SplitNamesWriter((number) => `split ${number}`)
      const ours: string[] = ['ours']
      const reader = new SplitNamesReader((name) => ours.push(name) - 1)
      const named = new Set<number>()
      for (const { splits, leaves } of sent) {
        const bytes = new ByteWriter()
        const column = Float64Array.from(splits)
        writer.write(bytes, column, column.length)
        if (!leaves) continue
        writer.sent()
        const prefix = new ByteReader(bytes.take())
        reader.read(prefix)
        expect(prefix.remaining).toBe(0)
        expect(reader.translate(column, column.length)).toBe(true)
        expect(Array.from(column, (number) => ours[number])).toEqual(splits.map((number) => `split ${number}`))
        for (const split of splits) named.add(split)
        expect(ours).toHaveLength(named.size + 1)
      }
    }),
  )
})

test('a number that was never named is found', () => {
  const reader = new SplitNamesReader(() => 0)
  expect(reader.translate(Float64Array.of(3), 1)).toBe(false)
})
