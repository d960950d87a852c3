import type { SinkDescription, SourceDescription } from '../../src/model/connector.ts'
import { pipeline } from '../../src/model/pipeline.ts'
import type { Stream } from '../../src/model/stream.ts'

declare function from<T>(): SourceDescription<T>
declare function to<T>(options: { encode: (value: T) => string }): SinkDescription<T>
type Equal<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false
declare function holds<T extends true>(): T
interface Order {
  kind: 'order'
  id: string
  cents: number
}
interface Quote {
  kind: 'quote'
  symbol: string
  bid: number
}
type Of<S> = S extends Stream<infer T> ? T : never

pipeline('inference', { parameters: { port: 7001, host: 'a', loud: false } }, (p) => {
  holds<Equal<typeof p.parameters.port, number>>()
  holds<Equal<typeof p.parameters.host, string>>()
  holds<Equal<typeof p.parameters.loud, boolean>>()
  const text = p.source('lines', from<string>())
  const words = text.flatMap('split', (line) => line.match(/x/g) ?? [])
  holds<Equal<Of<typeof words>, string>>()
  const rows = words
    .keyBy('by-word', (word) => word)
    .mapWithState('count', {
      init: () => ({ total: 0 }),
      ttl: 1000,
      schema: { version: 2, migrate: () => ({ total: 1 }) },
      step: (state, word, context) => {
        holds<Equal<typeof context.key, string>>()
        context.replace({ total: 3 })
        return { word, total: ++state.total }
      },
    })
  holds<Equal<Of<typeof rows>, { word: string; total: number }>>()
  rows.sink('out', to({ encode: (row) => `${row.word} ${row.total.toFixed()}` }))
  const some = words
    .keyBy('k2', (word) => word.length)
    .mapWithState('some', {
      init: (key) => ({ key }),
      step: (state, word) => (state.key > 1 ? word : undefined),
    })
  holds<Equal<Of<typeof some>, string>>()
  const none = words
    .keyBy('k3', (word) => word.length > 3)
    .mapWithState('none', {
      init: () => ({ n: 0 }),
      step: (state) => {
        state.n++
      },
    })
  holds<Equal<Of<typeof none>, never>>()

  const mixed = p.source('orders', from<Order>()).merge('both', p.source('quotes', from<Quote>()))
  holds<Equal<Of<typeof mixed>, Order | Quote>>()
  const { orders, rest } = mixed.branch('by-kind', { orders: (m) => m.kind === 'order' })
  holds<Equal<Of<typeof orders>, Order>>()
  holds<Equal<Of<typeof rest>, Order | Quote>>()
  const two = mixed.branch('by-kind', { cheap: (m) => m.kind === 'order' && m.cents < 3, other: (_m) => true })
  two.cheap.map('x', (x) => x.kind)
  const quotes = mixed.filter('quotes-only', (m) => m.kind === 'quote')
  holds<Equal<Of<typeof quotes>, Quote>>()
  const fetched = orders.asyncMap('fetch', async (order, signal) => ({ id: order.id, aborted: signal.aborted }), {
    concurrency: 3,
  })
  holds<Equal<Of<typeof fetched>, { id: string; aborted: boolean }>>()
  const sums = orders
    .keyBy('by-id', (o) => o.id)
    .aggregate('revenue', {
      init: () => ({ cents: 0, seen: new Set<string>() }),
      add: (sum, order) => {
        sum.cents += order.cents
        sum.seen.add(order.id)
      },
      combine: (sum, other) => {
        sum.cents += other.cents
      },
      result: (sum, id) => ({ id, cents: sum.cents }),
      every: 500,
    })
  holds<Equal<Of<typeof sums>, { id: string; cents: number }>>()
  orders
    .keyBy('by-id2', (o) => o.id)
    .aggregate('short', {
      init: () => ({ cents: 0 }),
      add: (sum, order) => (sum.cents += order.cents),
      result: (sum) => sum.cents,
    })
  const reduced = words
    .map('pair', (word) => ({ word, n: 1 }))
    .keyBy('w', (x) => x.word)
    .reduce('sum', (a, b) => ({ word: a.word, n: a.n + b.n }), { every: 10 })
  holds<Equal<Of<typeof reduced>, { word: string; n: number }>>()
  const nums = text.map('n', (line) => Number(line))
  holds<Equal<Of<typeof nums>, number>>()
  const flat = text
    .keyBy('f', (l) => l)
    .flatMapWithState('flat', { init: () => ({ n: 0 }), step: (s, v) => (s.n > 1 ? [v] : undefined) })
  holds<Equal<Of<typeof flat>, string>>()
  const maybe = (n: number) => (n > 1 ? n : undefined)
  const fetchedSome = nums.asyncMap('fetch-some', async (n) => maybe(n))
  holds<Equal<Of<typeof fetchedSome>, number>>()
  const flatSome = nums
    .keyBy('n2', (n) => n)
    .flatMapWithState('flat-some', { init: () => ({}), step: (_, n) => [maybe(n)] })
  holds<Equal<Of<typeof flatSome>, number>>()
  const sumSome = nums
    .keyBy('n3', (n) => n)
    .aggregate('sum-some', { init: () => ({ n: 0 }), add: (sum, n) => (sum.n += n), result: ({ n }) => maybe(n) })
  holds<Equal<Of<typeof sumSome>, number>>()
  const gen = text
    .keyBy('f', (l) => l)
    .flatMapWithState('gen', {
      init: () => ({ n: 0 }),
      step: function* (s, v) {
        yield { v, n: s.n }
      },
    })
  holds<Equal<Of<typeof gen>, { v: string; n: number }>>()
})

