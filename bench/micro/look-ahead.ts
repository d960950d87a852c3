/**
 * What it saves to read ahead of a stateful step (`state/look-ahead.ts`): the loop of `dataflow/keyed-task.ts` without
 * what stands around it, with and without, in turn. Keys are fresh substrings, drawn evenly; a state is an object with
 * an array.
 *
 *     npx node bench/micro/look-ahead.ts [--json]
 *
 * Not measured: skewed keys, which stay in the caches; other states.
 */
import { hashKey, shiftOf } from '../../src/base/hash.ts'
import { KeyedStore } from '../../src/state/keyed-store.ts'
import { keyOf } from '../lib/latency.ts'
import { type Measure, paired, print } from '../lib/report.ts'

const KEY_GROUPS = 1024
const BATCH = 512
const BATCHES = 400
const ROUNDS = 9
const KEY_LENGTH = keyOf(0).length

interface State {
  readonly last: number[]
}

let x = 12345
function draw(count: number): number {
  x ^= x << 13
  x ^= x >>> 17
  x ^= x << 5
  return (x >>> 0) % count
}

function filled(keys: number): KeyedStore {
  const shift = shiftOf(KEY_GROUPS)
  const store = new KeyedStore({ step: 'window', keyGroups: KEY_GROUPS, shift, timed: false, schemaVersion: 1 })
  for (let n = 0; n < keys; n++) {
    const hash = hashKey(keyOf(n))
    store.insert(store.table(hash), hash, keyOf(n), { last: [0, 0, 0, 0] })
  }
  return store
}

/** One batch through the loop. */
function work(store: KeyedStore, keys: readonly string[], hashes: Int32Array, ahead: boolean): void {
  const { tables, shift, epoch, copier, lookAhead } = store
  let read = ahead ? lookAhead.begin(store, 0, keys.length) : keys.length
  for (let i = 0; i < keys.length; i++) {
    if (i === read) read = lookAhead.next(store, hashes, i, keys.length)
    const table = tables[hashes[i]! >>> shift]!
    const entry = table.find(hashes[i]!, keys[i]!)
    if (table.epoch(entry) !== epoch) store.touch(table, entry)
    copier.guard(table.state(entry))
    const { last } = table.state(entry) as State
    last.shift()
    last.push(i)
  }
}

/** Nanoseconds per record. */
function round(store: KeyedStore, count: number, ahead: boolean): number {
  const hashes = new Int32Array(BATCH)
  let ms = 0
  for (let b = 0; b < BATCHES; b++) {
    const text = Array.from({ length: BATCH }, () => keyOf(draw(count))).join('')
    const keys = Array.from({ length: BATCH }, (_, i) => text.substring(i * KEY_LENGTH, (i + 1) * KEY_LENGTH))
    keys.forEach((key, i) => {
      hashes[i] = hashKey(key)
    })
    const started = performance.now()
    work(store, keys, hashes, ahead)
    ms += performance.now() - started
  }
  return (ms * 1e6) / (BATCHES * BATCH)
}

function measure(count: number): Measure {
  const store = filled(count)
  const [ahead, not]: [number[], number[]] = [[], []]
  for (let n = -1; n < ROUNDS; n++) {
    const [one, other] = [round(store, count, true), round(store, count, false)]
    // The first round warms up.
    if (n < 0) continue
    ahead.push(one)
    not.push(other)
  }
  return paired(`reading ahead, ${count} keys`, 'ns/record', ahead, not, null)
}

print('look-ahead', [1000, 20_000, 100_000, 1_000_000].map(measure), process.argv.includes('--json'))
