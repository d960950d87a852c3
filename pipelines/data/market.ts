/**
 * Quotes and orders for `market-spread`, in the layout that is written at the head of that file, each record with its
 * length in front.
 *
 * Every symbol has a price around which its quotes move. Most markets are narrow; `wideShare` of the quotes are too
 * wide.
 */
import { Random } from './random.ts'

export const QUOTE_BYTES = 42
export const ORDER_BYTES = 53
const LENGTH_BYTES = 4
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
/** Every so many symbols there is one whose price is below a dollar: its market is too wide by share, not by cents. */
const PENNY_EVERY = 5
const DOLLAR = 10_000
const TIME = '20161117-16:00:00.000'

export interface MarketOptions {
  readonly symbols?: number
  /** Share of the quotes that make their symbol refused. */
  readonly wideShare?: number
  /** Share of the orders for symbols that have no quote. */
  readonly unknownShare?: number
}

/** Makes quotes and orders; the same seed makes the same ones. */
export class Market {
  private readonly random: Random
  private readonly symbols: readonly string[]
  /** In hundredths of a cent, so that bids and offers have few digits. */
  private readonly prices: readonly number[]
  private readonly wideShare: number
  private readonly unknownShare: number
  private orders = 0

  constructor(seed: number, options: MarketOptions = {}) {
    const { symbols = 1400, wideShare = 0.001, unknownShare = 0 } = options
    this.random = new Random(seed)
    this.wideShare = wideShare
    this.unknownShare = unknownShare
    this.symbols = Array.from({ length: symbols }, (_, n) => symbolOf(n))
    this.prices = this.symbols.map((_, n) => (n % PENNY_EVERY === 0 ? 3000 : 50_000) + this.random.below(5000))
  }

  /** One quote for every symbol. */
  opening(): Buffer {
    return Buffer.concat(this.symbols.map((_, n) => this.quote(n)))
  }

  /** `count` quotes for symbols at random. */
  quotes(count: number): Buffer {
    return Buffer.concat(Array.from({ length: count }, () => this.quote(this.random.below(this.symbols.length))))
  }

  /** `count` orders for symbols at random. */
  ordersFor(count: number): Buffer {
    return Buffer.concat(Array.from({ length: count }, () => this.order()))
  }

  private quote(symbol: number): Buffer {
    const wide = this.random.fraction() < this.wideShare
    const price = this.prices[symbol]!
    const bid = price + this.random.below(price / 10)
    const spread = wide
      ? Math.min(510 + this.random.below(300), Math.ceil(0.06 * bid))
      : 1 + this.random.below(Math.min(480, 0.03 * bid))
    const offer = bid + spread
    const record = framed(QUOTE_BYTES)
    record[4] = 2
    record.write(this.symbols[symbol]!, 5, 'latin1')
    record.write(TIME, 9, 'latin1')
    record.writeDoubleBE(bid / DOLLAR, 30)
    record.writeDoubleBE(offer / DOLLAR, 38)
    return record
  }

  private order(): Buffer {
    const unknown = this.random.fraction() < this.unknownShare
    const symbol = this.random.below(this.symbols.length)
    const record = framed(ORDER_BYTES)
    record[4] = 1
    record[5] = 1 + this.random.below(2)
    record.writeUInt32BE(1 + this.random.below(100_000), 6)
    record.write((++this.orders % 1_000_000).toString(36).toUpperCase().padStart(6, '0'), 10, 'latin1')
    record.write(unknown ? `?${LETTERS[symbol % LETTERS.length]}  ` : this.symbols[symbol]!, 16, 'latin1')
    record.writeDoubleBE(100 * (1 + this.random.below(50)), 20)
    record.writeDoubleBE(this.prices[symbol]! / DOLLAR, 28)
    record.write(TIME, 36, 'latin1')
    return record
  }
}

function framed(bytes: number): Buffer {
  const record = Buffer.alloc(LENGTH_BYTES + bytes)
  record.writeUInt32BE(bytes)
  return record
}

/** Symbol number `n`: one to four letters, with spaces behind. */
function symbolOf(n: number): string {
  let symbol = ''
  for (let rest = n + 1; rest > 0; rest = Math.floor((rest - 1) / LETTERS.length)) {
    symbol = LETTERS[(rest - 1) % LETTERS.length] + symbol
  }
  return symbol.padEnd(4)
}
