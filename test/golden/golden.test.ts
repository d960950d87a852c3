/**
 * The sample pipelines against their golden files: `input…` is what goes in, `expected.txt` what must come out.
 *
 * The expected output is computed here, in other words than the pipelines', and compared with the files; with
 * `UPDATE_GOLDEN=1` the files are written. Every life of a pipeline is held to them.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Market } from '../../pipelines/data/market.ts'
import { Random } from '../../pipelines/data/random.ts'
import { Lines } from '../../pipelines/data/words.ts'
import marketSpread from '../../pipelines/market-spread.ts'
import sequenceWindow from '../../pipelines/sequence-window.ts'
import wordCount from '../../pipelines/word-count.ts'
import type { Pipeline } from '../../src/model/pipeline.ts'
import { runStraight } from './straight.ts'

interface Golden {
  readonly name: string
  readonly pipeline: Pipeline
  readonly sink: string
  /** File by source, in the order in which they go in. */
  readonly inputs: Readonly<Record<string, { readonly file: string; readonly make: () => Buffer }>>
  /** The output for these inputs, in the order of the inputs. */
  readonly compute: (inputs: Readonly<Record<string, Buffer>>) => string
}

const odd = `To be, or not to be: that's the question.
Être ou ne pas être — ÉTAIT-ce été?
1984 and 1984 again; ２０２４
'
`

const goldens: readonly Golden[] = [
  {
    name: 'word-count',
    pipeline: wordCount,
    sink: 'totals',
    inputs: { lines: { file: 'input.txt', make: () => Buffer.from(odd + new Lines(1, 300).text(60)) } },
    compute: ({ lines }) => {
      const totals: Record<string, number> = {}
      let output = ''
      let word = ''
      for (const character of lines!.toString().toLowerCase()) {
        if (character === "'" || /[\p{Letter}\p{Number}]/u.test(character)) {
          word += character
        } else if (word !== '') {
          totals[word] = (totals[word] ?? 0) + 1
          output += `${word} => ${totals[word]}\n`
          word = ''
        }
      }
      return output
    },
  },
  {
    name: 'sequence-window',
    pipeline: sequenceWindow,
    sink: 'windows',
    inputs: { numbers: { file: 'input.txt', make: sequences } },
    compute: ({ numbers }) => {
      let output = ''
      for (const line of numbers!.toString().trimEnd().split('\n')) {
        // The numbers of a key count up from 1, so a window is known without those before it.
        const [, key, text] = /^(.*),(\d+)$/.exec(line)!
        const window = [3, 2, 1, 0].map((back) => Math.max(0, Number(text) - back))
        output += `${key} => [${window}]\n`
      }
      return output
    },
  },
  {
    name: 'market-spread',
    pipeline: marketSpread,
    sink: 'refused',
    inputs: {
      quotes: { file: 'quotes.bin', make: () => market().quotes },
      orders: { file: 'orders.bin', make: () => market().orders },
    },
    compute: ({ quotes, orders }) => {
      const market: Record<string, [number, number]> = {}
      let output = ''
      for (let at = 0; at < quotes!.length; at += 46) {
        const record = new DataView(quotes!.buffer, quotes!.byteOffset + at, 46)
        expect([record.getUint32(0), record.getUint8(4)]).toEqual([42, 2])
        market[latin1(record, 5, 4)] = [record.getFloat64(30), record.getFloat64(38)]
      }
      for (let at = 0; at < orders!.length; at += 57) {
        const record = new DataView(orders!.buffer, orders!.byteOffset + at, 57)
        expect([record.getUint32(0), record.getUint8(4)]).toEqual([53, 1])
        const symbol = latin1(record, 16, 4)
        const [bid, offer] = market[symbol] ?? [0, 0]
        const narrow = offer - bid < 0.05 && (offer - bid) / ((offer + bid) / 2) < 0.05
        if (!narrow) output += `${record.getUint32(6)},${symbol},${latin1(record, 10, 6)},${bid},${offer}\n`
      }
      return output
    },
  },
]

/** Numbers from 1 on for each of 12 keys, mixed. */
function sequences(): Buffer {
  const random = new Random(2)
  const numbers = new Map<string, number>()
  let text = ''
  for (let i = 0; i < 500; i++) {
    const key = ['a', 'b', 'key with spaces', 'a,b', 'ключ', '0', '-1', 'A', 'z', 'y', 'x', 'w'][random.below(12)]!
    const number = (numbers.get(key) ?? 0) + 1
    numbers.set(key, number)
    text += `${key},${number}\n`
  }
  return Buffer.from(text)
}

function market(): { quotes: Buffer; orders: Buffer } {
  const made = new Market(3, { symbols: 60, wideShare: 0.25, unknownShare: 0.05 })
  return { quotes: Buffer.concat([made.opening(), made.quotes(60)]), orders: made.ordersFor(150) }
}

function latin1(record: DataView, at: number, length: number): string {
  return Buffer.from(record.buffer, record.byteOffset + at, length)
    .toString('latin1')
    .trim()
}

describe.each(goldens)('$name', ({ name, pipeline, sink, inputs, compute }) => {
  const folder = join(import.meta.dirname, name)

  test('its golden files are what was computed', () => {
    const made: Record<string, Buffer> = {}
    for (const [source, input] of Object.entries(inputs)) made[source] = input.make()
    const expected = compute(made)
    if (process.env.UPDATE_GOLDEN === '1') {
      mkdirSync(folder, { recursive: true })
      for (const [source, input] of Object.entries(inputs)) writeFileSync(join(folder, input.file), made[source]!)
      writeFileSync(join(folder, 'expected.txt'), expected)
    }
    for (const [source, input] of Object.entries(inputs)) {
      expect(made[source]!.equals(readFileSync(join(folder, input.file))), input.file).toBe(true)
    }
    expect(expected).toBe(readFileSync(join(folder, 'expected.txt'), 'utf8'))
  })

  test('gives its golden output when it is run straight', () => {
    const bytes = Object.entries(inputs).map(
      ([source, { file }]) => [source, readFileSync(join(folder, file))] as const,
    )
    const output = runStraight(pipeline.build(), bytes).get(sink)
    expect(output).toBe(readFileSync(join(folder, 'expected.txt'), 'utf8'))
  })
})

test('the golden market has refusals of every kind', () => {
  const rows = readFileSync(join(import.meta.dirname, 'market-spread/expected.txt'), 'utf8')
    .trimEnd()
    .split('\n')
  const spreads = rows.map((row) => row.split(',').slice(3).map(Number) as [number, number])
  const byCents = spreads.filter(([bid, offer]) => offer - bid >= 0.05)
  const byShare = spreads.filter(([bid, offer]) => offer - bid < 0.05 && bid > 0)
  const unknown = spreads.filter(([bid]) => bid === 0)
  for (const kind of [byCents, byShare, unknown]) expect(kind.length).toBeGreaterThan(0)
  expect(rows.length).toBeLessThan(100)
})

test('a made-up text follows the law of Zipf', () => {
  const counts = new Map<string, number>()
  for (const word of new Lines(7).text(2000).split(/\s+/)) counts.set(word, (counts.get(word) ?? 0) + 1)
  const sorted = [...counts.values()].sort((a, b) => b - a)
  expect(sorted[0]! / sorted[9]!).toBeGreaterThan(7)
  expect(sorted[0]! / sorted[9]!).toBeLessThan(14)
  expect(counts.size).toBeGreaterThan(3000)
})
