/** A program without the step that had taken records and not sent them on. */
import { expect, test } from 'vitest'
import type { Pipelines } from '../../src/worker/pipelines/pipelines.ts'
import { sendLines, Workshop } from './workshop.ts'

const limits = { checkpointIntervalMs: 50_000 }
const calls =
  ".asyncMap('call', (line) => (line === 'a' ? new Promise(() => {}) : Promise.resolve(line)), { concurrency: 200 })"

async function waiting(line: string): Promise<[Workshop, Pipelines]> {
  const desk = new Workshop()
  const worker = await desk.start(limits)
  const resident = await desk.runLines(worker, calls)
  await sendLines(resident, `${line}\n`.repeat(100))
  await worker.checkpoint('lines')
  return [desk, worker]
}

test.each([
  ['is gone', ''],
  ['has another name', calls.replace('call', 'ask')],
  ['makes no calls any more', ".map('call', (line) => line)"],
])('what waits for an answer is not lost where the step %s', async (_, steps) => {
  const [desk, before] = await waiting('a')
  await desk.stop(before)
  const worker = await desk.start(limits)
  await expect(desk.runLines(worker, steps)).rejects.toMatchObject({ code: 'E_STEP_GONE', details: { step: 'call' } })
  await desk.runLines(worker, steps, { drop: ['call'] })
  expect(desk.warned).toEqual([])
  expect(desk.failed).toEqual([])
})

test.each([
  ['mapWithState', '{ init: () => ({ n: 0 }), step: ({ n }, line) => line + n }'],
  ['aggregate', '{ init: () => ({ n: 0 }), add: (sum) => sum.n++, result: ({ n }) => n }'],
])('what waits for an answer is no state of a step that is %s now', async (kind, options) => {
  const [desk, before] = await waiting('a')
  await desk.stop(before)
  const worker = await desk.start(limits)
  const steps = `.keyBy('by', (line) => line).${kind}('call', ${options})`
  const details = { step: 'call', before: 'asyncMap', now: kind }
  await expect(desk.runLines(worker, steps)).rejects.toMatchObject({ code: 'E_STEP_CHANGED', details })
  await desk.runLines(worker, steps, { drop: ['call'] })
  expect([desk.warned, desk.failed]).toEqual([[], []])
})

test('a program without a step is not refused where nothing waits in that step', async () => {
  const [desk, before] = await waiting('b')
  await desk.stop(before)
  await desk.runLines(await desk.start(limits), '')
  expect(desk.failed).toEqual([])
})

test('a checkpoint waits for no answer, also behind the last record; what has gone on since is in no program’s way', async () => {
  const held: (() => void)[] = []
  Object.assign(globalThis, { held })
  const steps = `.asyncMap('call', (n) => new Promise((go) => globalThis.held.push(() => go(n))), { concurrency: 200 })`
  const text = (between: string) => `import { generatorSource, nullSink, pipeline } from 'potoroo'
export default pipeline('lines', (p) => {
  p.source('in', generatorSource({ value: (n) => n, count: 100 }))${between}.sink('out', nullSink())
})`
  const desk = new Workshop()
  const worker = await desk.start(limits)
  const resident = await desk.runText(worker, text(steps))
  await expect.poll(() => held.length).toBe(100)
  await worker.checkpoint('lines')
  for (const go of held) go()
  await expect.poll(() => resident.phase).toBe('ended')
  await desk.runText(worker, text('').replace(', count: 100', ', rate: 10'))
  expect(desk.failed).toEqual([])
})
