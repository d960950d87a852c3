/**
 * Several streams become one, and one becomes several: orders from the web and from shops are merged, then parted by
 * what has to be done with them. Refunds and large orders go to people; of all others the turnover of each country is
 * kept.
 *
 * An order is a line of JSON: `{"id":1,"country":"pt","cents":1990}`.
 */
import { json, lines, pipeline, tcpSink, tcpSource } from 'potoroo'

interface Order {
  readonly id: number
  readonly country: string
  readonly cents: number
}

const LARGE = 100_000
const order = { framing: lines(), decode: json<Order>() }
const row = { framing: lines(), encode: (value: object) => JSON.stringify(value) }

export default pipeline('fan-out', (p) => {
  const web = p.source('web', tcpSource({ port: 7001, ...order }))
  const shops = p.source('shops', tcpSource({ port: 7002, ...order }))

  const { refunds, large, rest } = web.merge('orders', shops).branch('by-amount', {
    refunds: ({ cents }) => cents < 0,
    large: ({ cents }) => cents >= LARGE,
  })

  refunds.sink('refunds', tcpSink({ port: 7003, ...row }))
  large.sink('review', tcpSink({ port: 7004, ...row }))
  rest
    .keyBy('by-country', ({ country }) => country)
    .mapWithState('turnover', {
      init: () => ({ orders: 0, cents: 0 }),
      step: (sum, { country, cents }) => ({ country, orders: ++sum.orders, cents: (sum.cents += cents) }),
    })
    .sink('totals', tcpSink({ port: 7005, ...row }))
})
