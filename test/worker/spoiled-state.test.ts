/**
 * A call that throws on a state which is too large to be copied before each call: the cluster goes back to its last
 * epochs, the record becomes a dead letter, and from then on the step copies (`dataflow/keyed-task.ts`, Y1).
 */
import { expect, test } from 'vitest'
import { nullSink, pipeline, seconds, tcpSource } from '../../src/index.ts'
import { ABORT, PAUSE, type RunResult, runPipeline } from '../../src/testing.ts'
import { lookUp } from '../../src/worker/pipelines/query.ts'
import { sendLines, Workshop } from './workshop.ts'

interface List {
  readonly items: { readonly item: string }[]
}

/** Throws behind half of the change that it makes. */
function add(list: List, item: string): void {
  list.items.push({ item })
  if (item.endsWith('bad')) throw new Error('a bad one')
}

const lists = pipeline('lists', (p) => {
  const keyed = p.source('in', tcpSource({ port: 7001 })).keyBy('by-user', (item) => item.split(' ')[0]!)
  keyed
    .mapWithState('list', {
      init: (): List => ({ items: [] }),
      step: (list, item) => {
        add(list, item)
        return `${item} ${list.items.length}`
      },
    })
    .sink('lengths', nullSink())
  keyed
    .aggregate('all', {
      init: (): List => ({ items: [] }),
      add,
      combine: (list, other) => void list.items.push(...other.items),
      result: (list) => list.items.length,
      every: seconds(1),
    })
    .sink('totals', nullSink())
})

/** 200 records of each of eight users, of which the ones named at `bad` are bad. */
function records(bad: readonly number[]): string[] {
  return Array.from({ length: 1600 }, (_, i) => `u${i % 8} ${i}${bad.includes(i) ? ' bad' : ''}`)
}

const good = (user: number, bad: readonly number[]) =>
  records(bad).filter((item) => item.startsWith(`u${user} `) && !item.endsWith('bad'))

function expectExact(result: RunResult, bad: readonly number[]): void {
  for (let user = 0; user < 8; user++) {
    const wanted = good(user, bad)
    for (const step of ['list', 'all']) {
      expect(result.state<List>(step, `u${user}`)?.items.map(({ item }) => item)).toEqual(wanted)
    }
    const lengths = (result.outputs.lengths as string[]).filter((text) => text.startsWith(`u${user} `))
    expect(lengths).toEqual(wanted.map((item, i) => `${item} ${i + 1}`))
  }
  const letters = result.deadLetters.map(({ step, value }) => `${step}: ${value}`)
  const failed = bad.flatMap((i) => [`all: u${i % 8} ${i} bad`, `list: u${i % 8} ${i} bad`])
  expect(letters.toSorted()).toEqual(failed.toSorted())
}

const spoiled = ({ log }: RunResult) => log.filter((line) => line.includes('E_STATE_SPOILED')).length

for (const workers of [1, 3]) {
  test(`on ${workers} workers, all is as if the record had never been`, async () => {
    const bad = [1000, 1003, 1204, 1599]
    const inputs = { in: [...records(bad).slice(0, 700), PAUSE(seconds(3)), ...records(bad).slice(700)] }
    const result = await runPipeline(lists, { workers, inputs })
    expectExact(result, bad)
    // Both steps, on each worker once: then they copy.
    expect(spoiled(result)).toBeGreaterThan(0)
    expect(spoiled(result)).toBeLessThanOrEqual(2 * workers)
  })
}

test('a worker that begins anew copies no large state until a call has thrown on one', async () => {
  const bad = [1000, 1001, 1400]
  const [first, rest] = [records(bad).slice(0, 1200), records(bad).slice(1200)]
  const result = await runPipeline(lists, { inputs: { in: [...first, PAUSE(seconds(3)), ABORT, ...rest] } })
  expectExact(result, bad)
  expect(spoiled(result)).toBe(4)
})

test('no call goes back further where states are small, or their limit large', async () => {
  const bad = [1000, 1001, 1400]
  const result = await runPipeline(lists, { inputs: { in: records(bad) }, limits: { undoBytes: 1 << 20 } })
  expectExact(result, bad)
  expect(spoiled(result)).toBe(0)
})

test('nobody is shown a state that is half changed, and one generation follows', async () => {
  const shop = new Workshop()
  const pipelines = await shop.start({ checkpointIntervalMs: 50 })
  const resident = await shop.runLines(
    pipelines,
    `.keyBy('one', () => 'k').mapWithState('list', {
      init: () => ({ items: [] as { item: string }[] }),
      step: (state, item: string) => {
        state.items.push({ item })
        if (item === 'bad') throw new Error('a bad one')
      },
    })`,
  )
  const generation = () => pipelines.worker.cluster.generation
  const before = generation()
  await sendLines(resident, 'good\n'.repeat(100))
  const shown = new Set<number>()
  const look = (): void => {
    const store = resident.execution.stores.get('list')
    const state = store && (lookUp(store, 'k')?.state as List | undefined)
    if (state?.items.some(({ item }) => item === 'bad')) shown.add(state.items.length)
    if (looking) setImmediate(look)
  }
  let looking = true
  look()
  await sendLines(resident, `bad\n${'good\n'.repeat(99)}`)
  await expect.poll(generation).toBe(before + 1)
  await expect.poll(() => resident.execution.status.failures).toBe(1)
  await sendLines(resident, `${'good\n'.repeat(99)}bad\n`)
  await expect.poll(() => resident.execution.status.failures).toBe(2)
  looking = false
  expect([...shown]).toEqual([])
  expect(generation()).toBe(before + 1)
  expect(shop.warned.filter((code) => code === 'E_STATE_SPOILED')).toHaveLength(1)
  await expect.poll(() => resident.execution.deadLetters.list(0, 10).map(({ step }) => step)).toEqual(['list', 'list'])
})
