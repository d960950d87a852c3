/** A program that is replaced before it has made a checkpoint. */
import { expect, test } from 'vitest'
import { Workshop } from './workshop.ts'

const limits = { checkpointIntervalMs: 50_000 }
const count =
  ".keyBy('by-line', (line) => line).mapWithState('count', { init: () => ({ n: 0 }), step: (state) => ++state.n })"

test('what has no checkpoint yet makes one before another program is asked whether it fits', async () => {
  const desk = new Workshop()
  const worker = await desk.start(limits)
  await desk.runLines(worker, count)
  await expect(desk.runLines(worker, '')).rejects.toMatchObject({ code: 'E_STEP_GONE', details: { step: 'count' } })
  expect(worker.residents.get('lines')!.phase).toBe('running')
  await desk.runLines(worker, '', { drop: ['count'] })
  expect(desk.failed).toEqual([])
})
