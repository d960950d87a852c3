/**
 * The sample pipelines against their golden files: `input…` is what goes in, `expected.txt` what must come out; of a
 * pipeline with several sinks there is a file for each.
 *
 * The expected output is computed here, in other words than the pipelines', and compared with the files; with
 * `UPDATE_GOLDEN=1` the files are written. Every life of a pipeline is held to them.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import alerts from '../../pipelines/alerts.ts'
import alphabet from '../../pipelines/alphabet.ts'
import celsius from '../../pipelines/celsius.ts'
import { Lines } from '../../pipelines/data/words.ts'
import enrich from '../../pipelines/enrich.ts'
import fanOut from '../../pipelines/fan-out.ts'
import marketSpread from '../../pipelines/market-spread.ts'
import presence from '../../pipelines/presence.ts'
import sequenceWindow from '../../pipelines/sequence-window.ts'
import wordCount from '../../pipelines/word-count.ts'
import type { Parameters } from '../../src/model/graph.ts'
import type { Pipeline } from '../../src/model/pipeline.ts'
import { Catalogue, priceOf } from './catalogue.ts'
import * as made from './inputs.ts'
import { runStraight } from './straight.ts'

interface Golden {
  readonly name: string
  readonly pipeline: Pipeline
  readonly parameters?: () => Parameters
  /** File by source, in the order in which they go in. */
  readonly inputs: Readonly<Record<string, { readonly file: string; readonly make: () => Buffer }>>
  /** The output of each sink for these inputs, in the order of the inputs. */
  readonly compute: (inputs: Readonly<Record<string, Buffer>>) => Readonly<Record<string, string>>
}

const catalogue = new Catalogue()
beforeAll(() => catalogue.open())
afterAll(() => catalogue.close())

const goldens: readonly Golden[] = [
  {
    name: 'word-count',
    pipeline: wordCount,
    inputs: { lines: { file: 'input.txt', make: made.lines } },
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
      return { totals: output }
    },
  },
  {
    name: 'sequence-window',
    pipeline: sequenceWindow,
    inputs: { numbers: { file: 'input.txt', make: made.sequences } },
    compute: ({ numbers }) => {
      let output = ''
      for (const line of numbers!.toString().trimEnd().split('\n')) {
        // The numbers of a key count up from 1, so a window is known without those before it.
        const [, key, text] = /^(.*),(\d+)$/.exec(line)!
        const window = [3, 2, 1, 0].map((back) => Math.max(0, Number(text) - back))
        output += `${key} => [${window}]\n`
      }
      return { windows: output }
    },
  },
  {
    name: 'presence',
    pipeline: presence,
    parameters: () => ({ most: 4 }),
    inputs: { moves: { file: 'input.jsonl', make: made.moves } },
    compute: ({ moves }) => {
      /** Who is in a room, the one who moved last in front. */
      const rooms: Record<string, { who: string; moves: number }[]> = {}
      let output = ''
      for (const line of moves!.toString().trimEnd().split('\n')) {
        const { room, who, x, y } = JSON.parse(line) as { room: string; who: string; x?: number; y?: number }
        const before = rooms[room] ?? []
        const count = 1 + (before.find((one) => one.who === who)?.moves ?? 0)
        const others = before.filter((one) => one.who !== who)
        const now = x === undefined ? others : [{ who, moves: count }, ...others].slice(0, 4)
        rooms[room] = now
        const row = [room, who, x ?? null, y ?? null, count, now.length].map((value) => JSON.stringify(value))
        output += `{"room":${row[0]},"who":${row[1]},"x":${row[2]},"y":${row[3]},"moves":${row[4]},"here":${row[5]}}\n`
      }
      return { rooms: output }
    },
  },
  {
    name: 'market-spread',
    pipeline: marketSpread,
    inputs: {
      quotes: { file: 'quotes.bin', make: () => made.market().quotes },
      orders: { file: 'orders.bin', make: () => made.market().orders },
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
      return { refused: output }
    },
  },
  {
    name: 'celsius',
    pipeline: celsius,
    inputs: { celsius: { file: 'input.bin', make: made.temperatures } },
    compute: ({ celsius }) => {
      let output = ''
      for (let at = 0; at < celsius!.length; at += 8) {
        const record = new DataView(celsius!.buffer, celsius!.byteOffset + at, 8)
        expect(record.getUint32(0)).toBe(4)
        output += `${((record.getFloat32(4) * 9) / 5 + 32).toFixed(1)}\n`
      }
      return { fahrenheit: output }
    },
  },
  {
    name: 'alphabet',
    pipeline: alphabet,
    inputs: { votes: { file: 'input.bin', make: made.ballots } },
    compute: ({ votes }) => {
      const totals: Record<string, number> = {}
      let output = ''
      for (let at = 0; at < votes!.length; at += 9) {
        const record = new DataView(votes!.buffer, votes!.byteOffset + at, 9)
        expect(record.getUint32(0)).toBe(5)
        const letter = latin1(record, 4, 1)
        totals[letter] = (totals[letter] ?? 0) + record.getUint32(5)
        output += `${letter} => ${totals[letter]}\n`
      }
      return { totals: output }
    },
  },
  {
    name: 'alerts',
    pipeline: alerts,
    inputs: { transactions: { file: 'input.csv', make: made.transactions } },
    compute: ({ transactions }) => {
      const balances: Record<string, number> = {}
      let output = ''
      for (const line of linesOf(transactions!)) {
        const [, account, cents] = /^(.+),(.+)$/.exec(line)!
        const before = balances[account!] ?? 0
        const now = before + Number(cents)
        balances[account!] = now
        const [was, is] = [before, now].map((n) => Number(n > 100_000) - Number(n < -50_000))
        if (was !== is) output += `${account} ${['low', 'normal', 'high'][is! + 1]} ${now}\n`
      }
      return { alerts: output }
    },
  },
  {
    name: 'fan-out',
    pipeline: fanOut,
    inputs: {
      web: { file: 'web.jsonl', make: () => made.orders(5, 200) },
      shops: { file: 'shops.jsonl', make: () => made.orders(6, 150) },
    },
    compute: ({ web, shops }) => {
      const all = [...linesOf(web!), ...linesOf(shops!)].map((line) => ({ line, ...JSON.parse(line) }))
      const rest = all.filter(({ cents }) => cents >= 0 && cents < 100_000)
      const textOf = (rows: readonly string[]) => rows.map((text) => `${text}\n`).join('')
      return {
        refunds: textOf(all.filter(({ cents }) => cents < 0).map(({ line }) => line)),
        review: textOf(all.filter(({ cents }) => cents >= 100_000).map(({ line }) => line)),
        totals: textOf(
          rest.map(({ country }, i) => {
            const so = rest.slice(0, i + 1).filter((one) => one.country === country)
            return `{"country":"${country}","orders":${so.length},"cents":${so.reduce((sum, { cents }) => sum + cents, 0)}}`
          }),
        ),
      }
    },
  },
  {
    name: 'enrich',
    pipeline: enrich,
    parameters: () => ({ catalogue: catalogue.url }),
    inputs: { orders: { file: 'input.jsonl', make: made.purchases } },
    compute: ({ orders }) => ({
      priced: linesOf(orders!)
        .map((line) => {
          const [, id, product, count] = /"id":(\d+),"product":"(.+)","count":(\d+)/.exec(line)!
          return `{"id":${id},"name":"The ${product}","count":${count},"cents":${priceOf(product!) * Number(count)}}\n`
        })
        .join(''),
    }),
  },
]

