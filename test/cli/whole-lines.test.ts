/** What another process prints comes in whole lines, however it is cut, and comes also where it never ends one. */
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { readLines } from '../../src/cli/whole-lines.ts'

async function taken(pieces: readonly string[], end = true): Promise<readonly string[]> {
  const stream = new PassThrough({ highWaterMark: 1 << 20 })
  const all: string[] = []
  readLines(stream, (lines) => all.push(lines))
  for (const piece of pieces) {
    stream.write(piece)
    await new Promise(setImmediate)
  }
  if (end) {
    stream.end()
    await new Promise((resolve) => stream.once('close', resolve))
  }
  return all
}

test('lines are whole, and the last one gets its end', async () => {
  expect(await taken(['a', 'b\nc\nd', 'é\n', 'e'])).toEqual(['ab\nc\n', 'dé\n', 'e\n'])
  expect(await taken(['a\n'])).toEqual(['a\n'])
})

test('a line that does not end is shown all the same, and not kept', async () => {
  const dots = '.'.repeat(40_000)
  expect(await taken([dots, dots, dots], false)).toEqual([`${dots}${dots}\n`])
})
