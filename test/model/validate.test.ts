import { describe, expect, test } from 'vitest'
import type { PotorooError } from '../../src/base/errors.ts'
import type { SinkDescription, SourceDescription } from '../../src/model/connector.ts'
import { type PipelineBuilder, pipeline } from '../../src/model/pipeline.ts'
import { refuseFaults, validate } from '../../src/model/validate.ts'
import { testSink, testSource } from './interpret.ts'

/** The builder without its types: pipelines in JavaScript. */
// biome-ignore lint/suspicious/noExplicitAny: what no type allows is what is tested
type Untyped = any
const counted = { init: () => ({ n: 0 }), step: (state: { n: number }) => ({ n: ++state.n }) }

function findings(build: (p: Untyped) => void, name = 'test') {
  const { faults, warnings } = validate(
    pipeline(name, build as (p: PipelineBuilder<Record<never, never>>) => void).build(),
  )
  const told = (list: typeof faults) => list.map(({ step, what }) => (step === null ? what : `${step}: ${what}`))
  return { faults: told(faults), warnings: told(warnings) }
}

/** The faults of a pipeline whose source and sink are right. */
function faultsOf(build: (stream: Untyped) => void): string[] {
  return findings((p) => {
    const stream = p.source('in', testSource())
    stream.sink('out', testSink())
    build(stream)
  }).faults
}

test('a pipeline without faults has none', () => {
  expect(
    findings((p) => {
      p.source('in', testSource()).keyBy('k', String).mapWithState('count', counted).sink('out', testSink())
    }),
  ).toEqual({ faults: [], warnings: [] })
})

describe('names', () => {
  test('are unique, not empty, not long, and plain', () => {
    const faults = findings((p) => {
      const stream = p.source('in', testSource())
      stream.map('in', String)
      stream.map('', String)
      stream.map(String)
      stream.map('x'.repeat(101), String)
      stream.map('字'.repeat(86), String)
      stream.map(' padded', String)
      stream.map('two\nlines', String)
      stream.map('half \ud800', String)
      stream.map('whole 🦘', String)
      stream.map('y'.repeat(100), String)
    }, '').faults
    expect(faults).toEqual([
      'the pipeline has an empty name',
      'in: two steps have this name, a source and a map',
      '(map without a name): a step (map) has an empty name',
      '(map without a name): a step (map) has no name',
      `${'x'.repeat(101)}: the name has 101 characters`,
      `${'字'.repeat(86)}: the name has 258 bytes in UTF-8`,
      ' padded: the name has spaces at its ends or control characters in it',
      'two\nlines: the name has spaces at its ends or control characters in it',
      'half \ud800: the name has half a character in it, which no UTF-8 can hold',
      '(map without a name): its function is missing',
    ])
  })
})

test('no source has a name under which a split of another one goes', () => {
  const { faults } = findings((p) => {
    for (const name of ['in', 'in/logs', 'inner', 'logs/in'])
      p.source(name, testSource()).sink(`${name} out`, testSink())
  })
  expect(faults).toEqual(['in/logs: its records may not be told from those of "in"'])
})

test('the name of a pipeline is one that its folder can have', () => {
  const build = (p: Untyped) => p.source('in', testSource()).sink('out', testSink())
  expect(findings(build, 'Продажи по регионам').faults).toEqual([])
  const told = 'the name takes 213 bytes as the name of a folder'
  expect(findings(build, 'Продажи по регионам за последний месяц').faults).toEqual([told])
})

