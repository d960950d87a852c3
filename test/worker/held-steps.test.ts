/** A program without the step that had taken records and not sent them on. */
import { writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { defaultLimits } from '../../src/base/limits.ts'
import { loadPipeline } from '../../src/worker/pipelines/load.ts'
import type { Pipelines, Resident, SubmitOptions } from '../../src/worker/pipelines/pipelines.ts'
import { sendLines, Workshop } from './workshop.ts'

const limits = { checkpointIntervalMs: 50_000 }
const calls =
  ".asyncMap('call', (line) => (line === 'a' ? new Promise(() => {}) : Promise.resolve(line)), { concurrency: 200 })"

class Desk extends Workshop {
  async run(worker: Pipelines, steps: string, options: SubmitOptions = {}): Promise<Resident> {
    const file = `${this.folder}/lines.ts`
    const text = `import { nullSink, pipeline, tcpSource } from 'potoroo'
export default pipeline('lines', (p) => {
  p.source('in', tcpSource({ port: 0 }))${steps}.sink('out', nullSink())
})`
    writeFileSync(file, text)
    const { bundle, pipeline } = await loadPipeline(file, defaultLimits)
    const resident = await worker.submit(pipeline, bundle, {}, options)
    await expect.poll(() => resident.phase).toBe('running')
    return resident
  }
}

async function waiting(line: string): Promise<[Desk, Pipelines]> {
  const desk = new Desk()
  const worker = await desk.start(limits)
  const resident = await desk.run(worker, calls)
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
  await expect(desk.run(worker, steps)).rejects.toMatchObject({ code: 'E_STEP_GONE', details: { step: 'call' } })
  await desk.run(worker, steps, { drop: ['call'] })
  expect(desk.warned).toEqual([])
  expect(desk.failed).toEqual([])
})

test('nothing is refused where nothing waits', async () => {
  const [desk, before] = await waiting('b')
  await desk.stop(before)
  await desk.run(await desk.start(limits), '')
  expect(desk.failed).toEqual([])
})
