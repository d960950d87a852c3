/**
 * Refuses orders for stocks whose market is too wide.
 *
 * Quotes (the national best bid and offer of a symbol) and orders come as two streams. A symbol is refused while its
 * offer is 5 cents or more, or 5 % or more of the price, above its bid, and as long as it has no quote. An order for a
 * refused symbol is written out with the bid and offer that refused it.
 *
 * Records have a 4-byte length in front; numbers are big-endian, texts ASCII:
 *
 *     quote, 42 bytes: type u8 = 2, symbol 4, time 21, bid f64, offer f64
 *     order, 53 bytes: type u8 = 1, side u8, account u32, order id 6, symbol 4, quantity f64, price f64, time 21
 *
 * The decoders read what the pipeline uses and nothing else, and keep short texts as numbers until they are printed:
 * a record costs one small object.
 */
import { decoder, lengthPrefix, lines, pipeline, tcpSink, tcpSource } from 'potoroo'

const ORDER = 1
const QUOTE = 2
const QUOTE_BYTES = 42
const ORDER_BYTES = 53

/** Wider than this, in dollars or as a share of the middle price, a market is refused. */
const WIDEST = 0.05

interface Quote {
  readonly type: typeof QUOTE
  /** Four ASCII characters as one integer. */
  readonly symbol: number
  readonly bid: number
  readonly offer: number
}

interface Order {
  readonly type: typeof ORDER
  readonly symbol: number
  readonly account: number
  /** Six ASCII characters as one integer. */
  readonly id: number
}

const quote = decoder((bytes, start, end): Quote => {
  if (bytes[start] !== QUOTE || end - start !== QUOTE_BYTES) throw new Error('not a quote')
  return {
    type: QUOTE,
    symbol: bytes.readUInt32BE(start + 1),
    bid: bytes.readDoubleBE(start + 26),
    offer: bytes.readDoubleBE(start + 34),
  }
}, 'quote')

const order = decoder((bytes, start, end): Order => {
  if (bytes[start] !== ORDER || end - start !== ORDER_BYTES) throw new Error('not an order')
  return {
    type: ORDER,
    symbol: bytes.readUInt32BE(start + 12),
    account: bytes.readUInt32BE(start + 2),
    id: bytes.readUIntBE(start + 6, 6),
  }
}, 'order')

const parameters = { quotes: 7001, orders: 7002, refused: 7003 }

export default pipeline('market-spread', { parameters }, (p) => {
  const { quotes: quotePort, orders: orderPort, refused } = p.parameters
  const quotes = p.source('quotes', tcpSource({ port: quotePort, framing: lengthPrefix(), decode: quote }))
  const orders = p.source('orders', tcpSource({ port: orderPort, framing: lengthPrefix(), decode: order }))

  quotes
    .merge('events', orders)
    .keyBy('by-symbol', (event) => event.symbol)
    .mapWithState('market', {
      init: () => ({ bid: 0, offer: 0, refused: true }),
      step: (market, event) => {
        if (event.type === QUOTE) {
          market.bid = event.bid
          market.offer = event.offer
          market.refused = tooWide(event.bid, event.offer)
        } else if (market.refused) {
          return { order: event, bid: market.bid, offer: market.offer }
        }
      },
    })
    .sink('refused', tcpSink({ port: refused, framing: lines(), encode: print }))
})

function tooWide(bid: number, offer: number): boolean {
  const spread = offer - bid
  return spread >= WIDEST || spread / ((bid + offer) / 2) >= WIDEST
}

/** `account,symbol,order id,bid,offer` */
function print({ order, bid, offer }: { order: Order; bid: number; offer: number }): string {
  return `${order.account},${text(order.symbol, 4)},${text(order.id, 6)},${bid},${offer}`
}

/** The ASCII characters that `number` stands for, without the spaces behind them. */
function text(number: number, length: number): string {
  let characters = ''
  for (let rest = number; characters.length < length; rest = Math.floor(rest / 256)) {
    characters = String.fromCharCode(rest % 256) + characters
  }
  return characters.trimEnd()
}
