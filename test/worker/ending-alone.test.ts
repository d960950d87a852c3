/**
 * The end of a worker that is alone: whatever runs on it, or is on its way to its end, comes to a last checkpoint
 * before.
 */
import { expect, test, vi } from 'vitest'
import type { PotorooError } from '../../src/base/errors.ts'
import { generatorSource, nullSink, pipeline } from '../../src/index.ts'
import type { Pipelines } from '../../src/worker/pipelines/pipelines.ts'
import { epochsOf, sendLines, Workshop } from './workshop.ts'

test('a pipeline that somebody drains comes to its end before its worker, for good', async () => {
  const workshop = new Workshop()
  const pipelines = await workshop.start({ checkpointIntervalMs: 30_000, checkpointTimeoutMs: 60_000 })
  const resident = await workshop.runLines(pipelines, '')
  await sendLines(resident, 'line\n'.repeat(100))
  const drained = pipelines.drain('lines')
  await expect.poll(() => resident.phase, { interval: 0 }).toBe('draining')
  expect(await pipelines.close()).toEqual(new Map())
  expect((await drained).phase).toBe('drained')
  expect(pipelines.worker.cluster.pipelines.get('lines')!.drained).toBe(true)
  expect(epochsOf(pipelines, 'lines')).toEqual([1])
})

const makeNumbers = (name: string) =>
  pipeline(name, (p) => {
    p.source('in', generatorSource({ value: (n) => n, rate: 1000 })).sink('out', nullSink())
  })
const program = { hash: 'numbers', text: '', map: '{}' }

test('P3: whoever has submitted something hears of the end also where the store has not answered', async () => {
  const workshop = new Workshop()
  const pipelines = await workshop.start({})
  const keep = vi.spyOn(pipelines.worker.ledger, 'keep').mockImplementation(() => {})
  const submitted = pipelines.submit(makeNumbers('numbers'), program)
  const refused = expect(submitted).rejects.toMatchObject({ code: 'E_WORKER_ENDED' })
  await expect.poll(() => keep.mock.calls.length).toBe(1)
  expect(await pipelines.close()).toEqual(new Map())
  await refused
})

test.each(['drain', 'cancel'] as const)(
  'who asks for the last %s of a worker that ends behind it is answered',
  async (ask) => {
    const workshop = new Workshop()
    const pipelines = await workshop.start({})
    await workshop.runLines(pipelines, '')
    let closed: ReturnType<Pipelines['close']> | undefined
    workshop.over = () => {
      closed = pipelines.close()
    }
    await pipelines[ask]('lines')
    expect(await closed).toEqual(new Map())
  },
)

test('P4: what is submitted while another pipeline comes to its end does not begin any more', async () => {
  const workshop = new Workshop()
  const pipelines = await workshop.start({ checkpointIntervalMs: 30_000, checkpointTimeoutMs: 60_000 })
  const slow = `.asyncMap('slow', async (line) => {
    while (!globalThis.closingLetsGo) await new Promise((on) => setTimeout(on, 5))
    return line
  })`
  const resident = await workshop.runLines(pipelines, slow)
  await sendLines(resident, 'line\n'.repeat(100))
  let closed: ReturnType<Pipelines['close']> | undefined
  // Found to fit, it is put into the chain.
  const onFit = (): void => {
    closed = pipelines.close()
  }
  const submitted = pipelines.submit(makeNumbers('numbers'), program, {}, { onFit })
  const refused = submitted.then(
    () => 'answered',
    (error: PotorooError) => error.code,
  )
  await expect.poll(() => pipelines.worker.cluster.pipelines.has('numbers')).toBe(true)
  expect(resident.phase).toBe('draining')
  const late = pipelines.submit(makeNumbers('late'), program).catch((error: PotorooError) => error.code)
  Object.assign(globalThis, { closingLetsGo: true })
  expect(await closed).toEqual(new Map())
  expect(await refused).toBe('E_WORKER_ENDED')
  expect(pipelines.residents.has('numbers')).toBe(false)
  expect(await late).toBe('E_WORKER_ENDED')
  expect([...pipelines.worker.cluster.pipelines.keys()]).toEqual(['lines', 'numbers'])
  expect(epochsOf(pipelines, 'lines')).toEqual([1])
})
