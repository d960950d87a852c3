/**
 * What it costs to bring records from one worker to another: encode and decode, per record, in batches of 512, against
 * msgpackr's self-contained form (`useRecords`), in the same run and in turn, in CPU time. A ratio below 1 is in
 * our favour.
 *
 * Not measured: sockets, keys and times of a batch, records whose shapes change from batch to batch.
 */
import { Packr, Unpackr } from 'msgpackr'
import { ByteReader, ByteWriter } from '../src/base/bytes.ts'
import { ValueCodec } from '../src/base/codec/values.ts'
import { cpuNs, textWord, user, word } from './lib/records.ts'
import { type Measure, paired, print } from './lib/report.ts'

const BATCH = 512
/** Few enough to stay in the processor's caches, as records do that were made a moment ago. */
const BATCHES = 16
const PAIRS = 9
const WARMUP_ROUNDS = 2000
const ROUNDS = 1000

interface Subject {
  encode(batch: readonly unknown[]): Uint8Array
  decode(bytes: Uint8Array): unknown
}

function columns(): Subject {
  const codec = new ValueCodec()
  const writer = new ByteWriter(1 << 20)
  return {
    encode(batch) {
      codec.encodeValues(writer, batch, batch.length)
      return writer.take()
    },
    decode: (bytes) => codec.decodeValues(new ByteReader(bytes), new Array<unknown>(BATCH)),
  }
}

function msgpackr(): Subject {
  const packr = new Packr({ useRecords: true })
  const unpackr = new Unpackr({ useRecords: true })
  return { encode: (batch) => packr.pack(batch), decode: (bytes) => unpackr.unpack(bytes as Buffer) }
}

const records: Readonly<Record<string, { readonly make: (n: number) => unknown; readonly reach: string | null }>> = {
  '{word, n}': { make: (n) => ({ word: textWord(n), n: n % 100 }), reach: '<= 0.35' },
  '{word, n}, rare words': { make: (n) => ({ word: word(1000 + (n % 50_000)), n: n % 100 }), reach: null },
  'six fields': { make: user, reach: '<= 0.50' },
  words: { make: textWord, reach: null },
  'nested, lists': {
    make: (n) => ({ id: n, who: { name: word(n), tags: ['a', word(n % 7)] }, at: n * 1.5 }),
    reach: null,
  },
  'two shapes': {
    make: (n) => (n % 2 ? { type: 'click', x: n, y: n * 2 } : { type: 'view', page: `/${word(n % 300)}`, ms: n * 1.1 }),
    reach: null,
  },
  'long texts': { make: (n) => ({ url: `https://example.org/catalogue/${word(n)}/${n}`, n }), reach: null },
}

/** Nanoseconds per record for one turn of encoding or decoding. */
function turn<T>(batches: readonly T[], work: (batch: T) => unknown, rounds: number): number {
  const from = cpuNs()
  for (let round = 0; round < rounds; round++) work(batches[round % batches.length]!)
  return (cpuNs() - from) / rounds / BATCH
}

function measure(name: string, make: (n: number) => unknown, reach: string | null): Measure[] {
  const batches = Array.from({ length: BATCHES }, (_, b) =>
    Array.from({ length: BATCH }, (_, i) => make(b * BATCH + i)),
  )
  const sides = [columns(), msgpackr()].map((subject) => {
    const encoded = batches.map((batch) => Uint8Array.from(subject.encode(batch)))
    const bytes = encoded.reduce((sum, one) => sum + one.length, 0) / BATCHES / BATCH
    return {
      subject,
      encoded: encoded.map((one) => Buffer.from(one)),
      bytes,
      encode: [] as number[],
      decode: [] as number[],
    }
  })
  for (let pair = -1; pair < PAIRS; pair++) {
    for (const { subject, encoded, encode, decode } of sides) {
      const rounds = pair < 0 ? WARMUP_ROUNDS : ROUNDS
      const [encodeNs, decodeNs] = [turn(batches, subject.encode, rounds), turn(encoded, subject.decode, rounds)]
      if (pair < 0) continue
      encode.push(encodeNs)
      decode.push(decodeNs)
    }
  }
  const [ours, theirs] = sides as [(typeof sides)[0], (typeof sides)[0]]
  const both = (side: typeof ours) => side.encode.map((ns, pair) => ns + side.decode[pair]!)
  return [
    paired(name, 'ns/record', both(ours), both(theirs), reach),
    paired(`${name}: encode`, 'ns/record', ours.encode, theirs.encode, null),
    paired(`${name}: decode`, 'ns/record', ours.decode, theirs.decode, null),
    paired(`${name}: size`, 'bytes/record', [ours.bytes], [theirs.bytes], null),
  ]
}

const measures = Object.entries(records).flatMap(([name, { make, reach }]) => measure(name, make, reach))
print('exchange', measures, process.argv.includes('--json'))
process.exitCode = measures.some((one) => one.holds === false) ? 1 : 0
