import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { WAITS } from '../../src/checkpoint/coordinator.ts'
import type { Clock } from '../../src/env/clock.ts'
import { Ending } from '../../src/worker/execution/ending.ts'
import type { Running } from '../../src/worker/execution/running.ts'
import { Endings } from '../../src/worker/pipelines/endings.ts'
import type { Resident } from '../../src/worker/pipelines/resident.ts'
import type { Worker } from '../../src/worker/worker.ts'

/** A worker with one pipeline, whose execution says what it is told to. */
function leaving() {
  const told: string[] = []
  let rested: (failure: string | null) => void = () => {}
  const execution = {
    generation: { number: 1 },
    rest: (_endMs: number, done: typeof rested) => {
      told.push('rest')
      rested = done
    },
    letGo: (_endMs: number, done: () => void) => {
      told.push('end')
      done()
    },
  }
  const residents = new Map<string, object>([['one', { phase: 'running', execution }]])
  const worker = { phase: 'leaving', cluster: { generation: 1 }, residents: { all: residents } }
  let looks: (() => void)[] = []
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await new Promise<void>((resolve) => looks.push(resolve))
  }
  const change = (next: { phase?: string; generation?: number; anew?: boolean }): void => {
    worker.phase = next.phase ?? worker.phase
    // Another program runs in the next generation: what it is there is another resident.
    const generation = { number: next.generation ?? 1 }
    if (next.anew) residents.set('one', { phase: 'running', execution: { ...execution, generation } })
    worker.cluster.generation = next.generation ?? worker.cluster.generation
    const due = looks
    looks = []
    for (const look of due) look()
  }
  const never = { after: () => ({ cancel() {} }) } as unknown as Clock
  const endings = new Endings(never, worker as unknown as Worker, 1, until)
  return { endings, told, change, residents, answer: (failure: string | null) => rested(failure) }
}

test('N3: who has left while it waits for a last checkpoint ends its sinks, and waits no more', async () => {
  const { endings, told, change } = leaving()
  const ended = endings.rest()
  await turn()
  change({ phase: 'gone', generation: 2 })
  await ended
  expect(told).toEqual(['rest', 'end'])
})

test('what comes while others come to rest is waited for as well', async () => {
  const { endings, told, residents, answer } = leaving()
  const ended = endings.rest()
  await turn()
  residents.set('two', residents.get('one')!)
  answer(null)
  await turn()
  expect(told).toEqual(['rest', 'rest'])
  answer(null)
  await ended
})

test('N3: nor does it wait for a generation of its own in which to try again', async () => {
  const { endings, told, change, answer } = leaving()
  const ended = endings.rest()
  await turn()
  change({ generation: 2 })
  expect(told).toEqual(['rest'])
  answer('the generation ends')
  await turn()
  change({ phase: 'gone' })
  await ended
  expect(told).toEqual(['rest', 'end'])
})

test('N2: where another program begins in the next generation, its last checkpoint is waited for', async () => {
  const { endings, told, change, answer } = leaving()
  const ended = endings.rest()
  await turn()
  change({ generation: 2 })
  answer('the generation ends')
  await turn()
  change({ generation: 2, anew: true })
  await turn()
  expect(told).toEqual(['rest', 'rest'])
  answer(null)
  await ended
})

test('N3: what has come to its end before is not ended once more', async () => {
  const { endings, told, change, answer } = leaving()
  const ended = endings.rest()
  await turn()
  answer(null)
  await turn()
  change({ phase: 'gone', generation: 2 })
  await ended
  expect(told).toEqual(['rest'])
})

test('what somebody drains comes to its end before its worker does, or rests with it where that is in vain', async () => {
  for (const [phase, rests] of [
    ['drained', []],
    ['running', ['rest']],
  ] as const) {
    const { endings, told, change, residents, answer } = leaving()
    const resident = Object.assign(residents.get('one')!, { phase: 'draining' })
    let over = false
    const ended = endings.rest().then(() => (over = true))
    await turn()
    expect([over, told]).toEqual([false, []])
    resident.phase = phase
    change({})
    await turn()
    expect(told).toEqual(rests)
    answer(null)
    await ended
  }
})