describe('wiring', () => {
  test('a pipeline has a source', () => {
    expect(findings(() => {})).toEqual({ faults: ['there is no source'], warnings: ['there is no sink'] })
  })

  test('a key is used', () => {
    expect(faultsOf((s) => s.keyBy('k', String))).toEqual(['k: nobody uses its keys'])
  })

  test('streams that nobody uses are told, but not ends in inspect and not the rest', () => {
    const { faults, warnings } = findings((p) => {
      const stream = p.source('in', testSource())
      stream.map('unused', String)
      stream.inspect('log', () => {})
      stream.branch('part', { a: () => true, b: () => false }).a.sink('out', testSink())
      stream.keyBy('k', String).mapWithState('count', counted)
      stream.merge('twice', stream)
    })
    expect(faults).toEqual([])
    expect(warnings).toEqual([
      'twice: it merges a stream with itself',
      'unused: nobody uses its records',
      'part: nobody uses its output b',
      'count: nobody uses its records',
      'twice: nobody uses its records',
    ])
  })

  test('what is merged are streams of the same pipeline', () => {
    const merging = (other: (p: Untyped, stream: Untyped) => unknown) => () =>
      findings((p) => {
        const stream = p.source('in', testSource())
        stream.merge('both', other(p, stream))
      })
    const refused = (what: string) =>
      expect.objectContaining({
        code: 'E_SETTING',
        message: expect.stringContaining(`merge "both" takes streams of its pipeline, and ${what}`),
      })
    expect(merging(() => undefined)).toThrow(refused('not undefined'))
    expect(merging((_, stream) => stream.keyBy('k', String))).toThrow(refused('not a stream with keys'))
    let stranger: unknown
    findings((p) => {
      stranger = p.source('in', testSource())
    })
    expect(merging(() => stranger)).toThrow(refused('not a stream of another pipeline'))
  })

  test('a row of steps may be longer than a stack', () => {
    const { faults } = findings((p) => {
      let stream = p.source('in', testSource())
      for (let i = 0; i < 20_000; i++) stream = stream.map(`m${i}`, String)
      stream.sink('out', testSink({ promise: 'idempotent' }))
    })
    expect(faults).toEqual([])
  })

  test('a graph that was not built by pipeline() may not have loops', () => {
    const steps = [{ kind: 'map', name: 'm', inputs: [{ step: 0 }], fn: String }] as const
    expect(validate({ name: 'loop', parameters: {}, steps }).faults[0]).toMatchObject({
      what: 'an input stands after it',
    })
  })
})

describe('connectors', () => {
  test('their faults are faults of the pipeline', () => {
    expect(
      findings((p) => {
        p.source('in', testSource({ faults: ['tcpSource: port is wrong', 'tcpSource: host is wrong'] })).sink(
          'out',
          testSink({ faults: ['tcpSink: no port'] }),
        )
      }).faults,
    ).toEqual(['in: tcpSource: port is wrong', 'in: tcpSource: host is wrong', 'out: tcpSink: no port'])
  })

  test('a source is no sink', () => {
    expect(
      findings((p) => {
        p.source('in', testSink()).sink('out', testSource())
        p.source('none')
      }).faults,
    ).toEqual(['in: it has no source', 'out: it has no sink', 'none: it has no source'])
  })
})

describe('steps', () => {
  test.each<[string, (s: Untyped) => void]>([
    ['a: its function is missing', (s) => s.map('a')],
    ['a: its function is no function', (s) => s.filter('a', 3)],
    ['a: its function returns a promise', (s) => s.map('a', async () => 1)],
    ['a: its function is missing', (s) => s.asyncMap('a')],
    ['a: concurrency is 0', (s) => s.asyncMap('a', async () => 1, { concurrency: 0 })],
    ['a: it has no option timeout', (s) => s.asyncMap('a', async () => 1, { timeout: 5 })],
    ['a: timeoutMs is Infinity', (s) => s.asyncMap('a', async () => 1, { timeoutMs: Number.POSITIVE_INFINITY })],
    ['a: it has no options', (s) => s.asyncMap('a', async () => 1, null)],
    ['a: it has no branch', (s) => s.branch('a', {})],
    ['a: it has no branch', (s) => s.branch('a')],
    ['a: its test "b" is missing', (s) => s.branch('a', { b: undefined })],
    ['a: an output is called rest', (s) => s.branch('a', { rest: () => true })],
    ['a: output "1" is a number and would lose its place', (s) => s.branch('a', { 1: () => true })],
  ])('%s', (fault, build) => {
    expect(faultsOf(build)).toEqual([fault])
  })

  test.each<[string, (keyed: Untyped) => void]>([
    ['a: it has no options', (k) => k.mapWithState('a')],
    ['a: its init is missing', (k) => k.mapWithState('a', { step: () => 1 })],
    ['a: its step is missing', (k) => k.flatMapWithState('a', { init: () => ({}) })],
    ['a: its step returns a promise', (k) => k.mapWithState('a', { ...counted, step: async () => 1 })],
    ['a: its add is missing', (k) => k.aggregate('a', { init: () => ({}), result: String })],
    ['a: its result is missing', (k) => k.aggregate('a', { init: () => ({}), add: () => {} })],
    [
      'a: its combine is no function',
      (k) => k.aggregate('a', { init: Object, add: String, result: String, combine: 1 }),
    ],
    ['a: its function is missing', (k) => k.reduce('a')],
    ['a: it has no option ttlMs', (k) => k.mapWithState('a', { ...counted, ttlMs: 1000 })],
    ['a: it has no option everyMs', (k) => k.reduce('a', String, { everyMs: 1000 })],
    ['a: every is 0', (k) => k.reduce('a', String, { every: 0 })],
    ['a: every is "soon"', (k) => k.reduce('a', String, { every: 'soon' })],
    ['a: every is an object', (k) => k.reduce('a', String, { every: Object.create(null) })],
    ['a: ttl is -1', (k) => k.mapWithState('a', { ...counted, ttl: -1 })],
    ['a: schema is null', (k) => k.mapWithState('a', { ...counted, schema: null })],
    ['a: schema.version is 1.5', (k) => k.mapWithState('a', { ...counted, schema: { version: 1.5 } })],
    ['a: it has no option schema.migrates', (k) => k.reduce('a', String, { schema: { version: 1, migrates: String } })],
    ['a: schema.version is NaN', (k) => k.mapWithState('a', { ...counted, schema: {} })],
    [
      'a: its schema.migrate is no function',
      (k) => k.mapWithState('a', { ...counted, schema: { version: 2, migrate: 1 } }),
    ],
  ])('%s', (fault, build) => {
    expect(faultsOf((s) => build(s.keyBy('k', String)))).toEqual([fault])
  })

  test('a newer state without a way from the older one is told', () => {
    const { warnings } = findings((p) => {
      const keyed = p.source('in', testSource()).keyBy('k', String)
      keyed.mapWithState('count', { ...counted, schema: { version: 2 } }).sink('out', testSink())
    })
    expect(warnings).toEqual(['count: its state has version 2 and no migrate'])
  })
})

