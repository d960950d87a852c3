/** What a cluster has no room for is refused when it is submitted, and nothing has changed. */
import { expect, test } from 'vitest'
import { Party } from './party.ts'

test('a pipeline whose channels would hold more memory than they may is refused with both numbers', async () => {
  const party = await new Party({ channelCreditBytes: 100_000, channelBytes: 150_000 }).open(2)
  const body = (rate: number) =>
    `  p.source('in', p8.generatorSource({ value: (n) => n, rate: ${rate} }))
    .keyBy('by', (n) => n).mapWithState('step', { init: () => ({}), step: (_, n) => n })
    .sink('nowhere', p8.nullSink())`
  await party.submit('fits', body(10))
  await expect(party.submit('another', body(10))).rejects.toMatchObject({
    code: 'E_CHANNEL_MEMORY',
    details: { pipeline: 'another', channels: 2, workers: 2, bytes: 200_000, limit: 150_000, credit: 75_000 },
  })
  for (const { pipelines } of party.guests) expect([...pipelines.worker.cluster.pipelines.keys()]).toEqual(['fits'])
  // In its own place it counts once.
  await party.submit('fits', body(20))
})
