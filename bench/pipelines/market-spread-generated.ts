/**
 * `market-spread` without sockets: a quote for each symbol, then quotes and orders over and over, decoded as they come.
 */
import { Market, ORDER_BYTES, QUOTE_BYTES } from '../../pipelines/data/market.ts'
import marketSpread from '../../pipelines/market-spread.ts'
import { decoding, generated } from './lib/generated.ts'

const RECORDS = 50_000
/** The length in front of each record. */
const HEAD_BYTES = 4

const market = new Market(1, { wideShare: 0, unknownShare: 0.01 })
const quotes = Buffer.concat([market.opening(), market.quotes(RECORDS)])
const orders = market.ordersFor(RECORDS)

export default generated(marketSpread, (splits, step, source) =>
  step === 'quotes'
    ? decoding(splits, source, quotes, HEAD_BYTES, QUOTE_BYTES)
    : decoding(splits, source, orders, HEAD_BYTES, ORDER_BYTES),
)
