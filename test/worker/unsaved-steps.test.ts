/** A program that is replaced before it has made a checkpoint. */
import { writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { defaultLimits } from '../../src/base/limits.ts'
import { loadPipeline } from '../../src/worker/pipelines/load.ts'
import type { Pipelines, Resident, SubmitOptions } from '../../src/worker/pipelines/pipelines.ts'
import { Workshop } from './workshop.ts'

const limits = { checkpointIntervalMs: 50_000 }
const count =
  ".keyBy('by-line', (line) => line).mapWithState('count', { init: () => ({ n: 0 }), step: (state) => ++state.n })"

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
    await expect.poll(() => resident.phase, { timeout: 10_000 }).toBe('running')
    return resident
  }
}

test('what has no checkpoint yet makes one before another program is asked whether it fits', async () => {
  const desk = new Desk()
  const worker = await desk.start(limits)
  await desk.run(worker, count)
  await expect(desk.run(worker, '')).rejects.toMatchObject({ code: 'E_STEP_GONE', details: { step: 'count' } })
  expect(worker.residents.get('lines')!.phase).toBe('running')
  await desk.run(worker, '', { drop: ['count'] })
  expect(desk.failed).toEqual([])
})
