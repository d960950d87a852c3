/**
 * What each kind of step does with a record, as docs/pipeline-api.md says it, through the public API and the planner.
 */
import { describe, expect, test } from 'vitest'
import type { Limits } from '../../src/base/limits.ts'
import {
  customFraming,
  generatorSource,
  lengthPrefix,
  nullSink,
  type PipelineBuilder,
  pipeline,
  type StepContext,
  tcpSink,
} from '../../src/index.ts'
import { plan } from '../../src/model/planner.ts'
import { stage } from './stage.ts'

type Builder = PipelineBuilder<Record<never, never>>
type Count = { n: number }

const numbers = () => generatorSource<number>({ value: (n) => n })
const text = <T>() => nullSink<T>({ encode: (row) => `${JSON.stringify(row)} ` })

/** What the sinks of a pipeline are given for `values`, by name, and the codes of what did not get through. */
function run(values: readonly number[], build: (p: Builder) => void, limits: Partial<Limits> = {}) {
  const under = stage(plan(pipeline('under-test', build).build()), { in: [...values] }, limits)
  under.settle()
  const rows = (sink: string) =>
    under.writers
      .get(sink)!
      .text.trim()
      .split(' ')
      .filter(Boolean)
      .map((row) => JSON.parse(row))
  const codes = under.failures.map(({ error }) => (error as { code?: string }).code ?? (error as Error).message)
  return { rows, codes, steps: under.failures.map(({ step }) => step), stores: under.stores }
}

/** Runs one stateful step over `values`, which all have the key `a`. */
function oneKey(
  values: readonly number[],
  step: (state: Count, n: number, ctx: StepContext<string, Count>) => unknown,
  limits: Partial<Limits> = {},
) {
  const build = (p: Builder) =>
    p
      .source('in', numbers())
      .keyBy('by', () => 'a')
      .mapWithState('step', { init: () => ({ n: 0 }), step: (state, n, ctx) => step(state, n, ctx) as string })
      .sink('out', text())
  const { rows, codes, stores } = run(values, build, limits)
  return { rows: rows('out'), codes, keys: stores.get('step')!.keys }
}

test('a branch gives each record to the first test that holds, and the others to rest', () => {
  const { rows } = run([0, 1, 2, 3, 4, 5, 6], (p) => {
    const { even, small, rest } = p
      .source('in', numbers())
      .branch('parts', { even: (n) => n % 2 === 0, small: (n) => n < 4 })
    even.sink('even', text())
    small.sink('small', text())
    rest.sink('rest', text())
  })
  expect([rows('even'), rows('small'), rows('rest')]).toEqual([[0, 2, 4, 6], [1, 3], [5]])
})

test('inspect passes records on, whatever it returns; a record that it throws on is a dead letter', () => {
  const seen: number[] = []
  const { rows, codes } = run([1, 2, 3], (p) =>
    p
      .source('in', numbers())
      .inspect('look', (n) => {
        seen.push(n)
        if (n === 2) throw new Error('two')
        return false
      })
      .sink('out', text()),
  )
  expect(seen).toEqual([1, 2, 3])
  expect(rows('out')).toEqual([1, 3])
  expect(codes).toEqual(['two'])
})

test('whatever a step throws is the fault of its record', () => {
  class InvariantError extends Error {
    override name = 'InvariantError'
  }
  const unnamed = Object.defineProperty(new Error('unnamed'), 'name', {
    get() {
      throw new Error('no name')
    },
  })
  const thrown: unknown[] = [new InvariantError('theirs'), unnamed, null, Symbol('odd'), 'text']
  const under = stage(
    plan(
      pipeline('under-test', (p) =>
        p
          .source('in', numbers())
          .map('throw', (n) => {
            throw thrown[n]
          })
          .sink('out', text()),
      ).build(),
    ),
    { in: [...thrown.keys()] },
  )
  under.settle()
  expect(under.failures.map(({ error }) => error)).toEqual(thrown)
})