test('an error lists every fault by step, with what to do', () => {
  const graph = pipeline('orders', (p) => {
    const stream = p.source('in', testSource())
    stream.keyBy('k', (value) => value)
    stream.map('in', (value) => value)
  }).build()
  try {
    refuseFaults(graph)
    expect.unreachable()
  } catch (error) {
    expect((error as PotorooError).code).toBe('E_PIPELINE')
    expect((error as PotorooError).message).toBe(
      [
        'pipeline "orders" cannot run (2 faults):',
        '  in: two steps have this name, a source and a map; give one another name',
        '  k: nobody uses its keys; add a step with state, such as mapWithState, after it',
      ].join('\n'),
    )
  }
})

test('an encode that answers later is refused before anything runs', () => {
  const sink = testSink({ encode: (async () => 'x') as never })
  expect(findings((p) => p.source('in', testSource({})).sink('out', sink)).faults).toEqual([
    'out: its encode returns a promise',
  ])
})

describe('order before an idempotent sink', () => {
  type Build = (source: SourceDescription<string>, sink: SinkDescription<unknown>, p: Untyped) => void
  const warned = (splits: 'one' | 'many', promise: 'idempotent' | 'transactional', build: Build) =>
    findings((p) => build(testSource({ splits }), testSink({ promise }), p)).warnings.length
  const mapped: Build = (source, sink, p) =>
    p.source('in', source).keyBy('k', String).mapWithState('m', counted).sink('out', sink)
  const summed: Build = (source, sink, p) =>
    p
      .source('in', source)
      .keyBy('k', String)
      .aggregate('m', { init: Object, add: String, result: String, combine: String })
      .sink('out', sink)
  const two: Build = (source, sink, p) =>
    p
      .source('in', source)
      .merge('both', p.source('in2', source))
      .keyBy('k', String)
      .mapWithState('m', counted)
      .sink('out', sink)

  /** Some go through `by` and the others do not, and all meet again. */
  const parted =
    (by: (some: Untyped) => Untyped): Build =>
    (source, sink, p) => {
      const { some, rest } = p.source('in', source).branch('b', { some: Boolean })
      by(some).merge('both', rest).keyBy('k', String).mapWithState('m', counted).sink('out', sink)
    }

  test.each([
    ['many', 'idempotent', mapped, 1],
    ['one', 'idempotent', mapped, 0],
    ['many', 'transactional', mapped, 0],
    ['many', 'transactional', summed, 0],
    ['one', 'idempotent', two, 1],
    ['one', 'idempotent', parted((some) => some.asyncMap('a', String)), 1],
    ['one', 'idempotent', parted((some) => some.keyBy('k2', String).mapWithState('m2', counted)), 1],
    ['one', 'idempotent', parted((some) => some.map('a', String)), 0],
    ['one', 'transactional', parted((some) => some.asyncMap('a', String)), 0],
  ] as const)('%s splits, %s sink', (splits, promise, build, expected) => {
    expect(warned(splits, promise, build)).toBe(expected)
  })

  test('what a step emits by time has no id, so it may not promise one', () => {
    const { faults } = findings((p) => summed(testSource({}), testSink({ promise: 'idempotent' }), p))
    expect(faults).toHaveLength(1)
    expect(faults[0]).toMatch(/^out: .*"m" emits stems from no single record/)
    expect(findings((p) => summed(testSource({}), testSink({ promise: 'at-least-once' }), p)).faults).toEqual([])
  })
})
