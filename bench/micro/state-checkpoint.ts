/**
 * What a checkpoint costs the loop that goes on beside it: the freeze, the longest slice, memory; and the way back.
 *
 *     npx node bench/micro/state-checkpoint.ts [--json]
 *
 * A million counters in 1024 key groups. While an epoch that changed all of them is written, records draw keys evenly,
 * 512 between two slices of up to 5 ms.
 *
 * Not measured: the disk; states larger than a counter with a nested object; what a record costs beside a write, for
 * which the thread's clock is too coarse.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { hashKey, shiftOf } from '../../src/base/hash.ts'
import { KeyedStore } from '../../src/state/keyed-store.ts'
import { Loading } from '../../src/state/loading.ts'
import { type Measure, print, single } from '../lib/report.ts'

const KEY_GROUPS = 1024
const KEYS = 1_000_000
const BATCH = 512
const SLICE_MS = 5
const ROUNDS = 3

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** CPU milliseconds of this thread: other processes on the machine do not count. */
function now(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

interface State {
  total: number
  last: { at: number; by: string }
}

const shift = shiftOf(KEY_GROUPS)
const options = { step: 'count', keyGroups: KEY_GROUPS, shift, timed: false, schemaVersion: 1 }

function heapBytes(): number {
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

const names = Array.from({ length: KEYS }, (_, n) => `user-${((n * 7919) % 10_000_019).toString(36).padStart(5, '0')}`)
const hashes = Int32Array.from(names, hashKey)
const store = new KeyedStore(options)

let seed = 12345
function record(): void {
  seed ^= seed << 13
  seed ^= seed >>> 17
  seed ^= seed << 5
  const n = (seed >>> 0) % KEYS
  const hash = hashes[n]!
  const table = store.table(hash)
  const entry = table.find(hash, names[n]!)
  if (table.epoch(entry) !== store.epoch) store.touch(table, entry)
  ;(table.state(entry) as State).total++
}

function batch(): void {
  for (let i = 0; i < BATCH; i++) record()
}

function changeAll(): void {
  for (let n = 0; n < KEYS; n++) {
    const table = store.table(hashes[n]!)
    const entry = table.find(hashes[n]!, names[n]!)
    if (table.epoch(entry) !== store.epoch) store.touch(table, entry)
  }
}

function run(): Measure[] {
  for (let n = 0; n < KEYS; n++) {
    const hash = hashes[n]!
    store.insert(store.table(hash), hash, names[n]!, { total: n, last: { at: n, by: 'x' } })
  }
  const chunks: [keyGroup: number, bytes: Buffer][] = []
  const freezes: number[] = []
  const completions: number[] = []
  const slices: number[] = []
  const perEntry: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    if (round > 0) changeAll()
    let begun = performance.now()
    const frozen = store.freeze([])
    freezes.push(performance.now() - begun)
    let written = 0
    for (let done = false; !done; ) {
      batch()
      begun = now()
      done = frozen.write(
        () => now() - begun < SLICE_MS,
        (keyGroup, _, bytes) => {
          if (round === 0) chunks.push([keyGroup, Buffer.from(bytes)])
        },
      )
      slices.push(now() - begun)
      written += slices.at(-1)!
    }
    perEntry.push((written * 1e6) / frozen.entries)
    begun = now()
    store.complete()
    completions.push(now() - begun)
  }
  // The worst that can happen to a freeze: every key changes before anything is written.
  changeAll()
  const before = heapBytes()
  const frozen = store.freeze([])
  changeAll()
  const worst = heapBytes() - before
  while (
    !frozen.write(
      () => true,
      () => {},
    )
  );
  store.complete()

  const loading = new Loading({ migrate: undefined })
  for (const [keyGroup, bytes] of chunks) loading.add(keyGroup, bytes)
  const restored = new KeyedStore(options)
  restored.restore(loading)
  let begun = now()
  restored.table(hashes[0]!).find(hashes[0]!, names[0]!)
  const first = now() - begun
  begun = now()
  while (restored.loadNext());
  const rest = now() - begun
  return [
    single('freeze', 'ms', freezes, '<= 1'),
    single('complete', 'ms', completions, null),
    single('longest slice', 'ms', [Math.max(...slices)], null),
    single('write, per entry', 'ns', perEntry, null),
    single('kept when all change at once', 'B/key', [worst / KEYS], '<= 128'),
    single('restore, first key', 'ms', [first], null),
    single('restore, per key', 'ns', [(rest * 1e6) / restored.keys], null),
  ]
}

print('state-checkpoint', run(), process.argv.includes('--json'))
