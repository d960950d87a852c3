/**
 * A program that is submitted to one member of a cluster:
 * - what there is no room for is refused, and nothing has changed
 * - where the same one has failed, on whichever member, or cannot be loaded there, it begins anew, and another one
 *   takes its place
 * - a worker that has read of it and is no member yet knows that it is there
 */
import { readFileSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import type { Submitted } from '../../src/admin/view.ts'
import { defaultLimits } from '../../src/base/limits.ts'
import { loadPipeline } from '../../src/worker/loading/load.ts'
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

test('a program that has failed on one member begins anew when it is submitted to another one', async () => {
  // The checkpoint that it does not come to is not waited for.
  const party = await new Party({ moveFreshMs: 500, moveHoldMs: 500, drainTimeoutMs: 600_000 }).open(2)
  const body = `  p.source('in', p8.generatorSource({ value: (n) => n, rate: 10 })).sink('nowhere', p8.nullSink())`
  await party.submit('fragile', body)
  const [first, second] = party.guests
  const phases = () => party.guests.map(({ pipelines }) => pipelines.residents.get('fragile')?.phase).join(' ')
  await expect.poll(phases).toBe('running running')
  const { generation } = first!.pipelines.worker.cluster
  const broken = second!.pipelines.find('fragile')
  broken.execution.close()
  broken.phase = 'failed'
  const { text, map, hash } = (await loadPipeline(`${party.folder}/fragile.ts`, defaultLimits)).bundle
  const submission = { text, map, hash, parameters: {}, from: null, fresh: false, drop: [] }
  await first!.api.post('/v1/pipelines', submission)
  await expect.poll(phases).toBe('running running')
  expect(first!.pipelines.worker.cluster.generation).toBe(generation + 1)
  await first!.api.post('/v1/pipelines', submission)
  expect(first!.pipelines.worker.cluster.generation).toBe(generation + 1)
})

test('a step that is to be dropped and has nothing is named to who has asked for it', async () => {
  const party = await new Party().open(1)
  const body = (step: string) => `  p.source('in', p8.generatorSource({ value: (n) => n, rate: 100 }))
    .keyBy('by', (n) => n % 7).mapWithState('${step}', { init: () => ({ n: 0 }), step: (state) => ++state.n })
    .sink('nowhere', p8.nullSink())`
  await party.submit('counted', body('count'))
  const [only] = party.guests
  await only!.api.post('/v1/pipelines/counted/checkpoint')
  const submit = async (step: string, drop: readonly string[]) => {
    const { text, map, hash } = (await party.load('counted', body(step))).bundle
    const { warnings } = await only!.api.post<Submitted>('/v1/pipelines', { text, map, hash, parameters: {}, drop })
    return warnings.map(({ code, message }) => `${code} ${message}`)
  }
  expect(await submit('sum', ['count', 'cuont'])).toEqual([expect.stringMatching(/^E_NO_STEP .*cuont.*count/)])
  expect(await submit('total', ['sum'])).toEqual([])
})

test('who has read of a pipeline and has not come to it yet says so, and not that there is none', async () => {
  const party = await new Party().open(1)
  await party.submit(
    'there',
    `  p.source('in', p8.generatorSource({ value: (n) => n, rate: 10 })).sink('out', p8.nullSink())`,
  )
  const codes: unknown[] = []
  const codeOf = (find: () => unknown): unknown => {
    try {
      return find()
    } catch (error) {
      return (error as { code: string }).code
    }
  }
  const guest = await party.invite('w2', 1, (pipelines) => {
    codes.push(
      codeOf(() => pipelines.find('there')),
      codeOf(() => pipelines.find('elsewhere')),
    )
  })
  party.guests.push(guest)
  expect(codes).toEqual(['E_PIPELINE_NOT_UP', 'E_NO_PIPELINE'])
})

test('a program that cannot be loaded on one member has failed there, and makes room for any that can', async () => {
  // The checkpoint that it does not come to is not waited for.
  const party = await new Party({ drainTimeoutMs: 600_000 }).open(2)
  const [first, second] = party.guests
  const body = (rate: number) => `  if (globalThis.partyHasNoTable) throw new Error('no table')
  p.source('in', p8.generatorSource({ value: (n) => n, rate: ${rate} })).sink('nowhere', p8.nullSink())`
  const phases = () => party.guests.map(({ pipelines }) => pipelines.residents.get('picky')?.phase ?? 'none').join(' ')
  const world = globalThis as { partyHasNoTable?: boolean }
  onTestFinished(() => {
    delete world.partyHasNoTable
  })
  const failOnSecond = async (rate: number) => {
    const { pipeline, bundle } = await party.load('picky', body(rate))
    const submitted = first!.pipelines.submit(pipeline, bundle)
    world.partyHasNoTable = true
    await submitted
    await expect.poll(() => second!.pipelines.worker.residents.unloaded.size).toBe(1)
    world.partyHasNoTable = false
  }
  const submit = async (to: typeof first, rate: number) => {
    const { text, map, hash } = (await party.load('picky', body(rate))).bundle
    return to!.api.post<Submitted>('/v1/pipelines', { text, map, hash, parameters: {} })
  }

  await failOnSecond(10)
  const failed = { pipeline: 'picky', phase: 'failed', error: { message: expect.stringMatching(/no table/) } }
  expect(await second!.api.get('/v1/pipelines')).toMatchObject([failed])
  await expect(second!.api.get('/v1/pipelines/picky')).rejects.toMatchObject({ code: 'E_PIPELINE_UNLOADED' })
  const ready = await fetch(`http://${second!.control.address}/readyz`)
  expect([ready.status, await ready.text()]).toEqual([503, 'picky failed\n'])
  const token = readFileSync(`${party.folder}/w2/read.token`, 'utf8').trim()
  const headers = { authorization: `Bearer ${token}` }
  const metrics = await fetch(`http://${second!.control.address}/metrics`, { headers })
  expect(await metrics.text()).toContain('potoroo_pipeline_running{pipeline="picky"} 0')

  // The same one, by the one that could not load it, and by the one that could; then another one.
  await submit(second, 10)
  await expect.poll(phases).toBe('running running')
  await failOnSecond(20)
  await submit(first, 20)
  await expect.poll(phases).toBe('running running')
  await failOnSecond(30)
  const { pipeline, bundle } = await party.load('picky', body(40))
  await first!.pipelines.submit(pipeline, bundle)
  await expect.poll(phases).toBe('running running')
})
