/** The second example of docs/testing.md, line by line: `page.test.ts` compares them. */
import { expect, test } from 'vitest'
import wordCount from '../../pipelines/word-count.ts'
import { JOIN, KILL, LEAVE, PAUSE, runPipeline, seconds } from '../../src/testing.ts'

test('nobody sees that workers come and go', async () => {
  const lines = Array.from({ length: 500 }, (_, n) => `line ${n % 10}`)
  const inputs = { lines: [...lines, KILL(2), ...lines, JOIN, PAUSE(seconds(20)), ...lines, LEAVE(1), ...lines] }
  const several = await runPipeline(wordCount, { workers: 3, inputs })
  const one = await runPipeline(wordCount, { inputs: { lines: [...lines, ...lines, ...lines, ...lines] } })
  expect(several.states('count')).toEqual(one.states('count'))
})
