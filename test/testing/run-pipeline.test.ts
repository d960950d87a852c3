/** `runPipeline`: what a test can do to a pipeline, and what it sees. */
import { describe, expect, test } from 'vitest'
import {
  decoder,
  json,
  lengthPrefix,
  lines,
  nullSink,
  pipeline,
  type SinkDescription,
  tcpSink,
  tcpSource,
  utf8,
  webSocketSource,
} from '../../src/index.ts'
import { RECORD_BYTES } from '../../src/protocol/delivery.ts'
import {
  ABORT,
  AFTER,
  END,
  minutes,
  PAUSE,
  PotorooError,
  type RunPipelineOptions,
  raw,
  runPipeline,
  seconds,
  testSource,
  verifyPipeline,
} from '../../src/testing.ts'

const counts = pipeline('counts', { parameters: { step: 1 } }, (p) => {
  p.source('words', tcpSource({ port: 7001 }))
    .keyBy('by-word', (word) => word)
    .mapWithState('count', {
      init: () => ({ total: 0 }),
      ttl: minutes(5),
      step: (state, word) => ({ word, total: (state.total += p.parameters.step) }),
    })
    .sink('totals', nullSink())
})

const run = (items: readonly unknown[], options: Partial<RunPipelineOptions> = {}) =>
  runPipeline<{ totals: { word: string; total: number } }>(counts, { inputs: { words: testSource(items) }, ...options })

/** `a1 a2 b1` */
const shown = (rows: readonly { word: string; total: number }[]) => rows.map((row) => row.word + row.total).join(' ')

const refusal = async (work: Promise<unknown>): Promise<PotorooError> => {
  const error: unknown = await work.then(() => null).catch((error: unknown) => error)
  if (!(error instanceof PotorooError)) throw new Error(`not refused: ${error}`)
  return error
}

describe('marks', () => {
  test('ABORT: what no checkpoint holds is done again, and counts once', async () => {
    const result = await run(['a', 'a', ABORT, 'a'])
    expect(shown(result.outputs.totals)).toBe('a1 a2 a3')
    expect(shown(result.attempts.totals)).toBe('a1 a2 a1 a2 a3')
    expect(result.restarts).toBe(1)
  })

  test('ABORT behind a checkpoint: what it holds is not done again', async () => {
    const result = await run(['a', PAUSE(seconds(3)), 'a', ABORT, 'a'])
    expect(shown(result.outputs.totals)).toBe('a1 a2 a3')
    expect(shown(result.attempts.totals)).toBe('a1 a2 a2 a3')
  })

  test('END: the next life goes on with the state, and nothing is done again', async () => {
    const result = await run(['a', END, 'a', END, 'a'])
    expect(shown(result.attempts.totals)).toBe('a1 a2 a3')
    expect(result.restarts).toBe(2)
  })

  test('PAUSE: a time to live runs out in simulated time', async () => {
    expect(shown((await run(['a', PAUSE(minutes(4)), 'a'])).outputs.totals)).toBe('a1 a2')
    expect(shown((await run(['a', PAUSE(minutes(6)), 'a'])).outputs.totals)).toBe('a1 a1')
  })

  test('AFTER: one source comes behind another, also when lives end in between', async () => {
    const merged = pipeline('merged', (p) => {
      const late = p.source('late', tcpSource({ port: 7001 }))
      p.source('early', tcpSource({ port: 7002 }))
        .merge('both', late)
        .sink('out', nullSink())
    })
    const early = Array.from({ length: 3000 }, (_, n) => `early ${n}`)
    for (const faults of ['none', 'crashes'] as const) {
      const inputs = { early, late: [AFTER('early'), 'late'] }
      expect((await runPipeline(merged, { inputs, faults })).outputs.out).toEqual([...early, 'late'])
    }
  })
})