test('N4: a drain whose place another request has is asked for again, for as long as there is time', async () => {
  for (const [refusals, ends] of [
    [2, 'drained'],
    [Infinity, 'running'],
  ] as const) {
    let asked = 0
    const drain = (_: number, __: boolean, done: (failure: string | null) => void) =>
      setImmediate(done, asked++ < refusals ? WAITS : null)
    const status = { stuckSinks: [] }
    const execution = { generation: { number: 1 }, hasEnded: false, status, drain, release: () => {} } as never
    const resident = { name: 'one', phase: 'running', execution } as unknown as Resident
    const worker = { cluster: { generation: 1 }, residents: { all: new Map([['one', resident]]) } } as unknown as Worker
    let late = (): void => {}
    let pauses = 0
    const after = (ms: number, fn: () => void) => {
      if (ms === 1000) late = fn
      else setImmediate(++pauses < 9 ? fn : late)
      return { cancel: () => {} }
    }
    const clock = { after } as unknown as Clock
    const drained = new Endings(clock, worker, 1000, () => new Promise(() => {})).drain(resident, true)
    if (ends === 'drained') await drained
    else await expect(drained).rejects.toMatchObject({ code: 'E_NOT_DRAINED' })
    await turn()
    expect(resident.phase).toBe(ends)
  }
})

test('where a drain fails, all of whose sources have ended, that is what the pipeline has done', async () => {
  const { endings } = leaving()
  for (const hasEnded of [true, false]) {
    const drain = (_: number, __: boolean, done: (failure: string | null) => void) => done('the store is late')
    const execution = { generation: { number: 1 }, hasEnded, drain } as never
    const resident = { name: 'one', phase: 'running', execution } as unknown as Resident
    await expect(endings.drain(resident, true)).rejects.toMatchObject({ code: 'E_NOT_DRAINED' })
    expect(resident.phase).toBe(hasEnded ? 'ended' : 'running')
  }
})

test('a drain whose sinks come to their end when the pipeline has begun anew says nothing of that', async () => {
  const { endings } = leaving()
  let end: (failure: string | null) => void = () => {}
  const drained = { drain: (_: number, __: boolean, done: typeof end) => (end = done), release() {} } as never
  for (const phase of ['starting', 'draining'] as const) {
    const resident = { name: 'one', phase: 'running', execution: drained } as unknown as Resident
    const asked = endings.drain(resident, true)
    Object.assign(resident, phase === 'draining' ? {} : { phase, execution: {} })
    end(null)
    await asked
    expect(resident.phase).toBe(phase === 'draining' ? 'drained' : 'starting')
  }
})

test('what was drained for good keeps no state, and what may run again here is only closed', async () => {
  const { endings } = leaving()
  const said: string[] = []
  const execution = {
    drain: (_: number, __: boolean, done: (failure: string | null) => void) => done(null),
    close: () => said.push('closed'),
    release: () => said.push('let go'),
  } as never
  for (const stays of [true, false]) {
    await endings.drain({ name: 'one', phase: 'running', execution } as unknown as Resident, stays)
  }
  expect(said).toEqual(['let go', 'closed'])
})

test('N2: a drain that the next generation has ended is done, though nobody has answered it', async () => {
  const { endings } = leaving()
  let end: (failure: string | null) => void = () => {}
  const execution = { drain: (_: number, __: boolean, done: typeof end) => (end = done), close() {} } as never
  const resident = { name: 'one', phase: 'running', execution } as unknown as Resident
  const asked = endings.drain(resident, true)
  // As who reads there that it is drained does: what was asked ends with its execution.
  resident.phase = 'drained'
  end('the pipeline has ended')
  await asked
  expect(resident.phase).toBe('drained')
})