test('a promise is no answer, and its rejection ends nobody', () => {
  const later = () => Promise.reject(new Error('later')) as unknown as boolean
  const { rows, codes } = run([1, 2, 3, 4], (p) => {
    const { some, rest } = p
      .source('in', numbers())
      .filter('test', (n) => (n === 1 ? later() : true))
      .branch('parts', { some: (n) => (n === 2 ? later() : n === 4) })
    some.sink('some', nullSink({ encode: later as unknown as () => string }))
    rest.map('early', later).sink('rest', text())
  })
  expect([rows('some'), rows('rest')]).toEqual([[], []])
  expect(codes.toSorted()).toEqual(['E_ENCODED', ...Array(3).fill('E_PROMISE')])
})

test.each<[string, (p: Builder, later: () => never) => void]>([
  [
    'map',
    (p, later) =>
      p
        .source('in', numbers())
        .map('late', later)
        .filter('drops it', (row) => row === 1),
  ],
  ['inspect', (p, later) => p.source('in', numbers()).inspect('late', later).sink('out', text())],
  ['flatMap', (p, later) => p.source('in', numbers()).flatMap('late', later).sink('out', text())],
  [
    'flatMap of several',
    (p, later) =>
      p
        .source('in', numbers())
        .flatMap('late', () => [later(), later()])
        .sink('out', text()),
  ],
  [
    'flatMap of a set',
    (p, later) =>
      p
        .source('in', numbers())
        .flatMap('late', () => new Set([later(), later()]))
        .sink('out', text()),
  ],
  [
    'keyBy',
    (p, later) =>
      p
        .source('in', numbers())
        .keyBy('late', later)
        .reduce('sum', (sum) => sum),
  ],
  ['init', (p, later) => byOne(p).mapWithState('late', { init: later, step: () => 1 })],
  ['step', (p, later) => byOne(p).mapWithState('late', { init: () => ({}), step: later })],
  ['step of many', (p, later) => byOne(p).flatMapWithState('late', { init: () => ({}), step: later })],
  [
    'one of many',
    (p, later) => byOne(p).flatMapWithState('late', { init: () => ({}), step: () => [later(), later()] }),
  ],
  [
    'replace',
    (p, later) => byOne(p).mapWithState('late', { init: () => ({}), step: (_, __, ctx) => ctx.replace(later()) }),
  ],
  ['add', (p, later) => byOne(p).aggregate('late', { init: () => ({}), add: later, result: () => 1 })],
  ['result', (p, later) => byOne(p).aggregate('late', { init: () => ({}), add: () => {}, result: later })],
])('a promise is no answer of %s, and its rejection ends nobody', (_, build) => {
  const { codes } = run([7], (p) => build(p, () => Promise.reject(new Error('later')) as never))
  expect(codes).toEqual(['E_PROMISE'])
})

test.each([undefined, null, 7, 'text', {}])('%s is no list of records, of a flatMap or of a step of many', (answer) => {
  const odd = () => answer as never
  const { rows, codes } = run([7, 8], (p) =>
    p
      .source('in', numbers())
      .flatMap('some', (n) => (n === 7 ? odd() : [n, n + 1]))
      .sink('out', text()),
  )
  expect([rows('out'), codes]).toEqual([[8, 9], ['E_NOT_SEVERAL']])
  const keyed = run([7], (p) => byOne(p).flatMapWithState('some', { init: () => ({}), step: odd }))
  // A step with state that answers nothing sends on nothing.
  expect(keyed.codes).toEqual(answer === undefined ? [] : ['E_NOT_SEVERAL'])
})

test.each(['array', 'generator'])(
  'a promise among the answers of a flatMap is its own fault, whatever follows (%s)',
  (form) => {
    const answers = [1, Promise.resolve(2)] as number[]
    const { steps } = run([7], (p) =>
      p
        .source('in', numbers())
        .flatMap('late', () => (form === 'array' ? answers : answers.values()))
        .map('behind', (n) => n)
        .sink('out', text()),
    )
    expect(steps).toEqual(['late'])
  },
)

function byOne(p: Builder) {
  return p.source('in', numbers()).keyBy('by', () => 'one')
}

