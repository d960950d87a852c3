/**
 * Looks up what is ordered in a catalogue that answers by HTTP, several orders at a time, and writes each order with
 * the product's name and its price, in the order in which they came.
 *
 * A product that the catalogue does not have, or an answer that takes too long, makes a dead letter of its order:
 * `potoroo dead-letters replay enrich` asks again. A look-up may be made twice after a failure; it changes nothing
 * there.
 */
import { json, lines, pipeline, tcpSink, tcpSource } from 'potoroo'

interface Order {
  readonly id: number
  readonly product: string
  readonly count: number
}

interface Product {
  readonly name: string
  readonly cents: number
}

const parameters = { port: 7001, output: 7002, catalogue: 'http://127.0.0.1:7003/products' }

export default pipeline('enrich', { parameters }, (p) => {
  const { port, output, catalogue } = p.parameters

  async function lookUp(product: string, signal: AbortSignal): Promise<Product> {
    const answer = await fetch(`${catalogue}/${encodeURIComponent(product)}`, { signal })
    if (!answer.ok) throw new Error(`the catalogue answers ${answer.status} for product ${product}`)
    return (await answer.json()) as Product
  }

  p.source('orders', tcpSource({ port, framing: lines(), decode: json<Order>() }))
    .asyncMap(
      'look-up',
      async ({ id, product, count }, signal) => {
        const { name, cents } = await lookUp(product, signal)
        return { id, name, count, cents: count * cents }
      },
      { concurrency: 8, timeoutMs: 5000 },
    )
    .sink('priced', tcpSink({ port: output, framing: lines(), encode: (order) => JSON.stringify(order) }))
})