pipeline('mistakes', (p) => {
  const words = p.source('words', from<string>())
  const keyed = words.keyBy('by-word', (word) => word)
  // @ts-expect-error a keyed stream has no sink
  keyed.sink('out', to({ encode: (word: string) => word }))
  // @ts-expect-error an object is no key
  words.keyBy('by-object', (word) => ({ word }))
  // @ts-expect-error a primitive is no state
  keyed.mapWithState('count', { init: () => 0, step: (state) => state })
  // @ts-expect-error a promise is no state
  keyed.mapWithState('count', { init: async () => ({ n: 0 }), step: () => 1 })
  // @ts-expect-error an async step
  keyed.mapWithState('count', { init: () => ({ n: 0 }), step: async (_state, word) => word })
  // @ts-expect-error an async map
  words.map('fetch', async (word) => word)
  // @ts-expect-error a map without `return`
  words.map('lost', (word) => {
    word.length
  })
  words.map('all', (word): unknown => word)
  words.map('some', (word) => (word === '' ? undefined : word))
  // biome-ignore lint/suspicious/noExplicitAny: whatever somebody's function answers
  words.map('any', (word) => word as any)
  // @ts-expect-error the name comes first
  words.map((word: string) => word)
  // @ts-expect-error a text is iterable, but no list of records
  words.flatMap('split', (word) => word)
  // @ts-expect-error filter answers true or false
  words.filter('long', (word) => word.length)
  // @ts-expect-error a returned accumulator is lost
  keyed.aggregate('sum', { init: () => ({ n: 0 }), add: (sum) => ({ n: sum.n + 1 }), result: (sum) => sum.n })
  // @ts-expect-error an encoder of something else
  words.sink('out', to({ encode: (row: { word: string }) => row.word }))
  // @ts-expect-error `rest` is always there
  words.branch('parts', { rest: () => true })
  // @ts-expect-error no such branch
  words.branch('parts', { a: () => true }).b
  // @ts-expect-error merge needs another stream
  words.merge('all')
  // @ts-expect-error a parameter that is not declared
  p.parameters.port
  // @ts-expect-error a reduce returns what it takes
  keyed.reduce('sum', (a, b) => a.length + b.length)
  const migrate = () => ({ m: 0 })
  // @ts-expect-error a state of the old shape is no state of the new one
  keyed.mapWithState('count', { init: () => ({ n: 0 }), schema: { version: 2, migrate }, step: (state) => state.n })
})