test('a key is bounded, whether it is a text or a whole number of any size', () => {
  const keys = ['x'.repeat(8), 2n ** 31n - 1n, -(2n ** 31n), 'x'.repeat(9), 2n ** 31n, -(2n ** 31n) - 1n, 7]
  const { codes, stores } = run(
    [...keys.keys()],
    (p) =>
      p
        .source('in', numbers())
        .keyBy('by', (n) => keys[n]!)
        .mapWithState('step', { init: () => ({}), step: () => 1 }),
    { keyLength: 8 },
  )
  expect(codes).toEqual(Array(3).fill('E_KEY_TOO_LONG'))
  expect(stores.get('step')!.keys).toBe(4)
})

test('a step that answers undefined emits nothing', () => {
  expect(oneKey([1, 2, 3], (_, n) => (n === 2 ? undefined : n)).rows).toEqual([1, 3])
  const { rows } = run([1, 2], (p) =>
    p
      .source('in', numbers())
      .keyBy('by', (n) => n)
      .flatMapWithState('some', { init: () => ({}), step: (_, n) => (n === 1 ? undefined : [n, undefined, n]) })
      .sink('out', text()),
  )
  expect(rows('out')).toEqual([2, 2])
})

test('a key whose state cannot be copied fails its records by name, and is not forgotten', () => {
  const step = (state: Count, n: number) => {
    if (n === 1) Object.assign(state, { itself: state })
    return ++state.n
  }
  const { rows, codes, keys } = oneKey([1, 2, 3], step, { undoBytes: 1 << 30 })
  expect([rows, codes, keys]).toEqual([[1], Array(2).fill('Maximum call stack size exceeded'), 1])
})

describe('the context of a step', () => {
  test('has the key, the time and the position of the record', () => {
    expect(oneKey([5, 6], (_, __, { key, time, position }) => [key, time, position]).rows).toEqual([
      ['a', 0, 1],
      ['a', 0, 2],
    ])
  })

  test('forget drops the key, which begins anew', () => {
    const { rows, keys } = oneKey([0, 0, 1, 0, 1], (state, n, ctx) => {
      if (n === 1) ctx.forget()
      return ++state.n
    })
    expect(rows).toEqual([1, 2, 3, 1, 2])
    expect(keys).toBe(0)
  })

  test('a call that forgets the key may answer null, which is a record like any other', () => {
    const { rows, codes } = oneKey([0, 1], (_, n, ctx) => {
      if (n === 1) ctx.forget()
      return n === 1 ? null : n
    })
    expect([rows, codes]).toEqual([[0, null], []])
  })

  test('replace puts another state in place of the one, and the last word counts', () => {
    const { rows, keys } = oneKey([0, 10, 0, 20, 0], (state, n, ctx) => {
      state.n++
      if (n === 10) ctx.replace({ n: 100 })
      if (n === 20) {
        ctx.forget()
        ctx.replace({ n: 200 })
      }
      return state.n
    })
    expect(rows).toEqual([1, 2, 101, 102, 201])
    expect(keys).toBe(1)
  })

  test('what was asked for by a call that throws is not done', () => {
    for (const ask of [
      (ctx: StepContext<string, Count>) => ctx.forget(),
      (ctx: StepContext<string, Count>) => ctx.replace({ n: 50 }),
    ]) {
      const { rows, codes } = oneKey([0, 1, 0], (state, n, ctx) => {
        state.n++
        if (n === 0) return state.n
        ask(ctx)
        throw new Error('no')
      })
      expect([rows, codes]).toEqual([[1, 2], ['no']])
    }
  })

  test('a state is an object', () => {
    expect(oneKey([0], (_, __, ctx) => ctx.replace(7 as never)).codes).toEqual(['E_STATE_TYPE'])
    expect(oneKey([0], (_, __, ctx) => ctx.replace(null as never)).codes).toEqual(['E_STATE_TYPE'])
  })

  test('a state is an object from the beginning, in every step that keeps one', () => {
    for (const first of [0, null, undefined]) {
      const init = () => first as never
      const { codes, stores } = run([1], (p) => {
        const keyed = p.source('in', numbers()).keyBy('by', () => 'a')
        keyed.mapWithState('one', { init, step: () => 1 })
        keyed.flatMapWithState('many', { init, step: () => [1] })
        keyed.aggregate('sum', { init, add: () => {}, result: () => 1 })
      })
      expect(codes).toEqual(['E_STATE_TYPE', 'E_STATE_TYPE', 'E_STATE_TYPE'])
      expect([...stores.values()].map(({ keys }) => keys)).toEqual([0, 0, 0])
    }
  })

  test('a state is no record, neither the one that is there nor the one that takes its place', () => {
    const returned = (state: Count, _: number, ctx: StepContext<string, Count>) => {
      const next = { n: state.n + 1 }
      ctx.replace(next)
      return next
    }
    expect(oneKey([0], (state) => state).codes).toEqual(['E_STATE_RETURNED'])
    expect(oneKey([0], returned)).toEqual({ rows: [], codes: ['E_STATE_RETURNED'], keys: 0 })
    const { codes } = run([0], (p) =>
      p
        .source('in', numbers())
        .keyBy('by', () => 'a')
        .flatMapWithState('step', { init: () => ({ n: 0 }), step: (state, n, ctx) => [returned(state, n, ctx)] })
        .sink('out', text()),
    )
    expect(codes).toEqual(['E_STATE_RETURNED'])
  })
})

