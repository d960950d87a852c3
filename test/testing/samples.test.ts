/**
 * The sample pipelines on the simulated world: straight, through crashes and through bad weather they come to the same
 * outputs and the same states, which are those of their golden files.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import alerts from '../../pipelines/alerts.ts'
import alphabet from '../../pipelines/alphabet.ts'
import celsius from '../../pipelines/celsius.ts'
import enrich from '../../pipelines/enrich.ts'
import fanOut from '../../pipelines/fan-out.ts'
import marketSpread from '../../pipelines/market-spread.ts'
import presence from '../../pipelines/presence.ts'
import sequenceWindow from '../../pipelines/sequence-window.ts'
import wordCount from '../../pipelines/word-count.ts'
import type { Parameters } from '../../src/model/graph.ts'
import type { Pipeline } from '../../src/model/pipeline.ts'
import { AFTER, type Faults, type RunResult, raw, runPipeline, type TestInput } from '../../src/testing.ts'
import { productOf } from '../golden/catalogue.ts'

const golden = (...path: readonly string[]) => readFileSync(join(import.meta.dirname, '../golden', ...path))

interface Sample {
  readonly name: string
  readonly pipeline: Pipeline
  readonly parameters?: Parameters
  readonly inputs: Readonly<Record<string, TestInput>>
  /** Its sinks, and the golden file of each. */
  readonly sinks: Readonly<Record<string, string>>
  /** The step whose states are looked at, where it has one. */
  readonly step?: string
}

const samples: readonly Sample[] = [
  {
    name: 'word-count',
    pipeline: wordCount,
    inputs: { lines: raw(golden('word-count/input.txt')) },
    sinks: { totals: 'expected.txt' },
    step: 'count',
  },
  {
    name: 'sequence-window',
    pipeline: sequenceWindow,
    inputs: { numbers: raw(golden('sequence-window/input.txt')) },
    sinks: { windows: 'expected.txt' },
    step: 'window',
  },
  {
    name: 'market-spread',
    pipeline: marketSpread,
    inputs: {
      quotes: raw(golden('market-spread/quotes.bin')),
      orders: [AFTER('quotes'), raw(golden('market-spread/orders.bin'))],
    },
    sinks: { refused: 'expected.txt' },
    step: 'market',
  },
  {
    name: 'celsius',
    pipeline: celsius,
    inputs: { celsius: raw(golden('celsius/input.bin')) },
    sinks: { fahrenheit: 'expected.txt' },
  },
  {
    name: 'alphabet',
    pipeline: alphabet,
    inputs: { votes: raw(golden('alphabet/input.bin')) },
    sinks: { totals: 'expected.txt' },
    step: 'count',
  },
  {
    name: 'alerts',
    pipeline: alerts,
    inputs: { transactions: raw(golden('alerts/input.csv')) },
    sinks: { alerts: 'expected.txt' },
    step: 'balance',
  },
  {
    name: 'fan-out',
    pipeline: fanOut,
    inputs: { web: raw(golden('fan-out/web.jsonl')), shops: [AFTER('web'), raw(golden('fan-out/shops.jsonl'))] },
    sinks: { refunds: 'refunds.txt', review: 'review.txt', totals: 'totals.txt' },
    step: 'turnover',
  },
  {
    name: 'presence',
    pipeline: presence,
    parameters: { most: 4 },
    inputs: { moves: raw(golden('presence/input.jsonl')) },
    sinks: { rooms: 'expected.txt' },
    step: 'room',
  },
  {
    name: 'enrich',
    pipeline: enrich,
    inputs: { orders: raw(golden('enrich/input.jsonl')) },
    sinks: { priced: 'expected.txt' },
  },
]

// No socket can answer in simulated time: `enrich` asks this catalogue.
vi.stubGlobal('fetch', async (url: string) => {
  const product = decodeURIComponent(url.slice(url.lastIndexOf('/') + 1))
  if (product === 'unknown') return { ok: false, status: 404 }
  return { ok: true, json: async () => productOf(product) }
})

/** The rows of each sink in words, as its own encoder puts them. */
function textsOf({ pipeline, sinks }: Sample, result: RunResult): Record<string, string> {
  const { steps } = pipeline.build()
  return Object.fromEntries(
    Object.keys(sinks).map((name) => {
      const step = steps.find((step) => step.name === name)
      if (step?.kind !== 'sink') throw new Error(`${name} is no sink`)
      const end = step.sink.framing?.suffix ?? ''
      return [name, result.outputs[name]!.map((row) => `${step.sink.encode(row)}${end}`).join('')]
    }),
  )
}

describe.each(samples)('$name', (sample) => {
  const { pipeline, parameters = {}, inputs, sinks, step } = sample
  const run = (faults: Faults, seed: number) => runPipeline(pipeline, { inputs, parameters, faults, seed })
  const states = (result: RunResult) =>
    step === undefined ? [] : [...result.states(step)].sort(([a], [b]) => (a < b ? -1 : 1))
  const expected = Object.fromEntries(
    Object.entries(sinks).map(([sink, file]) => [sink, golden(sample.name, file).toString()]),
  )

  test('undisturbed, gives its golden output, each record at the first attempt', async () => {
    const result = await run('none', 1)
    expect(textsOf(sample, result)).toEqual(expected)
    expect(result.attempts).toEqual(result.outputs)
    expect(result).toMatchObject({ restarts: 0, deadLetters: [] })
  })

  test.each(['crashes', 'weather'] as const)('%s', async (faults) => {
    const straight = states(await run('none', 1))
    let repeats = 0
    for (let seed = 1; seed <= 8; seed++) {
      const result = await run(faults, seed)
      expect(textsOf(sample, result), `seed ${seed}`).toEqual(expected)
      expect(states(result), `seed ${seed}`).toEqual(straight)
      expect(result.restarts).toBeGreaterThan(0)
      for (const sink of Object.keys(sinks)) repeats += result.attempts[sink]!.length - result.outputs[sink]!.length
    }
    // Something was lost each time, and done again.
    expect(repeats).toBeGreaterThan(0)
  })
})

test('what a sample cannot read becomes a dead letter that says why', async () => {
  const letters = async (pipeline: Pipeline, source: string, records: TestInput) => {
    const { deadLetters } = await runPipeline(pipeline, { inputs: { [source]: records } })
    return deadLetters.map(({ error }) => error)
  }
  const short = raw(Buffer.from([0, 0, 0, 2, 65, 66]))
  expect(await letters(celsius, 'celsius', short)).toEqual([expect.stringMatching(/4 bytes, not 2/)])
  expect(await letters(alphabet, 'votes', short)).toEqual([expect.stringMatching(/not a letter and its votes/)])
  expect(await letters(alerts, 'transactions', raw('ann,12.5\n'))).toEqual([
    expect.stringMatching(/"12.5" is no amount/),
  ])
  const unknown = raw('{"id":1,"product":"unknown","count":1}\n')
  expect(await letters(enrich, 'orders', unknown)).toEqual([expect.stringMatching(/answers 404 for product unknown/)])
})
