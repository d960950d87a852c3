/**
 * What an exchange costs from end to end: records that one worker has gathered, split by owner, written as frames with
 * their checksums, parsed, read, and put into the channels of their owners; of N workers' records one Nth stays where
 * it is. CPU time of both ends together, per record that goes in, in turn with the parts of the way.
 *
 * Not measured: sockets, credit, sessions (`bench/link.ts`), and the steps before and behind.
 */
import { ByteReader, ByteWriter } from '../src/base/bytes.ts'
import { ValueCodec } from '../src/base/codec/values.ts'
import { hashKey } from '../src/base/hash.ts'
import { defaultLimits } from '../src/base/limits.ts'
import type { AggregatePlan } from '../src/dataflow/aggregate-task.ts'
import { type Batch, BatchPool } from '../src/dataflow/batch.ts'
import { Channel, type Outlet } from '../src/dataflow/channel.ts'
import { Combiner } from '../src/dataflow/combiner.ts'
import { KeyExchange } from '../src/dataflow/exchange.ts'
import { BatchCodec } from '../src/protocol/data.ts'
import { beginFrame, endFrame, FrameParser } from '../src/protocol/frame.ts'
import { NEWEST_VERSION } from '../src/protocol/version.ts'
import { cpuNs, textWord, user } from './lib/records.ts'
import { type Measure, print, single } from './lib/report.ts'

const BATCH = 512
const BATCHES = 16
const ROUNDS = 1000
const TURNS = 9
const KEY_GROUPS = 1024
const FRAME_BYTES = 1 << 24

/** How far a batch goes: not at all, to the links, into frames, into the channels of its owners. */
type Way = 'filled' | 'split' | 'written' | 'read'

/** Totals by key: may be added up before they are sent. */
interface Total {
  total: number
}

const totals: AggregatePlan = {
  kind: 'aggregate',
  as: 'aggregate',
  schema: { version: 1 },
  init: () => ({ total: 0 }),
  add: (sum, record) => {
    ;(sum as Total).total += (record as { n: number }).n
  },
  combine: (sum, other) => {
    ;(sum as Total).total += (other as Total).total
  },
  result: (sum) => (sum as Total).total,
  everyMs: 1000,
}

/** Stands for a link and the other worker behind it. */
class Remote implements Outlet {
  recordsTotal = 0
  readonly room = true
  private readonly writer = new ByteWriter()
  private readonly codec = new BatchCodec(new ValueCodec())
  private readonly far = new BatchCodec(new ValueCodec())
  private readonly parser = new FrameParser(FRAME_BYTES)
  private readonly pool: BatchPool
  private readonly channel: Channel
  private readonly way: Way

  constructor(pool: BatchPool, channel: Channel, way: Way) {
    this.pool = pool
    this.channel = channel
    this.way = way
  }

  push(batch: Batch): void {
    if (this.way !== 'split') this.send(batch)
    this.pool.give(batch)
  }

  private send(batch: Batch): void {
    beginFrame(this.writer)
    this.codec.write(this.writer, batch, NEWEST_VERSION)
    const frame = endFrame(this.writer, 1, 1, 0, FRAME_BYTES)
    if (this.way === 'written') return
    this.parser.push(frame, ({ payload }) => {
      const read = this.pool.take()
      this.far.read(new ByteReader(payload), read)
      this.channel.push(read)
    })
  }

  mark(): void {}
}

/** Nanoseconds per record of each part of the way, and of all of it. */
function measure(
  name: string,
  workers: number,
  make: (n: number) => unknown,
  key: (value: never) => string,
  combines = false,
): Measure[] {
  const given = Array.from({ length: BATCHES }, (_, b) => Array.from({ length: BATCH }, (_, i) => make(b * BATCH + i)))
  const ways: readonly Way[] = ['filled', 'split', 'written', 'read']
  const runs = ways.map((way) => path(workers, way, given, key as (value: unknown) => string, combines))
  const turns = Array.from({ length: TURNS + 1 }, () => runs.map((run) => run())).slice(1)
  const part = (of: (ns: readonly number[]) => number) => turns.map((ns) => of(ns))
  return [
    single(
      `${name}, ${workers} workers: all`,
      'ns/record',
      part((ns) => ns[3]! - ns[0]!),
      null,
    ),
    single(
      `${name}, ${workers} workers: split`,
      'ns/record',
      part((ns) => ns[1]! - ns[0]!),
      null,
    ),
    single(
      `${name}, ${workers} workers: write`,
      'ns/record',
      part((ns) => ns[2]! - ns[1]!),
      null,
    ),
    single(
      `${name}, ${workers} workers: read`,
      'ns/record',
      part((ns) => ns[3]! - ns[2]!),
      null,
    ),
  ]
}

/** Makes a turn of batches through an exchange of `workers`; it answers with nanoseconds per record. */
function path(
  workers: number,
  way: Way,
  given: readonly unknown[][],
  key: (value: unknown) => string,
  combines: boolean,
): () => number {
  const pool = new BatchPool(BATCH)
  const channels = Array.from({ length: workers }, (_, id) => new Channel(id, 8))
  const owners = Uint16Array.from({ length: KEY_GROUPS }, (_, group) => group % workers)
  const outlets = channels.map((channel, id) => (id === 0 ? channel : new Remote(pool, channel, way)))
  const shift = Math.clz32(KEY_GROUPS) + 1
  const keyed = new KeyExchange(outlets, { owners, shift }, pool)
  const exchange = combines ? new Combiner(keyed, 'totals', totals, pool, () => {}, defaultLimits.undoBytes) : keyed
  const keys = given.map((batch) => batch.map(key))
  const hashes = keys.map((batch) => batch.map(hashKey))
  return () => {
    const from = cpuNs()
    for (let round = 0; round < ROUNDS; round++) {
      const b = round % BATCHES
      const batch = pool.take()
      fill(batch, given[b]!, keys[b]!, hashes[b]!, round)
      if (way === 'filled') pool.give(batch)
      else exchange.push(batch)
      for (const channel of channels) {
        for (let taken = channel.shift(); taken !== undefined; taken = channel.shift()) pool.give(taken as Batch)
      }
    }
    return (cpuNs() - from) / ROUNDS / BATCH
  }
}

function fill(
  batch: Batch,
  values: readonly unknown[],
  keys: readonly string[],
  hashes: readonly number[],
  round: number,
): void {
  for (let i = 0; i < values.length; i++) {
    batch.values[i] = values[i]
    batch.keys[i] = keys[i]!
    batch.hashes[i] = hashes[i]!
    batch.times[i] = 1.7e12 + round
    batch.splits[i] = 0
    batch.positions[i] = round * BATCH + i
    batch.ordinals[i] = 0
  }
  batch.length = values.length
}

const measures = [2, 3].flatMap((workers) => [
  ...measure(
    '{word, n}',
    workers,
    (n) => ({ word: textWord(n), n: n % 100 }),
    ({ word }: { word: string }) => word,
  ),
  ...measure(
    'totals',
    workers,
    (n) => ({ word: textWord(n), n: n % 100 }),
    ({ word }: { word: string }) => word,
    true,
  ),
  ...measure('six fields', workers, user, ({ user }: { user: string }) => user),
])
print('exchange-path', measures, process.argv.includes('--json'))