test('an encode, and a framing, may use the same bytes for each record', () => {
  const shared = Buffer.alloc(2)
  const write = (value: string) => shared.fill(value) && shared
  const marked = customFraming({ name: 'marked', next: () => null, frame: (record) => [write('#'), record] })
  const written = (encode: (n: number) => string | Uint8Array, more: object) => {
    const sink = { ...nullSink({ encode }), ...more }
    const made = pipeline('under-test', (p) => p.source('in', numbers()).sink('out', sink)).build()
    const under = stage(plan(made), { in: [1, 2, 3] })
    under.settle()
    return under.writers.get('out')!.text
  }
  for (const apart of [{}, { apart: true }]) {
    expect(written((n) => write(String(n)), apart)).toBe('112233')
    expect(written((n) => String(n), { framing: marked, ...apart })).toBe('##1##2##3')
    expect(written((n) => write(String(n)), { framing: lengthPrefix({ bytes: 1 }), ...apart })).toBe(
      '\u000211\u000222\u000233',
    )
  }
})

test('a record that no receiver takes is a dead letter, and those around it go on', () => {
  const { recordBytes, apart } = tcpSink<number>({ port: 7002, protocol: 'acked', encode: String })
  expect([recordBytes, apart]).toEqual([8 << 20, true])
  const { rows, codes } = run([1, 2222, 3], (p) =>
    p.source('in', numbers()).sink('out', { ...text<number>(), apart: true, recordBytes: 4 }),
  )
  expect([rows('out'), codes]).toEqual([[1, 3], ['E_OUTPUT_TOO_LONG']])
})

test.each([
  ['E_PROMISE', (): unknown => Promise.reject(new Error('later'))],
  ['E_NO_SUM', (): unknown => undefined],
] as const)('%s: a promise, or nothing, is no sum of a reduce, which goes on with the one before', (code, odd) => {
  const { rows, codes } = run([1, 2, 3], (p) =>
    p
      .source('in', numbers())
      .keyBy('by', () => 'one')
      .reduce('late', (sum, n) => (n === 2 ? (odd() as never) : sum + n))
      .sink('out', text()),
  )
  expect([rows('out').at(-1), codes]).toEqual([4, [code]])
})

test('a sink takes text and bytes from its encode, and no promise of them', () => {
  const encoded = (encode: (n: number) => unknown, apart?: true) =>
    run([1, 2], (p) =>
      p
        .source('in', numbers())
        .sink('out', { ...nullSink<number>({ encode: encode as () => string }), ...(apart && { apart }) }),
    ).codes
  for (const apart of [undefined, true] as const) {
    expect(encoded((n) => Buffer.from(String(n)), apart)).toEqual([])
    expect(encoded((n) => Promise.resolve(String(n)), apart)).toEqual(['E_ENCODED', 'E_ENCODED'])
    expect(encoded((n) => n, apart)).toEqual(['E_ENCODED', 'E_ENCODED'])
  }
  const { codes } = run([1], (p) =>
    p
      .source('in', numbers())
      .map('later', (n) => Promise.resolve(n) as never)
      .sink('out', nullSink({ encode: String as never })),
  )
  expect(codes).toEqual(['E_PROMISE'])
})
