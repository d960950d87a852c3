/**
 * Development mode names, at the record that does it:
 * - a result that shares an object with the state, however deep
 * - two keys that share an object, by init or by a record
 * - a state that could not be written
 * - a record that a function changes, whichever function it is
 * - a record that a state keeps and a step changes there, where others have it
 * - a record that could not be sent to another worker, or be kept while it waits for an answer
 * and lets everything else through. What a step puts in the place of its state is the state then, and what is forgotten
 * is none.
 */
import { describe, expect, test } from 'vitest'
import { generatorSource, nullSink, pipeline } from '../../src/index.ts'
import type { StepContext } from '../../src/model/plan.ts'
import { plan } from '../../src/model/planner.ts'
import type { Stream } from '../../src/model/stream.ts'
import { stage } from './stage.ts'

type Step = (state: Record<string, unknown>, value: number, context: StepContext) => unknown

function run(step: Step, init: () => Record<string, unknown> = () => ({ list: [] })) {
  const planned = plan(
    pipeline('under-test', (p) => {
      p.source('in', generatorSource<number>({ value: (n) => n }))
        .keyBy('by', (n) => n % 2)
        .mapWithState('step', { init, step })
        .sink('out', nullSink({ encode: (row) => `${JSON.stringify(row)} ` }))
    }).build(),
  )
  const under = stage(planned, { in: [0, 1, 2, 3] }, {}, {}, true)
  under.settle()
  const codes = under.failures.map(({ error }) => (error as { code?: string }).code)
  return { codes, text: under.writers.get('out')!.text, failures: under.failures }
}

test('a result that holds a part of the state is named', () => {
  const { codes, text } = run((state) => ({ deep: [{ list: state.list }] }))
  expect(codes).toEqual(Array(4).fill('E_STATE_SHARED'))
  expect(text).toBe('')
})

test('two keys whose states hold the same object are named', () => {
  const shared = { hits: 0 }
  const { codes } = run(
    (_state, n) => n,
    () => ({ shared }),
  )
  expect(codes).toEqual(['E_STATE_OF_TWO', 'E_STATE_OF_TWO'])
})

test('a state that cannot be written is named at its record', () => {
  const { failures } = run((state, n) => {
    state.later = { call: () => n }
    return n
  })
  expect(failures[0]!.error).toMatchObject({ code: 'E_STATE_VALUE', details: { path: '.later.call', key: '0' } })
})

test('a hole, or an object without prototype, is read as it was, and goes through', () => {
  const { codes } = run((state, n) => {
    const hours: number[] = [n]
    hours[3] = 1
    state.day = { hours, counts: Object.assign(Object.create(null), { n }) }
    return n
  })
  expect(codes).toEqual([])
})

/** What the codec leaves out: where it is, and what is made of `n`. */
const losses: readonly (readonly [place: string, make: (n: number) => unknown])[] = [
  ['[Symbol(s)]', (n) => ({ n, [Symbol('s')]: 1 })],
  [
    '.twice',
    (n) => ({
      n,
      get twice() {
        return 2 * n
      },
    }),
  ],
  ['.n', (n) => Object.defineProperty({}, 'n', { value: n })],
  ['.index', (n) => /\d/.exec(`${n}`)],
  ['.note', (n) => Object.assign(new Map(), { note: n })],
  ['', () => new Uint8Array(new SharedArrayBuffer(4))],
  ['', () => Reflect.construct(ArrayBuffer, [4, { maxByteLength: 8 }])],
]

test.for(losses)('what would not be read again is named, in a state and in a record: %s', ([place, make]) => {
  const { failures } = run((state, n) => {
    state.day = { lost: make(n) }
    return n
  })
  expect(failures[0]!.error).toMatchObject({ code: 'E_STATE_VALUE', details: { path: `.day.lost${place}`, key: '0' } })
  const sent = plan(
    pipeline('under-test', (p) => {
      p.source('in', generatorSource<number>({ value: (n) => n }))
        .map('list', (n) => [n === 0 ? make(n) : n])
        .keyBy('by', () => 1)
        .reduce('sum', (_sum, list) => list)
    }).build(),
  )
  const under = stage(sent, { in: [0, 1] }, {}, {}, true)
  under.settle()
  expect(under.failures.map(({ error }) => error)).toMatchObject([
    { code: 'E_VALUE', details: { place: `value[0]${place}` } },
  ])
})

test('bytes that lie side by side in one block are not shared, and those that overlap are', () => {
  const cut = (at: number) => new Uint8Array(new ArrayBuffer(16), at, 4)
  const beside = run((state, n) => {
    state.text = Buffer.from(`state ${n}`)
    return { text: Buffer.from(`record ${n}`) }
  })
  expect(beside.codes).toEqual([])
  const within = run((state) => {
    const whole = cut(4)
    state.whole = whole
    return { part: whole.subarray(3) }
  })
  expect(within.codes).toEqual(Array(4).fill('E_STATE_SHARED'))
  const block = cut(0).buffer
  const ofTwo = run(
    (_state, n) => n,
    () => ({ bytes: new Uint8Array(block, 0, 2) }),
  )
  expect(ofTwo.codes).toEqual(['E_STATE_OF_TWO', 'E_STATE_OF_TWO'])
})

