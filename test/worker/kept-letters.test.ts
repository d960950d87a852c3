/**
 * Dead letters are read in a store as it was made, whatever limits who asks has (`src/worker/letters/kept-letters.ts`).
 */
import { readdirSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { defaultLimits } from '../../src/base/limits.ts'
import { realEnv } from '../../src/env/real/env.ts'
import { keptLetters } from '../../src/worker/letters/kept-letters.ts'
import { loadPipeline } from '../../src/worker/loading/load.ts'
import { sendLines, Workshop } from './workshop.ts'

test('letters are found where the chain has had many short eras', async () => {
  const workshop = new Workshop()
  const pipelines = await workshop.start({ checkpointIntervalMs: 20, chainEra: 2 })
  const file = `${workshop.folder}/wrong.ts`
  const text = `import { lines, nullSink, pipeline, tcpSource } from 'potoroo'
export default pipeline('wrong', (p) => {
  p.source('in', tcpSource({ port: 0, framing: lines() }))
    .map('throws', () => { throw new Error('wrong') })
    .sink('out', nullSink())
})`
  writeFileSync(file, text)
  const { bundle, pipeline } = await loadPipeline(file, defaultLimits)
  const { execution } = await pipelines.submit(pipeline, bundle)
  await expect.poll(() => pipelines.find('wrong').phase).toBe('running')
  await sendLines(pipelines.find('wrong'), 'a\n'.repeat(100))
  await expect.poll(() => execution.deadLetters.count).toBe(100)
  // The first era has been removed.
  const chain = `${workshop.folder}/data/store/chain`
  await expect.poll(() => readdirSync(chain).length - pipelines.worker.cluster.next).toBeLessThan(0)
  await workshop.stop(pipelines)

  expect(await keptLetters(realEnv(), `${workshop.folder}/data/store`, 'wrong')).toHaveLength(100)
})
