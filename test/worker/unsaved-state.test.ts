/**
 * A record that leaves a state which no checkpoint can hold, such as a list in a list in a list: the cluster goes back
 * to its last epochs, the record becomes a dead letter, and checkpoints go on (`dataflow/state-depth.ts`).
 */
import { expect, test } from 'vitest'
import { nullSink, pipeline, seconds, tcpSource } from '../../src/index.ts'
import { ClusterRun } from '../../src/sim/cluster-run.ts'
import { RunResult, type TestLetter } from '../../src/sim/run-result.ts'
import { PAUSE } from '../../src/testing.ts'
import { sendLines, Workshop } from './workshop.ts'

interface Item {
  readonly user: string
  readonly n: number
  readonly what: unknown
}

interface Kept {
  items: unknown[]
}

const add = (kept: Kept, { n, what }: Item): void => {
  kept.items.push([n, what])
}

const keeping = pipeline('keeping', (p) => {
  const keyed = p
    .source('in', tcpSource<Item>({ port: 7001, decode: { kind: 'json', decode: () => null as never } }))
    .keyBy('by-user', ({ user }) => user)
  keyed
    .mapWithState('map', {
      init: (): Kept => ({ items: [] }),
      step: (kept, item) => {
        add(kept, item)
        return item.n
      },
    })
    .sink('mapped', nullSink())
  keyed
    .flatMapWithState('flat', {
      init: (): Kept => ({ items: [] }),
      *step(kept, item) {
        yield item.n
        add(kept, item)
      },
    })
    .sink('flattened', nullSink())
  keyed
    .aggregate('all', {
      init: (): Kept => ({ items: [] }),
      add,
      result: ({ items }) => items.length,
      every: seconds(1),
    })
    .sink('totals', nullSink())
})

const STEPS = ['all', 'flat', 'map']

const leftBy = (step: string) =>
  `${step}: step "${step}" left a state that cannot be written: state is nested more than 64 levels deep`
const wordsOf = ({ step, error }: TestLetter) => `${step}: ${error.replace(/state[.[].* is/, 'state is')}`

function nested(levels: number): unknown {
  let value: unknown = 'stone'
  for (let i = 0; i < levels; i++) value = [value]
  return value
}

const BAD = [300, 301, 520]
const records: Item[] = Array.from({ length: 800 }, (_, n) => ({
  ...{ user: `u${n % 8}`, n },
  what: nested(BAD.includes(n) ? 100 : 2),
}))

for (const workers of [1, 3]) {
  test(`on ${workers} workers, all is as if the record had never been`, async () => {
    const inputs = { in: [...records.slice(0, 400), PAUSE(seconds(5)), ...records.slice(400), PAUSE(seconds(5))] }
    const run = new ClusterRun(keeping, {
      ...{ workers, seed: 1, parameters: {}, inputs, faults: 'none', limits: {} },
      rewrite: (plan) => plan,
    })
    const { state, deadLetters, log, outputs } = new RunResult(await run.run())
    for (let user = 0; user < 8; user++) {
      const wanted = records.filter(({ n }) => n % 8 === user && !BAD.includes(n)).map(({ n, what }) => [n, what])
      for (const step of STEPS) expect(state<Kept>(step, `u${user}`)?.items, `${step} of u${user}`).toEqual(wanted)
    }
    expect(outputs.mapped).toHaveLength(records.length - BAD.length)
    expect(new Set(deadLetters.map(({ position }) => position)).size).toBe(BAD.length)
    // What goes to another worker is found out on its way.
    if (workers === 1)
      expect(deadLetters.map(wordsOf).toSorted()).toEqual(STEPS.flatMap((step) => BAD.map(() => leftBy(step))))
    const unsaved = log.filter((line) => line.includes('E_STATE_UNSAVED')).length
    // On each worker once for a step: from then on it looks.
    expect(unsaved).toBeGreaterThan(0)
    expect(unsaved).toBeLessThanOrEqual(STEPS.length * workers)
  })
}

test('what comes from elsewhere than a call sends nobody back again and again', async () => {
  const shop = new Workshop()
  const worker = await shop.start({ checkpointIntervalMs: 50 })
  const counting = (schema: string) => `
    .keyBy('by', (line) => line)
    .mapWithState('count', { init: () => ({ n: 0 }) as any, step: (state) => { state.n++ }, schema: ${schema} })`
  const first = await shop.runLines(worker, counting('{ version: 1 }'))
  await sendLines(first, 'a\n'.repeat(100))
  await worker.checkpoint('lines')
  const { generation } = worker.worker.cluster
  const migrated = await shop.runLines(
    worker,
    counting('{ version: 2, migrate: (old) => ({ ...old, deep: JSON.parse("[".repeat(100) + "]".repeat(100)) }) }'),
  )
  const { status } = migrated.execution
  await expect.poll(() => shop.warned).toContain('E_STATE_UNSAVED')
  // Each that is begun is given up, and sources stop after some.
  await expect.poll(() => migrated.execution.status.figures?.abandoned ?? 0).toBeGreaterThan(2)
  expect(shop.warned.filter((code) => code === 'E_STATE_UNSAVED')).toHaveLength(1)
  expect(worker.worker.cluster.generation).toBeLessThanOrEqual(generation + 2)
  expect(status.failures).toBe(0)
})
