/**
 * asyncMap on the stage:
 * - results go on in the order of their inputs, however the calls answer, and never more calls are open than allowed
 * - what is under way at a barrier stands in the snapshot, and is called again after a restore
 * - a call that rejects, throws or takes too long goes to the dead letters; the others go on
 */
import { expect, test } from 'vitest'
import { generatorSource, nullSink, pipeline } from '../../src/index.ts'
import { plan } from '../../src/model/planner.ts'
import { type Stage, stage } from './stage.ts'

interface Opened {
  readonly value: number
  readonly signal: AbortSignal
  resolve(result: unknown): void
  reject(error: unknown): void
}

function looking(options: { concurrency: number; timeoutMs?: number }, calls: Opened[]) {
  return plan(
    pipeline('under-test', (p) => {
      p.source('in', generatorSource<number>({ value: (n) => n }))
        .asyncMap('look-up', (value, signal) => open(value, signal, calls), options)
        .sink('out', nullSink({ encode: (row) => `${String(row)} ` }))
    }).build(),
  )
}

function open(value: number, signal: AbortSignal, calls: Opened[]): Promise<unknown> {
  if (value === 99) throw new Error('at once')
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  calls.push({ value, signal, resolve, reject })
  return promise
}

/** Lets promises settle, then runs what they have woken. */
async function settle(under: Stage, now = 0): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
  under.settle(now)
}

test('results go on in order, with bounded concurrency', async () => {
  const calls: Opened[] = []
  const under = stage(looking({ concurrency: 3 }, calls), { in: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] })
  under.settle()
  const text = () => under.writers.get('out')!.text
  expect(calls.map((call) => call.value)).toEqual([0, 1, 2])
  calls[2]!.resolve('two')
  calls[1]!.resolve('one')
  await settle(under)
  expect(text()).toBe('')
  calls[0]!.resolve('zero')
  await settle(under)
  expect(text()).toBe('zero one two ')
  for (let answered = 3; answered < 10; ) {
    const open = calls.slice(answered)
    expect(open.length).toBe(Math.min(3, 10 - answered))
    for (const call of open.reverse()) call.resolve(call.value)
    answered += open.length
    await settle(under)
  }
  expect(text()).toBe('zero one two 3 4 5 6 7 8 9 ')
  expect(under.ended).toBe(true)
})

test('an answer that need not be waited for is the result', async () => {
  const pipelined = pipeline('under-test', (p) => {
    p.source('in', generatorSource<number>({ value: (n) => n }))
      .asyncMap(
        'look-up',
        (value) => (value === 1 ? Promise.resolve('late') : ['at once', null, undefined][value % 3]) as never,
      )
      .sink('out', nullSink({ encode: (row) => `${String(row)} ` }))
  })
  const under = stage(plan(pipelined.build()), { in: [0, 1, 2, 3, 4] })
  under.settle()
  await settle(under)
  expect(under.writers.get('out')!.text).toBe('at once late at once null ')
  expect([under.failures, under.ended]).toEqual([[], true])
})

test('what is under way is state, and called again', async () => {
  const calls: Opened[] = []
  const planned = looking({ concurrency: 2 }, calls)
  const under = stage(planned, { in: [0, 1] })
  under.feeds.get('in')!.ends = false
  under.settle()
  calls[0]!.resolve('zero')
  await settle(under)
  under.runtime.inject({ kind: 'barrier', generation: 1, epoch: 1, purpose: 'checkpoint' })
  under.settle()
  const held = under.pending.at(-1)!
  expect(held.flatMap(({ values }) => values)).toEqual([1])
  const again: Opened[] = []
  const restored = stage(looking({ concurrency: 2 }, again), { in: [] }, {}, { 'look-up': held })
  restored.settle()
  expect(again.map((call) => call.value)).toEqual([1])
  again[0]!.resolve('one')
  await settle(restored)
  expect(restored.writers.get('out')!.text).toBe('one ')
})

test('a call that rejects, throws or is too slow does not hold the others up', async () => {
  const calls: Opened[] = []
  const under = stage(looking({ concurrency: 4, timeoutMs: 50 }, calls), { in: [0, 99, 2, 3] })
  under.settle(1000)
  calls[0]!.reject(new Error('no'))
  calls[2]!.resolve('three')
  await settle(under, 1000)
  expect(under.writers.get('out')!.text).toBe('')
  expect(under.runtime.due).toBe(1050)
  under.runtime.elapse(1050)
  under.settle(1050)
  expect(under.writers.get('out')!.text).toBe('three ')
  expect(calls[1]!.signal.aborted).toBe(true)
  expect(under.failures.map(({ step, position }) => [step, position])).toEqual([
    ['look-up', 1],
    ['look-up', 2],
    ['look-up', 3],
  ])
  expect(under.failures[2]!.error).toMatchObject({ code: 'E_ASYNC_TIMEOUT' })
})

test('a clock that is set back gives no call more than its time', async () => {
  const calls: Opened[] = []
  const under = stage(looking({ concurrency: 4, timeoutMs: 50 }, calls), { in: [0] })
  under.settle(100_000)
  expect(under.runtime.due).toBe(100_050)
  under.runtime.elapse(Infinity)
  under.settle(1000)
  expect(under.runtime.due).toBe(1050)
})

test('a clock that is put forward takes no time from a call; a look that is late does', async () => {
  for (const [late, fails] of [
    [3_600_000, false],
    [9000, true],
  ] as const) {
    const calls: Opened[] = []
    const under = stage(looking({ concurrency: 4, timeoutMs: 50 }, calls), { in: [0] })
    under.settle(100_000)
    const now = 100_050 + late
    under.runtime.elapse(now)
    under.settle(now)
    expect(calls[0]!.signal.aborted).toBe(fails)
    if (fails) continue
    expect(under.runtime.due - now).toBe(50)
    under.runtime.elapse(now + 50)
    under.settle(now + 50)
    expect(calls[0]!.signal.aborted).toBe(true)
  }
})

test('calls that are under way are aborted where the pipeline ends', async () => {
  const calls: Opened[] = []
  const under = stage(looking({ concurrency: 2 }, calls), { in: [0, 1, 2] })
  under.settle()
  calls[0]!.resolve('zero')
  await new Promise((resolve) => setImmediate(resolve))
  under.runtime.close()
  expect(calls.map(({ signal }) => signal.aborted)).toEqual([false, true])
})
