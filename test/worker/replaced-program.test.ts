/** A program takes the place of another one that comes to no checkpoint any more, on a worker alone. */
import { expect, test } from 'vitest'
import { lookUp } from '../../src/worker/pipelines/query.ts'
import { sendLines, Workshop } from './workshop.ts'

/** Counts lines; `extra` is done to the state at each line "odd". */
const counting = (extra: string): string => `import { nullSink, pipeline, tcpSource } from 'potoroo'
class Cart {}
export default pipeline('lines', (p) => {
  p.source('in', tcpSource({ port: 0 }))
    .keyBy('by', () => 'all')
    .mapWithState('count', {
      init: () => ({ total: 0, extra: null as unknown }),
      step: (state, line) => { state.total++; if (line === 'odd') { ${extra} } },
    })
    .sink('out', nullSink())
})`

test('a program whose state cannot be written is replaced by one that does its records again', async () => {
  const shop = new Workshop()
  const worker = await shop.start({ checkpointIntervalMs: 50 })
  const first = await shop.runText(worker, counting('state.extra = new Cart()'))
  await sendLines(first, 'even\n'.repeat(100))
  await worker.checkpoint('lines')
  await sendLines(first, 'odd\n'.repeat(100))
  await expect.poll(() => first.execution.status.figures!.abandoned).toBeGreaterThan(0)

  const second = await shop.runText(worker, counting(''))
  await sendLines(second, 'even\n'.repeat(100))
  await worker.checkpoint('lines')
  expect(lookUp(second.execution.stores.get('count')!, 'all')?.state).toMatchObject({ total: 300 })
  expect(shop.warned).toContain('E_NOT_DRAINED')
  expect(shop.failed).toEqual([])
})