describe('a drain during which another generation begins', () => {
  /** Its pipeline, and how the next generation begins with it. */
  function scene() {
    const { endings, change, residents } = leaving()
    const ends: ((failure: string | null) => void)[] = []
    const executionOf = (number: number) =>
      ({
        generation: { number },
        drain: (_: number, __: boolean, done: (failure: string | null) => void) => ends.push(done),
        release() {},
      }) as never
    const resident = { name: 'one', phase: 'running', submitted: 3, execution: executionOf(1) } as unknown as Resident
    residents.set('one', resident)
    const next = async (fields: Partial<Resident> = {}): Promise<void> => {
      change({ generation: 2 })
      ends[0]!('the pipeline has ended')
      Object.assign(resident, { execution: executionOf(2), phase: 'starting', ...fields })
      await turn()
    }
    const up = async (phase: Resident['phase']): Promise<void> => {
      resident.phase = phase
      change({})
      await turn()
    }
    return { asked: endings.drain(resident, true), resident, ends, next, up }
  }

  test('N2: is asked for again there', async () => {
    const { asked, resident, ends, next, up } = scene()
    await next()
    expect(ends).toHaveLength(1)
    await up('running')
    expect(ends).toHaveLength(2)
    ends[1]!(null)
    await asked
    expect(resident.phase).toBe('drained')
  })

  test('N2: is not asked for of another program, nor of one that has failed', async () => {
    for (const [fields, phase] of [
      [{ submitted: 4 }, 'running'],
      [{}, 'failed'],
    ] as const) {
      const { asked, ends, next, up } = scene()
      const refused = expect(asked).rejects.toMatchObject({ code: 'E_NOT_DRAINED' })
      await next(fields)
      await up(phase)
      await refused
      expect(ends).toHaveLength(1)
    }
  })
})

test.each([true, false])(
  'sinks end behind the last epoch, and not where its execution is closed before: %s',
  (closed) => {
    const told: string[] = []
    let commit = (): void => {}
    const active = {
      request: (_: unknown, answer: (failure: string | null) => void) => answer(null),
      whenCommitted: (done: () => void) => (commit = done),
    } as unknown as Running
    let running: Running | null = active
    const writer = { status: {}, end: () => told.push('ends') }
    const ending = new Ending({
      clock: { after: () => ({ cancel() {} }) } as unknown as Clock,
      holds: { hold() {} } as never,
      endTogetherMs: 1,
      active: () => running,
      writers: () => [writer] as never,
    })
    ending.drain(1, true, (failure) => told.push(`drained: ${failure}`))
    if (closed) running = null
    commit()
    expect(told).toEqual(closed ? ['drained: null'] : ['ends'])
  },
)

test('also where no sink has anybody to end for, nothing ends within the turn that asks', async () => {
  const told: string[] = []
  const ending = new Ending({
    clock: { soon: (turn: () => void) => void queueMicrotask(turn) } as unknown as Clock,
    holds: {} as never,
    endTogetherMs: 1,
    active: () => null,
    writers: () => [{ status: { state: 'no-peer' } }] as never,
  })
  ending.end(1, () => told.push('ended'))
  expect(told).toEqual([])
  await turn()
  expect(told).toEqual(['ended'])
})

test('E2: who has asked for a drain has it where its last epoch is heard of before any answer', async () => {
  const told: string[] = []
  let answer: (failure: string | null) => void = () => {}
  const active = { request: (_: unknown, done: typeof answer) => (answer = done) } as unknown as Running
  const ending = new Ending({
    clock: { soon: (turn: () => void) => void queueMicrotask(turn) } as unknown as Clock,
    holds: { hold() {}, release: () => told.push('let in') } as never,
    endTogetherMs: 1,
    active: () => active,
    writers: () => [],
  })
  ending.drain(1, true, (failure) => told.push(`drained: ${failure}`))
  ending.end(1, () => answer('the pipeline has ended'))
  await turn()
  expect(told).toEqual(['drained: null'])
})

test.for(['ends', 'has left'])(
  'E2: a drain that is asked of a worker that %s is not done because its sinks have',
  async (why) => {
    const told: string[] = []
    let answer: (failure: string | null) => void = () => {}
    const active = {
      request: (_: unknown, done: typeof answer) => (answer = done),
      whenCommitted: (done: () => void) => done(),
    } as unknown as Running
    const ending = new Ending({
      clock: { soon: (fn: () => void) => fn(), after: (_: number, fn: () => void) => fn() } as unknown as Clock,
      holds: { hold() {}, release() {} } as never,
      endTogetherMs: 1,
      active: () => active,
      writers: () => [],
    })
    if (why === 'ends') {
      ending.rest(1, () => told.push('let go'))
      answer(null)
    } else ending.letGo(1, () => told.push('let go'))
    ending.drain(1, true, (failure) => told.push(`drained: ${failure}`))
    answer('the pipeline has ended')
    await turn()
    expect(told).toEqual(['let go', 'drained: the pipeline has ended'])
  },
)
