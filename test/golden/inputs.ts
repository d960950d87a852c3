/** What goes into the sample pipelines: made-up data with the odd cases among it, the same each time. */
import { Market } from '../../pipelines/data/market.ts'
import { Random } from '../../pipelines/data/random.ts'
import { Lines } from '../../pipelines/data/words.ts'

const odd = `To be, or not to be: that's the question.
Être ou ne pas être — ÉTAIT-ce été?
1984 and 1984 again; ２０２４
'
`

export function lines(): Buffer {
  return Buffer.from(odd + new Lines(1, 300).text(60))
}

/** Numbers from 1 on for each of 12 keys, mixed. */
export function sequences(): Buffer {
  const random = new Random(2)
  const numbers = new Map<string, number>()
  let text = ''
  for (let i = 0; i < 500; i++) {
    const key = ['a', 'b', 'key with spaces', 'a,b', 'ключ', '0', '-1', 'A', 'z', 'y', 'x', 'w'][random.below(12)]!
    const number = (numbers.get(key) ?? 0) + 1
    numbers.set(key, number)
    text += `${key},${number}\n`
  }
  return Buffer.from(text)
}

export function market(): { quotes: Buffer; orders: Buffer } {
  const made = new Market(3, { symbols: 60, wideShare: 0.25, unknownShare: 0.05 })
  return { quotes: Buffer.concat([made.opening(), made.quotes(60)]), orders: made.ordersFor(150) }
}

/** Temperatures from -40, where both scales meet, and some that no thermometer shows. */
export function temperatures(): Buffer {
  const random = new Random(4)
  const values = [-40, 0, 37, 100, -273.15, 1e6, -0]
  while (values.length < 100) values.push(random.below(1400) / 10 - 60)
  return Buffer.concat(values.map((value) => framed(4, (record) => record.writeFloatBE(value, 4))))
}

export function ballots(): Buffer {
  const random = new Random(5)
  const all = Array.from({ length: 400 }, () => ({ letter: 97 + random.below(26), votes: random.below(10_000) }))
  // More than one u32 can hold.
  for (let i = 0; i < 3; i++) all.push({ letter: 122, votes: 2 ** 32 - 1 })
  return Buffer.concat(
    all.map(({ letter, votes }) =>
      framed(5, (record) => {
        record.writeUInt8(letter, 4)
        record.writeUInt32BE(votes, 5)
      }),
    ),
  )
}

/** A record of `length` bytes that `fill` writes behind its length. */
function framed(length: number, fill: (record: Buffer) => void): Buffer {
  const record = Buffer.alloc(4 + length)
  record.writeUInt32BE(length)
  fill(record)
  return record
}

/** Amounts that lead out of the limits and back, and some that end on a limit. */
export function transactions(): Buffer {
  const random = new Random(7)
  let text = 'edge,100000\nedge,1\nedge,-1\nedge,-150000\nedge,-1\nedge,1\n'
  for (let i = 0; i < 400; i++) text += `account-${random.below(8)},${random.below(120_000) - 55_000}\n`
  return Buffer.from(text)
}

export function orders(seed: number, count: number): Buffer {
  const random = new Random(seed)
  const cents = () => [random.below(30_000), random.below(30_000), random.below(200_000), -random.below(9000)]
  const one = (_: unknown, i: number) => ({
    id: seed * 1000 + i,
    country: ['pt', 'de', 'fi', 'nz'][random.below(4)],
    cents: cents()[random.below(4)],
  })
  return Buffer.from(
    Array.from({ length: count }, one)
      .map((order) => `${JSON.stringify(order)}\n`)
      .join(''),
  )
}

export function purchases(): Buffer {
  const random = new Random(8)
  const products = ['tea', 'cup & saucer', 'kettle', 'Löffel', 'a/b']
  let text = ''
  for (let id = 1; id <= 60; id++) {
    text += `{"id":${id},"product":"${products[random.below(5)]}","count":${1 + random.below(9)}}\n`
  }
  return Buffer.from(text)
}

/** Moves of eight people in two rooms, who come and go. */
export function moves(): Buffer {
  const random = new Random(11)
  let text = ''
  for (let i = 0; i < 400; i++) {
    const room = random.below(3) === 0 ? 'garden' : 'lobby'
    const who = ['ada', 'blaise', 'clara', 'dijkstra', 'emmy', 'frances', 'grace', 'hedy'][random.below(8)]
    const place = random.below(10) === 0 ? {} : { x: random.below(1000) / 1000, y: random.below(1000) / 1000 }
    text += `${JSON.stringify({ room, who, ...place })}\n`
  }
  return Buffer.from(text)
}
