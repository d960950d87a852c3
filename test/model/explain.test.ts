import { expect, test } from 'vitest'
import { explain } from '../../src/model/explain.ts'
import { explainMermaid } from '../../src/model/explain-mermaid.ts'
import { explainText } from '../../src/model/explain-text.ts'
import { type Pipeline, pipeline } from '../../src/model/pipeline.ts'
import { testSink, testSource } from './interpret.ts'

interface Order {
  readonly shop: string
  readonly cents: number
}

const orders = pipeline('orders', { parameters: { port: 7001, apiToken: 'hidden' } }, (p) => {
  const settings = { port: p.parameters.port, password: 'hidden', note: undefined }
  const all = p
    .source('orders', testSource<Order>({ kind: 'tcp', settings }))
    .merge('all', p.source('old-orders', testSource<Order>({ kind: 'file', settings: {}, splits: 'one' })))
  const { paid } = all
    .filter('real', (order) => order.cents !== 0)
    .branch('by-sign', { paid: (order) => order.cents > 0 })
  paid
    .keyBy('by-shop', (order) => order.shop)
    .aggregate('revenue', {
      init: () => ({ cents: 0 }),
      add: (sum, order) => {
        sum.cents += order.cents
      },
      combine: (sum, other) => {
        sum.cents += other.cents
      },
      result: (sum, shop) => ({ shop, cents: sum.cents }),
      every: 250,
    })
    .asyncMap('look-up', async (row) => row.shop)
    .sink('report', testSink({ promise: 'transactional', fencing: 'epoch' }))
  all.inspect('log', () => {})
  all
    .keyBy('by-shop-too', (order) => order.shop)
    .mapWithState('count', { init: () => ({ n: 0 }), ttl: 60_000, step: (state) => ++state.n })
    .sink('counts', testSink({ promise: 'idempotent' }))
})

const json = (built: Pipeline) => JSON.stringify(explain(built.build()))

test('a pipeline is explained as text', () => {
  expect(explainText(explain(orders.build({ port: 7009 })))).toMatchInlineSnapshot(`
    "pipeline orders
    parameters port = 7009, apiToken = ***

      0  source  orders
         tcp, port 7009, password ***
         framing lines, decoder utf8
         ├─ copy 1
         │  │  filter  real
         │  │  branch  by-sign
         │  ├─ paid
         │  │  └═ by-shop ═▶ 2 revenue
         │  └─ rest: dropped
         ├─ copy 2
         │  │  inspect  log
         │  └─ nobody listens
         └─ copy 3
            └═ by-shop-too ═▶ 5 count

      1  source  old-orders
         file
         framing lines, decoder utf8
         ├─ copy 1
         │  │  filter  real
         │  │  branch  by-sign
         │  ├─ paid
         │  │  └═ by-shop ═▶ 2 revenue
         │  └─ rest: dropped
         ├─ copy 2
         │  │  inspect  log
         │  └─ nobody listens
         └─ copy 3
            └═ by-shop-too ═▶ 5 count

      2  keyed  revenue
         aggregate, emits at most every 250 ms
         state version 1, kept until forgotten
         └─▶ 3 look-up

      3  asyncMap  look-up
         16 calls at a time, each at most 30 s
         └─▶ 4 report

      4  sink  report
         test
         as encoded

      5  keyed  count
         mapWithState, answers each record
         state version 1, kept for 1 min
         └─▶ 6 counts

      6  sink  counts
         test
         as encoded

    between workers
      by-shop      → revenue  by key; workers may add up before they send
      by-shop-too  → count    by key; every record travels

    what sinks give
      report  transactional  fencing: epoch  shows every record once, as soon as its epoch is complete
      counts  idempotent     fencing: none   loses nothing; what is repeated has the id that it had before

    warnings
      counts: the answers of "count" depend on the order in which several splits meet; after a recovery this sink may keep answers of two attempts; a transactional sink shows one history
    "
  `)
})

test('a pipeline is explained as a Mermaid diagram', () => {
  expect(explainMermaid(orders.build())).toMatchInlineSnapshot(`
    "flowchart LR
      s0(["source<br/>orders"])
      s1(["source<br/>old-orders"])
      s2["merge<br/>all"]
      s0 --> s2
      s1 --> s2
      s3["filter<br/>real"]
      s2 --> s3
      s4{"branch<br/>by-sign"}
      s3 --> s4
      s5["keyBy<br/>by-shop"]
      s4 -->|"paid"| s5
      s6[("aggregate<br/>revenue")]
      s5 ==> s6
      s7["asyncMap<br/>look-up"]
      s6 --> s7
      s8[/"sink<br/>report"/]
      s7 --> s8
      s9["inspect<br/>log"]
      s2 --> s9
      s10["keyBy<br/>by-shop-too"]
      s2 --> s10
      s11[("mapWithState<br/>count")]
      s10 ==> s11
      s12[/"sink<br/>counts"/]
      s11 --> s12
    "
  `)
})

test('the description of a pipeline is plain data, and hides what is secret', () => {
  const made = explain(orders.build())
  expect(JSON.parse(JSON.stringify(made))).toEqual(made)
  expect(json(orders)).not.toContain('hidden')
  const url = 'wss://me:hidden@reports.internal/in'
  const reports = pipeline('reports', { parameters: { url } }, (p) =>
    p.source('in', testSource<string>()).sink('out', testSink({ settings: { url: p.parameters.url } })),
  )
  expect(json(reports)).toContain('wss://***@reports.internal/in')
  expect(json(reports)).not.toContain('hidden')
  expect(made.tasks.map(({ id, kind, step }) => `${id} ${kind} ${step}`)).toEqual([
    '0 source orders',
    '1 source old-orders',
    '2 keyed revenue',
    '3 asyncMap look-up',
    '4 sink report',
    '5 keyed count',
    '6 sink counts',
  ])
})

test('a name cannot end its label in a diagram', () => {
  const sly = pipeline('sly', (p) => p.source('a"] --> <b>#x|', testSource()).sink('out', testSink()))
  expect(explainMermaid(sly.build())).toContain('"source<br/>a#34;] --#62; #60;b#62;#35;x#124;"')
})

test('a pipeline without keys and sinks says so', () => {
  const small = pipeline('small', (p) => void p.source('in', testSource()).inspect('log', () => {}))
  expect(explainText(explain(small.build()))).toContain(
    'between workers\n  nothing: the pipeline has no key\n\nwhat sinks give\n  nothing: the pipeline has no sink\n',
  )
})
