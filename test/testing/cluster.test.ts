/** `runPipeline` on several workers: what happens to them, and that nobody sees it in the result. */
import { describe, expect, test } from 'vitest'
import { nullSink, pipeline, tcpSource } from '../../src/index.ts'
import {
  ABORT,
  AFTER,
  CUT,
  END,
  HEAL,
  JOIN,
  KILL,
  LEAVE,
  PAUSE,
  PotorooError,
  type RunPipelineOptions,
  runPipeline,
  seconds,
  testSource,
} from '../../src/testing.ts'

const KEYS = 23
const RECORDS = 600

const counts = pipeline('counts', (p) => {
  p.source('words', tcpSource({ port: 7001 }))
    .keyBy('by-word', (word) => word)
    .mapWithState('count', {
      init: () => ({ total: 0 }),
      step: (state, word) => ({ word, total: ++state.total }),
    })
    .sink('totals', nullSink())
})

interface Row {
  readonly word: string
  readonly total: number
}

const words = Array.from({ length: RECORDS }, (_, n) => `w${(n * 7) % KEYS}`)

const run = (items: readonly unknown[], options: Partial<RunPipelineOptions>) =>
  runPipeline<{ totals: Row }>(counts, { inputs: { words: testSource(items) }, ...options })

/** Every word is counted without a gap, in order: exactly once. */
function exact(rows: readonly Row[], items: readonly unknown[] = words): void {
  const totals = new Map<string, number>()
  for (const { word, total } of rows) {
    expect(total).toBe((totals.get(word) ?? 0) + 1)
    totals.set(word, total)
  }
  const expected = new Map<string, number>()
  for (const item of items) if (typeof item === 'string') expected.set(item, (expected.get(item) ?? 0) + 1)
  expect(totals).toEqual(expected)
}

/** `words` with each of `marks` at its record. */
function marked(...marks: readonly (readonly [at: number, ...mark: unknown[]])[]): unknown[] {
  return words.flatMap((word, n) => [...marks.filter(([at]) => at === n).flatMap(([, ...mark]) => mark), word])
}

const lines = (log: readonly string[], what: string): string[] => log.filter((line) => line.includes(what))

test('as many workers as there are give what one gives', async () => {
  const one = await run(words, {})
  for (const workers of [2, 3, 5]) {
    const several = await run(words, { workers })
    exact(several.outputs.totals)
    expect(several.states('count')).toEqual(one.states('count'))
    expect(several.state('count', 'w3')).toEqual(one.state('count', 'w3'))
    expect(several.restarts).toBe(0)
  }
})

test('dead letters of all workers are listed', async () => {
  const picky = pipeline('picky', (p) => {
    p.source('words', tcpSource({ port: 7001 }))
      .keyBy('by-word', (word) => word)
      .mapWithState('count', {
        init: () => ({ total: 0 }),
        step: (state, word) => {
          if (word !== 'fine') throw new Error('no')
          return { word, total: ++state.total }
        },
      })
      .sink('totals', nullSink())
  })
  const bad = Array.from({ length: KEYS }, (_, n) => `bad ${n}`)
  const { deadLetters } = await runPipeline(picky, { inputs: { words: [...bad, 'fine'] }, workers: 3 })
  expect(deadLetters.map(({ key }) => String(key)).toSorted()).toEqual(bad.toSorted())
})

