/** The sample pipelines as they are, and records for them. */

import { Market, ORDER_BYTES, QUOTE_BYTES } from '../../pipelines/data/market.ts'
import marketSpreadSample from '../../pipelines/market-spread.ts'
import sequenceWindowSample from '../../pipelines/sequence-window.ts'
import wordCountSample from '../../pipelines/word-count.ts'
import type { Prng } from '../../src/base/prng.ts'
import type { MakeRecord, Script } from './cases.ts'
import { mixed } from './mixed.ts'

const WORDS = ['a', 'be', 'cat', 'door', 'eight', 'former', 'gardens', 'hospital', 'ñandú', 'Ω']
/** One record in so many is none. */
const BAD = 41

export function wordCount(random: Prng): Script {
  const salt = random.u32()
  const lines: MakeRecord = (life, sequence) => {
    let text = ''
    for (let i = 0; i <= mixed(salt, life, sequence) % 3; i++) {
      text += `${i === 0 ? '' : ' '}${WORDS[mixed(salt + i + 1, life, sequence) % WORDS.length]}`
    }
    // Bytes that are no text.
    return mixed(salt, life, sequence) % BAD === 0 ? Buffer.from([0xff, 0xfe]) : Buffer.from(text)
  }
  return { name: 'word-count', pipeline: wordCountSample, records: { lines }, exact: false }
}

export function sequenceWindow(random: Prng): Script {
  const salt = random.u32()
  const numbers: MakeRecord = (life, sequence) => {
    const key = mixed(salt, life, sequence) % 12
    return Buffer.from(mixed(salt, life, sequence) % BAD === 0 ? 'nonsense' : `key-${key},${sequence}`)
  }
  return { name: 'sequence-window', pipeline: sequenceWindowSample, records: { numbers }, exact: false }
}

export function marketSpread(random: Prng): Script {
  const market = new Market(random.u32(), { symbols: 8, wideShare: 0.3, unknownShare: 0.1 })
  const LENGTH = 4
  const SAMPLES = 64
  const quoteBytes = market.quotes(SAMPLES)
  const orderBytes = market.ordersFor(SAMPLES)
  const pick =
    (bytes: Buffer, size: number): MakeRecord =>
    (life, sequence) => {
      const choice = mixed(7, life, sequence)
      const at = (choice % SAMPLES) * (LENGTH + size) + LENGTH
      return bytes.subarray(at, at + size - (choice % BAD === 0 ? 1 : 0))
    }
  const records = { quotes: pick(quoteBytes, QUOTE_BYTES), orders: pick(orderBytes, ORDER_BYTES) }
  return { name: 'market-spread', pipeline: marketSpreadSample, records, exact: false }
}