test('copies, and what cannot change, go through', () => {
  const constant = Object.freeze({ name: 'constant' })
  const { codes, text } = run(
    (state, n) => {
      ;(state.list as number[]).push(n)
      return { list: [...(state.list as number[])], constant }
    },
    () => ({ list: [], constant }),
  )
  expect(codes).toEqual([])
  expect(text.split(' ').length).toBe(5)
})

test.for<readonly [code: string, step: Step]>([
  ['E_STATE_VALUE', (_state, _n, context) => context.replace({ later: () => 1 })],
  [
    'E_STATE_SHARED',
    (_state, _n, context) => {
      const list = [1]
      context.replace({ list })
      return { list }
    },
  ],
])('a state that is put in the place of another one: %s', ([code, step]) => {
  expect(run(step).codes).toEqual(Array(4).fill(code))
})

test('what is the state no more is whoever has it', () => {
  const { codes, text } = run((state, n, context) => {
    state.later = () => n
    if (n > 1) context.forget()
    else context.replace({ list: [] })
    return { list: state.list }
  })
  expect(codes).toEqual([])
  expect(text).toBe('{"list":[]} '.repeat(4))
})

interface Row {
  readonly group: string
  n: number
}

const spoil = (row: Row): Row => {
  row.n = -1
  return row
}

/** Every function that is given a record, as the one that changes it. */
const spoilers: Record<string, (rows: Stream<Row>) => Stream<Row>> = {
  map: (rows) => rows.map('step', (row) => ({ ...spoil(row) })),
  filter: (rows) => rows.filter('step', (row) => spoil(row).n < 0),
  flatMap: (rows) => rows.flatMap('step', (row) => [{ ...spoil(row) }]),
  'flatMap, later': (rows) =>
    rows.flatMap('step', function* (row) {
      yield { ...row }
      spoil(row)
    }),
  inspect: (rows) => rows.inspect('step', spoil),
  keyBy: (rows) => rows.keyBy('step', (row) => spoil(row).group).mapWithState('same', { init, step: (_, row) => row }),
  branch: (rows) => rows.branch('step', { bad: (row) => spoil(row).n < 0 }).bad,
  mapWithState: (rows) => byGroup(rows).mapWithState('step', { init, step: (_, row) => ({ ...spoil(row) }) }),
  flatMapWithState: (rows) => byGroup(rows).flatMapWithState('step', { init, step: (_, row) => [{ ...spoil(row) }] }),
  aggregate: (rows) =>
    byGroup(rows).aggregate('step', { init, add: (_, row) => void spoil(row), result: () => ({ group: '', n: 0 }) }),
  reduce: (rows) => byGroup(rows).reduce('step', (sum, row) => ({ group: sum.group, n: sum.n + spoil(row).n })),
}

const init = () => ({})
const row = (n: number): Row => ({ group: '', n })
const byGroup = (rows: Stream<Row>) => rows.keyBy('by', ({ group }) => group)

function runRows(build: (rows: Stream<Row>) => Stream<Row>, encode: (row: Row) => string, development = true) {
  const planned = plan(
    pipeline('under-test', (p) => {
      build(p.source('in', generatorSource<Row>({ value: (n) => ({ group: 'a', n }) }))).sink(
        'out',
        nullSink({ encode }),
      )
    }).build(),
  )
  const under = stage(
    planned,
    {
      in: [
        { group: 'a', n: 1 },
        { group: 'a', n: 2 },
      ],
    },
    {},
    {},
    development,
  )
  under.settle()
  const failures = under.failures.map(({ step, error }) => `${step} ${(error as { code?: string }).code}`)
  return { failures: [...new Set(failures)], text: under.writers.get('out')!.text }
}

test.for(Object.entries(spoilers))('a record that is changed by %s', ([, build]) => {
  expect(runRows(build, () => '').failures).toEqual(['step E_RECORD_CHANGED'])
})

test('a record that a sink changes is named', () => {
  const { failures } = runRows(
    (rows) => rows,
    (row) => String(spoil(row).n),
  )
  expect(failures).toEqual(['out E_RECORD_CHANGED'])
})

/** A record that has a function with it, as one of a class with methods may have. */
interface Called extends Row {
  readonly call: () => number
}

test.for<[string, (rows: Stream<Called>) => Stream<Row>]>([
  [
    'keyBy',
    (rows) => rows.keyBy('step', ({ group }) => group).mapWithState('same', { init, step: (_, { n }) => row(n) }),
  ],
  ['asyncMap', (rows) => rows.asyncMap('step', async ({ n }) => row(n))],
])('a record that could not be written is refused by %s, on one worker too', ([, step]) => {
  const build = (rows: Stream<Row>) => step(rows.map('make', ({ group, n }) => ({ group, n, call: () => n })))
  expect(runRows(build, () => '').failures).toEqual(['step E_VALUE'])
})