describe('at a record', () => {
  test('a worker is killed, and comes back', async () => {
    for (const worker of [1, 2, 3]) {
      const result = await run(marked([300, PAUSE(seconds(2)), KILL(worker)]), { workers: 3 })
      exact(result.outputs.totals)
      expect(result.restarts).toBe(1)
    }
  })

  test('ABORT kills all, and what no checkpoint holds is done again', async () => {
    const result = await run(['a', PAUSE(seconds(3.4)), 'a', ABORT, 'a'], { workers: 3 })
    expect(result.outputs.totals.map(({ total }) => total)).toEqual([1, 2, 3])
    expect(result.attempts.totals.map(({ total }) => total)).toEqual([1, 2, 2, 3])
    expect(result.restarts).toBe(3)
  })

  test('END: the next lives go on with the state, and nothing is done again', async () => {
    const result = await run(['a', END, 'a', END, 'a'], { workers: 2 })
    expect(result.attempts.totals.map(({ total }) => total)).toEqual([1, 2, 3])
  })

  test('a worker is cut off and comes in again', async () => {
    const items = marked([300, CUT(2), PAUSE(seconds(20))], [400, HEAL(2), PAUSE(seconds(20))])
    const result = await run(items, { workers: 3 })
    exact(result.outputs.totals)
    expect(lines(result.log, 'worker2').some((line) => line.includes('event=reborn'))).toBe(true)
    const healed = result.log.findIndex((line) => line.includes('run.heal'))
    expect(healed).toBeGreaterThan(0)
    expect(lines(result.log.slice(healed), 'worker2').some((line) => line.includes('phase=active'))).toBe(true)
  })

  test('a worker joins, and another leaves', async () => {
    const pause = PAUSE(seconds(20))
    const result = await run(marked([200, JOIN, pause], [400, LEAVE(1), pause]), { workers: 2 })
    exact(result.outputs.totals)
    expect(lines(result.log, 'worker3').some((line) => line.includes('phase=active'))).toBe(true)
    expect(lines(result.log, 'worker1').some((line) => line.includes('phase=leaving'))).toBe(true)
    expect(result.restarts).toBe(0)
  })

  test('one worker is joined by others', async () => {
    const result = await run(marked([100, JOIN, JOIN, PAUSE(seconds(30))]), { workers: 1 })
    exact(result.outputs.totals)
    expect(lines(result.log, 'worker3').some((line) => line.includes('phase=active'))).toBe(true)
  })
})

test('at a time', async () => {
  const faults = [
    { at: seconds(3), does: KILL(2) },
    { at: seconds(15), does: ABORT },
  ]
  const result = await run(marked([100, PAUSE(seconds(5))], [400, PAUSE(seconds(20))]), { workers: 3, faults })
  exact(result.outputs.totals)
  expect(result.restarts).toBe(4)
})

test.each(['crashes', 'weather'] as const)(
  '%s: the result is the same, and so is the run for the same seed',
  async (faults) => {
    let restarts = 0
    for (let seed = 1; seed <= 6; seed++) {
      const result = await run(words, { workers: 3, faults, seed })
      exact(result.outputs.totals)
      restarts += result.restarts
      if (seed === 1) expect((await run(words, { workers: 3, faults, seed })).log).toEqual(result.log)
    }
    expect(restarts).toBeGreaterThan(6)
  },
)

test('AFTER: one source comes behind another, on whatever workers they are read', async () => {
  const merged = pipeline('merged', (p) => {
    const late = p.source('late', tcpSource({ port: 7001 })).map('mark', (text) => ({ key: 'k', text }))
    p.source('early', tcpSource({ port: 7002 }))
      .map('keep', (text) => ({ key: 'k', text }))
      .merge('both', late)
      .keyBy('by-key', ({ key }) => key)
      .mapWithState('last', { init: () => ({ seen: 0 }), step: (state, { text }) => ({ text, seen: ++state.seen }) })
      .sink('out', nullSink())
  })
  const early = Array.from({ length: 300 }, (_, n) => `early ${n}`)
  for (const faults of ['none', 'crashes'] as const) {
    const inputs = { early, late: [AFTER('early'), 'late'] }
    const { outputs } = await runPipeline<{ out: { text: string } }>(merged, { inputs, faults, workers: 3 })
    expect(outputs.out.map(({ text }) => text)).toEqual([...early, 'late'])
  }
})

describe('refusals', () => {
  const refusal = async (work: Promise<unknown>): Promise<PotorooError> => {
    const error: unknown = await work.then(() => null).catch((error: unknown) => error)
    if (!(error instanceof PotorooError)) throw new Error(`not refused: ${error}`)
    return error
  }

  test('too many workers, or none', async () => {
    for (const workers of [0, 1.5, 9]) {
      expect(await refusal(run([], { workers }))).toMatchObject({ code: 'E_TEST_WORKERS' })
    }
    expect(await refusal(run([JOIN], { workers: 8 }))).toMatchObject({ code: 'E_TEST_WORKERS' })
  })

  test('something that happens to nobody, or not yet, or at no time', async () => {
    expect(await refusal(run([KILL(4)], { workers: 3 }))).toMatchObject({ code: 'E_TEST_INPUT' })
    expect(await refusal(run([KILL(4), JOIN], { workers: 3 }))).toMatchObject({ code: 'E_TEST_INPUT' })
    expect(() => KILL(0)).toThrow(/counted from 1/)
    const faults = [{ at: seconds(1), does: END }]
    expect(await refusal(run([], { workers: 2, faults }))).toMatchObject({ code: 'E_TEST_INPUT' })
  })
})
