/**
 * What `asyncMap` holds is part of a checkpoint: a record that is nested deeper than can be written is a dead letter
 * before it is asked about (`dataflow/async-task.ts`, J5).
 */
import { expect, test } from 'vitest'
import { DEPTH_MAX } from '../../src/base/codec/format.ts'
import { sendLines, Workshop } from './workshop.ts'

test('a record that is nested too deep keeps no checkpoint from completing while it would be asked about', async () => {
  const shop = new Workshop()
  const worker = await shop.start({ checkpointIntervalMs: 50 })
  const lines = await shop.runLines(
    worker,
    `.map('parse', (line) => JSON.parse(line))
    .asyncMap('ask', (value) => Array.isArray(value[0]) ? new Promise(() => {}) : Promise.resolve(value.length))`,
  )
  const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}\n`
  await sendLines(lines, `${'[1]\n'.repeat(97)}${nested(DEPTH_MAX)}${nested(DEPTH_MAX + 1)}${nested(500)}`)
  await worker.checkpoint('lines')
  const { status, deadLetters } = lines.execution
  expect(deadLetters.list(0, 10).map(({ step, error, again }) => [step, error.code, again])).toEqual([
    ['ask', 'E_VALUE', false],
    ['ask', 'E_VALUE', false],
  ])
  expect(deadLetters.list(0, 1)[0]!.error.message).toContain('nested more than 64 levels deep')
  expect(status.figures?.abandoned).toBe(0)
})