function linesOf(text: Buffer): string[] {
  return text.toString().trimEnd().split('\n')
}

function latin1(record: DataView, at: number, length: number): string {
  return Buffer.from(record.buffer, record.byteOffset + at, length)
    .toString('latin1')
    .trim()
}

describe.each(goldens)('$name', ({ name, pipeline, parameters, inputs, compute }) => {
  const folder = join(import.meta.dirname, name)
  const given = Object.entries(inputs).map(([source, { file, make }]) => ({ source, file, bytes: make() }))
  const expected = compute(Object.fromEntries(given.map(({ source, bytes }) => [source, bytes])))
  const sinks = Object.keys(expected)
  const fileOf = (sink: string) => join(folder, sinks.length === 1 ? 'expected.txt' : `${sink}.txt`)

  test('its golden files are what was computed', () => {
    if (process.env.UPDATE_GOLDEN === '1') {
      mkdirSync(folder, { recursive: true })
      for (const { file, bytes } of given) writeFileSync(join(folder, file), bytes)
      for (const sink of sinks) writeFileSync(fileOf(sink), expected[sink]!)
    }
    for (const { file, bytes } of given) expect(bytes.equals(readFileSync(join(folder, file))), file).toBe(true)
    for (const sink of sinks) expect(expected[sink]).toBe(readFileSync(fileOf(sink), 'utf8'))
  })

  test('gives its golden output when it is run straight', async () => {
    const bytes = given.map(({ source, file }) => [source, readFileSync(join(folder, file))] as const)
    const outputs = await runStraight(pipeline.build(parameters?.()), bytes)
    expect([...outputs.keys()].sort()).toEqual([...sinks].sort())
    for (const sink of sinks) expect(outputs.get(sink)).toBe(readFileSync(fileOf(sink), 'utf8'))
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
