import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ABORT, runPipeline } from 'potoroo/testing'
import wordCount from './word-count.ts'

test('words are counted, also when the worker is killed', async () => {
  const result = await runPipeline(wordCount, { inputs: { lines: ['to be', ABORT, 'or not to be'] } })

  assert.deepEqual(result.outputs.totals, [
    { word: 'to', total: 1 },
    { word: 'be', total: 1 },
    { word: 'or', total: 1 },
    { word: 'not', total: 1 },
    { word: 'to', total: 2 },
    { word: 'be', total: 2 },
  ])
  assert.deepEqual(result.state('count', 'be'), { total: 2 })
})
