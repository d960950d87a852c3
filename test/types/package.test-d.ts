/** What a pipeline file sees: types flow from a connector's decoder to a connector's encoder with no annotation. */
import {
  csv,
  type Decoder,
  fileSource,
  generatorSource,
  json,
  lengthPrefix,
  lines,
  minutes,
  msgpack,
  pipeline,
  seconds,
  stdoutSink,
  tcpSink,
  tcpSource,
  type ValueOf,
} from '../../src/index.ts'

type Equal<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false
declare function holds<T extends true>(): T
interface Order {
  readonly id: string
  readonly cents: number
}

export default pipeline('inference', { parameters: { port: 7001 } }, (p) => {
  const text = p.source('lines', tcpSource({ port: p.parameters.port, framing: lines() }))
  holds<Equal<ValueOf<typeof text>, string>>()
  const orders = p.source('orders', tcpSource({ port: 7002, framing: lengthPrefix(), decode: json<Order>() }))
  holds<Equal<ValueOf<typeof orders>, Order>>()
  const packed = p.source('packed', fileSource({ path: 'x', decode: msgpack<Order>() }))
  holds<Equal<ValueOf<typeof packed>, Order>>()
  const rows = p.source('rows', fileSource({ path: 'x', decode: csv({ header: ['a', 'b'] }) }))
  holds<Equal<ValueOf<typeof rows>, { a: string; b: string }>>()
  const made = p.source('made', generatorSource({ value: (n) => ({ n }) }))
  holds<Equal<ValueOf<typeof made>, { n: number }>>()
  text
    .flatMap('split', (line) => line.match(/\w+/g) ?? [])
    .keyBy('by-word', (word) => word)
    .mapWithState('count', {
      init: () => ({ total: 0 }),
      ttl: minutes(5),
      step: (state, word) => ({ word, total: ++state.total }),
    })
    .sink('totals', tcpSink({ port: 7003, encode: (row) => `${row.word} => ${row.total.toFixed(0)}\n` }))
  orders
    .keyBy('by-id', (order) => order.id)
    .reduce('sum', (sum, order) => ({ id: sum.id, cents: sum.cents + order.cents }), { every: seconds(2) })
    .sink('sums', stdoutSink({ encode: (order) => `${order.id} ${order.cents}` }))
  // @ts-expect-error an encoder of other records
  orders.sink('wrong', tcpSink({ port: 7004, encode: (row: { word: string }) => row.word }))
  // @ts-expect-error an option that there is not
  tcpSource({ prot: 7001 })
  // @ts-expect-error a port is a number
  tcpSource({ port: '7001' })
})

declare const undecided: Decoder<unknown>
holds<Equal<typeof undecided extends Decoder<string> ? true : false, false>>()