describe('inputs', () => {
  const orders = pipeline('orders', (p) => {
    p.source('in', tcpSource({ port: 7001, framing: lines(), decode: json<{ id: number }>() }))
      .map('id', (order) => order.id)
      .sink('out', nullSink())
  })

  test('raw bytes go through the framing and the decoder, cut anywhere; values as they are', async () => {
    const inputs = { in: [raw('{"id":1}\n{"i'), raw(Buffer.from('d":2}\n{"id":3}')), { id: 4 }] }
    expect((await runPipeline<{ out: number }>(orders, { inputs })).outputs.out).toEqual([1, 2, 4, 3])
  })

  test('where records are messages, each piece of raw bytes is one', async () => {
    const clicks = pipeline('clicks', (p) => {
      p.source('in', webSocketSource({ port: 7001, decode: json<{ id: number }>() })).sink('out', nullSink())
    })
    const { outputs } = await runPipeline(clicks, { inputs: { in: [raw('{"id":1}'), raw('{"id":\n2}'), { id: 3 }] } })
    expect(outputs.out).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }])
  })

  test('a record that its decoder refuses is a dead letter, with its bytes and its place', async () => {
    const { outputs, deadLetters } = await runPipeline(orders, {
      inputs: { in: raw('{"id":1}\nnonsense\n{"id":3}\n') },
    })
    expect(outputs.out).toEqual([1, 3])
    expect(deadLetters).toMatchObject([{ step: 'in', position: 1, value: Buffer.from('nonsense') }])
    expect(deadLetters[0]!.error).toMatch(/JSON/)
  })

  test('a decoder that keeps bytes without a copy is seen', async () => {
    const keeps = decoder((bytes, start, end) => bytes.subarray(start, end), 'keeps')
    const careless = pipeline('careless', (p) => {
      p.source('in', tcpSource({ port: 7001, decode: keeps }))
        .map('text', String)
        .sink('out', nullSink())
    })
    expect((await runPipeline(careless, { inputs: { in: raw('abc\n') } })).outputs.out).not.toEqual(['abc'])
  })

  test('a step that changes a value is told so, and does not change the input', async () => {
    const changes = pipeline('changes', (p) => {
      p.source('in', tcpSource({ port: 7001, decode: json<{ n: number }>() }))
        .map('add', (value) => ({ n: ++(value as { n: number }).n }))
        .sink('out', nullSink())
    })
    const result = await runPipeline(changes, { inputs: { in: [{ n: 1 }, ABORT, { n: 5 }] } })
    expect(result.attempts.out).toEqual([])
    const error = 'step "add" changed the record that it was given'
    expect(result.deadLetters).toMatchObject([2, 6].map((n) => ({ value: { n }, error })))
  })

  test('parameters take the place of defaults', async () => {
    expect(shown((await run(['a', 'a'], { parameters: { step: 10 } })).outputs.totals)).toBe('a10 a20')
  })
})

describe('results', () => {
  test('states by key, also of a key that is not there', async () => {
    const { state, states } = await run(['a', 'b', 'a'])
    expect(state('count', 'a')).toEqual({ total: 2 })
    expect(state('count', 'c')).toBeUndefined()
    expect(states('count')).toEqual(
      new Map([
        ['a', { total: 2 }],
        ['b', { total: 1 }],
      ]),
    )
    expect(() => state('total', 'a')).toThrow(/has no keyed step "total"/)
  })

  test('the same seed makes the same run, another seed another one', async () => {
    const items = Array.from({ length: 200 }, (_, n) => `w${n % 7}`)
    const log = async (seed: number) => (await run(items, { faults: 'weather', seed })).log
    expect(await log(3)).toEqual(await log(3))
    expect(await log(3)).not.toEqual(await log(4))
  })

  test('an aggregate comes due in simulated time, and at the end of the input', async () => {
    const sums = pipeline('sums', (p) => {
      p.source('n', tcpSource({ port: 7001, decode: json<number>() }))
        .keyBy('all', () => 'all')
        .reduce('sum', (a, b) => a + b, { every: seconds(10) })
        .sink('out', nullSink())
    })
    const result = await runPipeline<{ out: number }>(sums, { inputs: { n: [1, 2, PAUSE(minutes(1)), 3, 4] } })
    expect(result.outputs.out.at(-1)).toBe(10)
    expect(result.outputs.out).toContain(3)
  })

  test('asyncMap: promises that are ready answer, what waits for real time comes too late', async () => {
    const lookups = pipeline('lookups', (p) => {
      p.source('in', tcpSource({ port: 7001, decode: utf8 }))
        .asyncMap('look-up', async (word) => {
          if (word === 'never') await new Promise((resolve) => setTimeout(resolve, 100_000).unref())
          return word.toUpperCase()
        })
        .sink('out', nullSink())
    })
    const killed = await runPipeline(lookups, { inputs: { in: ['a', ABORT, 'b'] } })
    expect(killed.attempts.out).toEqual(['A', 'A', 'B'])
    const result = await runPipeline(lookups, { inputs: { in: ['a', 'never', 'b', ABORT, 'c'] }, faults: 'crashes' })
    expect(result.outputs.out).toEqual(['A', 'B', 'C'])
    expect(result.deadLetters).toMatchObject([{ step: 'look-up', value: 'never' }])
  })
})

