/**
 * Memory per key beyond a bare `Map` of the same keys and states, which any program would need.
 *
 * A million counters in 1024 key groups, in this process, after forced collections. Then a checkpoint: every key has
 * changed and is being written while records change keys again, the old values of which are kept. `at worst` all keys
 * change before anything is written. A worker's resident memory is told for comparison: it has the runtime, buffers and
 * room that the collector has not given back.
 *
 * Not measured: states larger than a counter, which both sides would need.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { hashKey, type Key, shiftOf } from '../src/base/hash.ts'
import { KeyedStore } from '../src/state/keyed-store.ts'
import { keyOf } from './lib/latency.ts'
import { bench } from './lib/main.ts'
import { type Measure, single } from './lib/report.ts'
import { Stage } from './lib/stage.ts'

const KEYS = 1_000_000
const KEY_GROUPS = 1024
/** Records between two slices of a checkpoint, as on a busy worker, and chunks in a slice. */
const SLICE_RECORDS = 2048
const SLICE_CHUNKS = 4
/** Slices between two looks at the memory, which cost a collection each. */
const LOOK_SLICES = 16

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

interface State {
  total: number
}

function usedBytes(): number {
  collect()
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

const shift = shiftOf(KEY_GROUPS)
const keys = Array.from({ length: KEYS }, (_, n) => keyOf(n))
const hashes = Int32Array.from(keys, hashKey)
const states: State[] = keys.map(() => ({ total: 0 }))

/** Bytes per key of `make`'s result. */
function bytesOf<T>(make: () => T): { readonly made: T; readonly perKey: number } {
  const before = usedBytes()
  const made = make()
  return { made, perKey: (usedBytes() - before) / KEYS }
}

function bareMaps(): Map<Key, object>[] {
  const maps = Array.from({ length: KEY_GROUPS }, () => new Map<Key, object>())
  // The keys as their own strings, as the store keeps them.
  for (let n = 0; n < KEYS; n++) maps[hashes[n]! >>> shift]!.set(copyOf(keys[n]!), states[n]!)
  return maps
}

function filledStore(timed: boolean): KeyedStore {
  const store = new KeyedStore({ step: 'count', keyGroups: KEY_GROUPS, shift, timed, schemaVersion: 1 })
  for (let n = 0; n < KEYS; n++) {
    const hash = hashes[n]!
    store.insert(store.table(hash), hash, copyOf(keys[n]!), states[n]!)
  }
  return store
}

/** A string of its own, as a decoder cuts it. */
function copyOf(key: string): string {
  return Buffer.from(key).toString('latin1')
}

function change(store: KeyedStore, n: number): void {
  const table = store.table(hashes[n]!)
  const entry = table.find(hashes[n]!, keys[n]!)
  if (table.epoch(entry) !== store.epoch) store.touch(table, entry)
  ;(table.state(entry) as State).total++
}

function changeAll(store: KeyedStore): void {
  for (let n = 0; n < KEYS; n++) change(store, n)
}

/** Memory per key that a checkpoint of all keys takes at its peak, beyond what the store took before. */
function checkpointPeak(store: KeyedStore, changedFirst: boolean): number {
  changeAll(store)
  const before = usedBytes()
  const frozen = store.freeze([])
  if (changedFirst) changeAll(store)
  let peak = usedBytes()
  let at = 0
  for (let slice = 0, done = false; !done; slice++) {
    for (let i = 0; i < SLICE_RECORDS; i++) change(store, (at += 611_953) % KEYS)
    let chunks = SLICE_CHUNKS
    // What is written is the disk's: the pack's queue has a bound of its own, `packQueueBytes`.
    done = frozen.write(
      () => --chunks > 0,
      () => {},
    )
    if (slice % LOOK_SLICES === 0) peak = Math.max(peak, usedBytes())
  }
  store.complete()
  return (peak - before) / KEYS
}

/** Resident bytes per key of a worker with as many keys, of rather larger states. */
async function workerBytes(): Promise<number> {
  const stage = await Stage.open('bench/pipelines/sequence-window.ts')
  const subject = await stage.start({ ready: /listens on/ })
  try {
    const empty = subject.residentBytes()
    const client = await stage.producer(KEYS)
    await client.flush('stable')
    client.close()
    return (subject.residentBytes() - empty) / KEYS
  } finally {
    await subject.stop()
    stage.close()
  }
}

async function run(): Promise<Measure[]> {
  const bare = bytesOf(bareMaps)
  const plain = bytesOf(() => filledStore(false))
  const timed = bytesOf(() => filledStore(true))
  if (bare.made.length !== KEY_GROUPS || timed.made.keys !== KEYS) throw new Error('something is gone')
  const over = plain.perKey - bare.perKey
  return [
    single('a bare map', 'B/key', [bare.perKey], null),
    single('beyond a bare map', 'B/key', [over], '<= 64'),
    single('beyond it, with TTL', 'B/key', [timed.perKey - bare.perKey], '<= 80'),
    single('beyond it, in a checkpoint', 'B/key', [over + checkpointPeak(plain.made, false)], '<= 128'),
    single('beyond it, at worst', 'B/key', [over + checkpointPeak(plain.made, true)], '<= 128'),
    single('resident, in a worker', 'B/key', [await workerBytes()], null),
  ]
}

await bench('memory', run)