test('answers without end are refused as they always are', () => {
  const endless = function* (): Generator<Row> {
    for (;;) yield { group: 'a', n: 1 }
  }
  const many = (rows: Stream<Row>) => byGroup(rows).flatMapWithState('step', { init, step: endless })
  expect(runRows(many, () => '').failures).toEqual(['step E_TOO_MANY_OUTPUTS'])
  expect(
    runRows(
      (rows) => rows.flatMap('step', endless),
      () => '',
    ).failures,
  ).toEqual(['step E_TOO_MANY_OUTPUTS'])
})

test('what an aggregate holds is looked at when its result is due', () => {
  const add = (sum: object, row: Row): void => {
    Object.assign(sum, { later: () => row })
  }
  const sums = (rows: Stream<Row>) =>
    byGroup(rows).aggregate('step', { init, add, result: () => ({ group: '', n: 0 }) })
  const { failures } = runRows(sums, () => '')
  expect(failures).toEqual(['step E_STATE_VALUE'])
})

test('an accumulator that is returned, and not changed', () => {
  interface Sum {
    n: number
    seen: number[]
  }
  type Add = (sum: Sum, row: Row) => unknown
  const sums = (add: Add) =>
    runRows(
      (rows) =>
        byGroup(rows).aggregate('step', {
          init: (): Sum => ({ n: 0, seen: [] }),
          add: add as (sum: Sum, row: Row) => void,
          result: ({ n }, group) => ({ group: `${group}`, n }),
        }),
      ({ n }) => `${n} `,
    ).failures
  expect(sums((sum, { n }) => ({ ...sum, n: sum.n + n }))).toEqual(['step E_AGGREGATE_RETURNED'])
  // Whatever comes of changing it in place, or of leaving it.
  const others: Add[] = [
    (sum, { n }) => (sum.n += n),
    (sum, { n }) => sum.seen.push(n),
    (sum, { n }) => Object.assign(sum, { n: sum.n + n }),
    (sum, { n }) => {
      sum.n += n
      return { ...sum }
    },
    (sum) => sum,
    (sum) => sum.seen,
    () => null,
  ]
  for (const add of others) expect(sums(add), `${add}`).toEqual([])
})

describe('a record that a state keeps', () => {
  interface Order {
    readonly id: number
    seen: number
  }
  type Kept = { orders: Order[] }
  const keep = (state: Kept, order: Order): void => {
    if (state.orders.length > 0) state.orders[0]!.seen++
    state.orders.push(order)
  }
  /** What goes wrong where all records are of one key, and go to a sink beside the step, or not. */
  const codesOf = (build: (orders: Stream<Order>) => void) => {
    const planned = plan(
      pipeline('under-test', (p) => {
        build(p.source('in', generatorSource<number>({ value: (n) => n })).map('order', (id) => ({ id, seen: 0 })))
      }).build(),
    )
    const under = stage(planned, { in: [0, 1, 2] }, {}, {}, true)
    under.settle()
    return under.failures.map(({ error }) => (error as { code?: string }).code)
  }
  const stepOf = (by: (state: Kept, order: Order) => void) => (orders: Stream<Order>) =>
    orders
      .keyBy('by', () => 1)
      .mapWithState('step', { init: (): Kept => ({ orders: [] }), step: (state, order) => by(state, order) })
      .sink('count', nullSink({ encode: String }))
  const beside = (orders: Stream<Order>) => orders.sink('out', nullSink({ encode: ({ seen }) => String(seen) }))

  test('is not changed there where other steps have it, by whatever kind of step', () => {
    const codes = codesOf((orders) => {
      beside(orders)
      stepOf(keep)(orders)
    })
    // The state that a refused call goes back to is a copy.
    expect(codes).toEqual(['E_RECORD_KEPT'])
    const filtered = codesOf((orders) => {
      beside(orders)
      orders
        .filter('all', () => true)
        .keyBy('by', () => 1)
        .flatMapWithState('step', {
          init: (): Kept => ({ orders: [] }),
          step: ({ orders: before }, order, context) => {
            // What an earlier state has kept.
            if (order.id === 2) before[0]!.seen++
            context.replace({ orders: before.length === 0 ? [order] : [...before] })
            return []
          },
        })
    })
    expect(filtered).toEqual(['E_RECORD_KEPT'])
    const added = codesOf((orders) => {
      beside(orders)
      orders.keyBy('by', () => 1).aggregate('step', { init: (): Kept => ({ orders: [] }), add: keep, result: () => 1 })
    })
    expect(added).toEqual(['E_RECORD_KEPT'])
  })

  test('may change where nobody else has it, and where it is a copy', () => {
    expect(codesOf(stepOf(keep))).toEqual([])
    const copied = codesOf((orders) => {
      beside(orders)
      stepOf((state, order) => keep(state, { ...order }))(orders)
    })
    expect(copied).toEqual([])
    const mapped = codesOf((orders) => {
      beside(orders)
      stepOf(keep)(orders.map('copy', (order) => ({ ...order })))
    })
    expect(mapped).toEqual([])
  })
})