describe('what a sink refuses is a dead letter, and no output', () => {
  test.each<[string, SinkDescription<string>]>([
    ['what is no text and no bytes', nullSink({ encode: (word) => (word === 'bad' ? ([7] as never) : word) })],
    ['what its frame has no room for', tcpSink({ port: 7002, framing: lengthPrefix({ bytes: 1 }), encode: longIfBad })],
    ['what its receiver does not take', tcpSink({ port: 7002, protocol: 'acked', encode: tooLongIfBad })],
  ])('%s', async (_what, sink) => {
    const through = pipeline('through', (p) => p.source('in', tcpSource({ port: 7001 })).sink('out', sink))
    const { outputs, deadLetters } = await runPipeline(through, { inputs: { in: ['a', 'bad', 'b'] } })
    expect(outputs.out).toEqual(['a', 'b'])
    expect(deadLetters).toMatchObject([{ step: 'out', value: 'bad' }])
  })

  function longIfBad(word: string): string {
    return word === 'bad' ? word.repeat(100) : word
  }

  function tooLongIfBad(word: string): string {
    return word === 'bad' ? 'x'.repeat(RECORD_BYTES + 1) : word
  }
})

describe('refusals', () => {
  test('an input for no source, and a mark that waits for none', async () => {
    const error = await refusal(runPipeline(counts, { inputs: { word: [] } }))
    expect(error).toMatchObject({ code: 'E_TEST_INPUT', message: expect.stringContaining('did you mean words?') })
    expect(await refusal(run([AFTER('nothing')]))).toMatchObject({ code: 'E_TEST_INPUT' })
  })

  test.each([
    [undefined, 'what is to run is undefined, and not'],
    [() => counts, 'what is to run is of type function, and not'],
  ])('what is no pipeline (%s)', async (given, reason) => {
    const error = expect.objectContaining({ code: 'E_TEST_INPUT', message: expect.stringContaining(reason) })
    expect(await refusal(runPipeline(given as never))).toEqual(error)
    expect(await refusal(verifyPipeline(given as never))).toEqual(error)
  })

  test.each<[string, object]>([
    ['seed', { seed: Number.NaN }],
    ['seed', { seed: 'x' }],
    ['faults', { faults: 'crash' }],
    ['faults', { faults: null }],
    ['faults', { faults: [ABORT] }],
    ['faults', { faults: [{ at: Number.NaN, does: ABORT }] }],
    ['faults', { faults: [{ at: seconds(1), does: 'ABORT' }] }],
    ['there is no option fault; did you mean faults?', { fault: 'crashes' }],
    ['its options must be an object, not null', null as unknown as object],
    [
      'limits: there is no option checkpointInterval; did you mean checkpointIntervalMs?',
      { limits: { checkpointInterval: 5 } },
    ],
    ['limits: checkpointIntervalMs is NaN', { limits: { checkpointIntervalMs: Number.NaN } }],
    ['limits: checkpointIntervalMs is 0', { limits: { checkpointIntervalMs: 0 } }],
    ['limits: keyGroups: key groups are a power of two', { limits: { keyGroups: 3 } }],
  ])('%s of another kind: %o', async (reason, options) => {
    const error = { code: 'E_TEST_INPUT', message: expect.stringContaining(reason) }
    expect(await refusal(runPipeline(counts, options))).toMatchObject(error)
  })

  test('an input that is no list', async () => {
    for (const words of [null, 'a', 7, Buffer.from('a')]) {
      expect(await refusal(runPipeline(counts, { inputs: { words } as never }))).toMatchObject({ code: 'E_TEST_INPUT' })
    }
  })

  test('a source that waits for itself', async () => {
    const error = await refusal(run(['a', AFTER('words')]))
    expect(error).toMatchObject({ code: 'E_TEST_STUCK', message: expect.stringContaining('waits at words') })
    expect(error.cause).toContainEqual(expect.stringContaining('station.running'))
  })

  test('state that cannot be kept is named', async () => {
    const leaky = pipeline('leaky', (p) => {
      p.source('in', tcpSource({ port: 7001 }))
        .keyBy('by', (word) => word)
        .mapWithState('keep', {
          init: () => ({ last: null as unknown }),
          step: (state, word) => {
            state.last = () => word
          },
        })
        .sink('out', nullSink())
    })
    const result = await runPipeline(leaky, { inputs: { in: ['a'] } })
    expect(result.deadLetters).toMatchObject([{ error: expect.stringMatching(/keep.*\.last.*function/) }])
    expect(result.state('keep', 'a')).toBeUndefined()
  })

  test('a pipeline with faults', async () => {
    const twice = pipeline('twice', (p) => p.source('a', tcpSource({ port: 7001 })).sink('a', nullSink()))
    expect(await refusal(runPipeline(twice, { inputs: {} }))).toMatchObject({ code: 'E_PIPELINE' })
  })
})
