/**
 * Quotes and orders in Wallaroo's layout, half and half, in one worker. One order in a hundred is for a symbol without
 * a quote and is written out. Not measured: a network, more than one worker, many refusals.
 */
import { Market, ORDER_BYTES } from '../pipelines/data/market.ts'
import { bench } from './lib/main.ts'
import { type Load, measureThroughput, type Receiver, reach } from './lib/throughput.ts'

const QUOTES = 7001
const ORDERS = 7002
const BLOCK_RECORDS = 1000
/** Where an order's symbol stands, and how the generator begins one that has no quote. */
const SYMBOL_AT = 16
const UNKNOWN = '?'.charCodeAt(0)

const market = new Market(1, { wideShare: 0, unknownShare: 0.01 })
const opening = market.opening()

function load(blocks: number): Load {
  const quotes = Array.from({ length: blocks }, () => market.quotes(BLOCK_RECORDS))
  const orders = Array.from({ length: blocks }, () => market.ordersFor(BLOCK_RECORDS))
  const lanes = [
    { port: QUOTES, buffers: quotes },
    { port: ORDERS, buffers: orders },
  ]
  const linesOut = orders.reduce((sum, block) => sum + refusedIn(block), 0)
  return { lanes, records: 2 * blocks * BLOCK_RECORDS, linesOut }
}

function refusedIn(block: Buffer): number {
  let refused = 0
  for (let at = SYMBOL_AT; at < block.length; at += 4 + ORDER_BYTES) if (block[at] === UNKNOWN) refused++
  return refused
}

/** Sends a quote for every symbol and waits until no order for one of them is refused any more. */
async function prime(receiver: Receiver): Promise<void> {
  const quotes = await reach(QUOTES)
  const orders = await reach(ORDERS)
  quotes.write(opening)
  const known = new Market(2, { unknownShare: 0 }).ordersFor(20_000)
  const unknown = new Market(3, { unknownShare: 1 }).ordersFor(1)
  for (let refused = 2; refused > 1; ) {
    const before = receiver.lines
    orders.write(known)
    orders.write(unknown)
    await receiver.until(before + 1)
    await receiver.quiet()
    refused = receiver.lines - before
  }
  quotes.destroy()
  orders.destroy()
}

await bench('market-spread', () =>
  measureThroughput(
    {
      name: 'market-spread',
      pipeline: 'pipelines/market-spread.ts',
      unit: 'records',
      outPort: 7003,
      warmup: load(1000),
      measured: load(3000),
      prime,
      reach: '>= 0.7',
      reachPerSecond: '>= 2000000',
    },
    5,
  ),
)
