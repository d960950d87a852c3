/** docs/recipes.md: each of its pipelines does what it is there for, and the same when it crashes. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import * as face from 'potoroo'
import { type Pipeline, seconds } from 'potoroo'
import { afterAll, describe, expect, test } from 'vitest'
import { AFTER, PAUSE, type RunPipelineOptions, runPipeline, verifyPipeline } from '../../src/testing.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/recipes.md'), 'utf8')
const folder = mkdtempSync(join(import.meta.dirname, '.recipes-'))
afterAll(() => rmSync(folder, { recursive: true }))

const SECOND = seconds(1)
const MINUTE = 60 * SECOND
const reading = (value: number, at: number) => ({ sensor: 's', value, at })
const row = (from: number, sum: number, count: number, late = false) => ({ sensor: 's', from, sum, count, late })

interface Recipe extends Omit<RunPipelineOptions, 'faults'> {
  readonly outputs: Readonly<Record<string, unknown>>
}

const recipes: Readonly<Record<string, Recipe>> = {
  once: {
    inputs: { orders: ['a', 'b', 'a', 'c', 'b'].map((id) => ({ id, cents: 5 })) },
    outputs: { new: ['a', 'b', 'c'].map((id) => ({ id, cents: 5 })) },
  },
  join: {
    inputs: {
      orders: [
        { id: '1', item: 'hat' },
        { id: '2', item: 'cap' },
      ],
      payments: [AFTER('orders'), { id: '2', cents: 9 }],
    },
    outputs: { paid: [{ id: '2', item: 'cap', cents: 9 }] },
  },
  sessions: {
    inputs: {
      clicks: [
        ...['/a', '/'].map((click, i) => ({ user: 'ann', page: click, at: (1 - i) * MINUTE })),
        ...['/b', '/c'].map((click, i) => ({ user: 'ann', page: click, at: (i + 40) * MINUTE })),
      ],
    },
    outputs: { ended: [{ user: 'ann', pages: ['/a', '/'], from: 0, to: MINUTE }] },
  },
  minutes: {
    inputs: {
      readings: [
        ...[reading(1, 0), reading(2, MINUTE), reading(4, 10)],
        ...[reading(8, 3 * MINUTE), reading(16, 20), reading(1, 9 * MINUTE)],
      ],
    },
    outputs: {
      sums: [row(0, 5, 2), row(MINUTE, 2, 1), row(3 * MINUTE, 8, 1)],
      late: [row(0, 16, 1, true)],
    },
  },
  top: {
    parameters: { most: 2 },
    inputs: { words: ['to', 'be', 'or', 'to', 'be', 'to'] },
    outputs: { ranking: expect.toSatisfy((rows) => isDeepStrictEqual(rows.at(-1), { top: ['to 3', 'be 2'] })) },
  },
  fraud: {
    inputs: {
      payments: [
        ...[50, 60_000].map((cents, i) => ({ account: 'a', cents, at: i * SECOND })),
        ...[60_000, 50, 60_000].map((cents, i) => ({ account: 'b', cents, at: i * MINUTE })),
      ],
    },
    outputs: { alerts: [{ account: 'a', cents: 60_000, at: SECOND }] },
  },
  silent: {
    parameters: { afterMs: seconds(30) },
    inputs: {
      beats: [{ device: 'a' }, { device: 'b' }],
      clock: [0, AFTER('beats'), 1, PAUSE(seconds(40)), 2, 3],
    },
    outputs: { alarms: ['a', 'b'].map((silent) => ({ silent })) },
  },
}

/** The pipeline that the page shows as `name`. */
async function shown(name: string): Promise<Pipeline> {
  const code = new RegExp(`\`\`\`ts\\n// ${name}\\.ts\\n([\\s\\S]*?)\`\`\``).exec(page)![1]!
  const file = join(folder, `${name}.ts`)
  const names = Object.keys(face).filter((one) => new RegExp(`\\b${one}\\b`).test(code))
  writeFileSync(file, `import { ${names.join(', ')} } from 'potoroo'\n${code}`)
  return ((await import(file)) as { readonly default: Pipeline }).default
}

test('each recipe of the page is here', () => {
  expect(Array.from(page.matchAll(/^\/\/ (.+)\.ts$/gm), ([, name]) => name)).toEqual(Object.keys(recipes))
})

test.each([
  ['sessions', 'clicks', 'ended'],
  ['minutes', 'readings', 'sums'],
])('in %s nothing comes of a record without a time', async (name, source, sink) => {
  const { inputs, outputs } = recipes[name]!
  const input = inputs![source] as readonly object[]
  const spoiled = { [source]: [{ ...input[0], at: undefined }, ...input] }
  const result = await runPipeline<Record<string, unknown>>(await shown(name), { inputs: spoiled })
  expect(result.deadLetters).toHaveLength(1)
  expect(result.outputs[sink]).toEqual(outputs[sink])
})

describe.each(Object.entries(recipes))('%s', (name, { outputs, ...options }) => {
  test('answers what it is there for', async () => {
    const result = await runPipeline(await shown(name), options)
    expect(result.deadLetters).toEqual([])
    expect(result.outputs).toMatchObject(outputs)
  })

  test('and so it does when it crashes', async () => {
    const pipeline = await shown(name)
    expect(await verifyPipeline(pipeline, { ...options, runs: 3 })).toMatchObject({ impurities: [], deadLetters: 0 })
    const { outputs: ended } = await runPipeline(pipeline, { ...options, faults: 'crashes', seed: 3 })
    expect(ended).toMatchObject(outputs)
  })
})
