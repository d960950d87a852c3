/** The example of docs/testing.md, line by line: `page.test.ts` compares them. */
import { expect, test } from 'vitest'
import wordCount from '../../pipelines/word-count.ts'
import { ABORT, runPipeline } from '../../src/testing.ts'

test('words are counted, also when the worker is killed', async () => {
  const result = await runPipeline(wordCount, { inputs: { lines: ['to be', ABORT, 'or not to be'] } })

  expect(result.outputs.totals).toEqual([
    { word: 'to', total: 1 },
    { word: 'be', total: 1 },
    { word: 'or', total: 1 },
    { word: 'not', total: 1 },
    { word: 'to', total: 2 },
    { word: 'be', total: 2 },
  ])
  expect(result.state('count', 'be')).toEqual({ total: 2 })
  expect(result.restarts).toBe(1)
})

test('nothing that happens to the worker changes the result', async () => {
  const inputs = { lines: Array.from({ length: 500 }, (_, n) => `line ${n % 10}`) }
  const straight = await runPipeline(wordCount, { inputs })
  for (let seed = 1; seed <= 5; seed++) {
    const { outputs } = await runPipeline(wordCount, { inputs, seed, faults: 'weather' })
    expect(outputs, `seed ${seed}`).toEqual(straight.outputs)
  }
})
