/**
 * The sample pipelines on the simulated world: straight, through crashes and through bad weather they come to the same
 * outputs and the same states, which are those of their golden files.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import marketSpread from '../../pipelines/market-spread.ts'
import sequenceWindow from '../../pipelines/sequence-window.ts'
import wordCount from '../../pipelines/word-count.ts'
import type { Pipeline } from '../../src/model/pipeline.ts'
import { AFTER, type Faults, type RunResult, raw, runPipeline, type TestInput } from '../../src/testing.ts'

const golden = (...path: readonly string[]) => readFileSync(join(import.meta.dirname, '../golden', ...path))

interface Sample {
  readonly name: string
  readonly pipeline: Pipeline
  readonly inputs: Readonly<Record<string, TestInput>>
  readonly sink: string
  readonly step: string
}

const samples: readonly Sample[] = [
  {
    name: 'word-count',
    pipeline: wordCount,
    inputs: { lines: raw(golden('word-count/input.txt')) },
    sink: 'totals',
    step: 'count',
  },
  {
    name: 'sequence-window',
    pipeline: sequenceWindow,
    inputs: { numbers: raw(golden('sequence-window/input.txt')) },
    sink: 'windows',
    step: 'window',
  },
  {
    name: 'market-spread',
    pipeline: marketSpread,
    inputs: {
      quotes: raw(golden('market-spread/quotes.bin')),
      orders: [AFTER('quotes'), raw(golden('market-spread/orders.bin'))],
    },
    sink: 'refused',
    step: 'market',
  },
]

/** The rows of `sink` in words, as its own encoder puts them. */
function textOf({ pipeline, sink }: Sample, result: RunResult): string {
  const step = pipeline.build().steps.find(({ name }) => name === sink)
  if (step?.kind !== 'sink') throw new Error(`${sink} is no sink`)
  const end = step.sink.framing?.suffix ?? ''
  return result.outputs[sink]!.map((row) => `${step.sink.encode(row)}${end}`).join('')
}

describe.each(samples)('$name', (sample) => {
  const run = (faults: Faults, seed: number) => runPipeline(sample.pipeline, { inputs: sample.inputs, faults, seed })
  const states = (result: RunResult) => new Map([...result.states(sample.step)].sort(([a], [b]) => (a < b ? -1 : 1)))
  const expected = golden(sample.name, 'expected.txt').toString()

  test('straight', async () => {
    const result = await run('none', 1)
    expect(textOf(sample, result)).toBe(expected)
    expect(result.attempts[sample.sink]).toEqual(result.outputs[sample.sink])
    expect(result).toMatchObject({ restarts: 0, deadLetters: [] })
  })

  test.each(['crashes', 'weather'] as const)('%s', async (faults) => {
    const straight = states(await run('none', 1))
    let repeats = 0
    for (let seed = 1; seed <= 8; seed++) {
      const result = await run(faults, seed)
      expect(textOf(sample, result), `seed ${seed}`).toBe(expected)
      expect(states(result), `seed ${seed}`).toEqual(straight)
      expect(result.restarts).toBeGreaterThan(0)
      repeats += result.attempts[sample.sink]!.length - result.outputs[sample.sink]!.length
    }
    // Something was lost each time, and done again.
    expect(repeats).toBeGreaterThan(0)
  })
})
