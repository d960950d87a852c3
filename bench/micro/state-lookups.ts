/**
 * Look-ups and memory of the key table against a `Map` of entry objects per key group, in one run.
 *
 *     npx node bench/micro/state-lookups.ts [--json]
 *
 * Keys are fresh substrings of a block, as a decoder cuts them, drawn evenly; each look-up counts in the state it finds
 * and marks the entry as changed. Memory is what a key takes besides its state and its text, which both sides need.
 *
 * Not measured: skewed keys, which stay in the processor's caches and make both faster; inserting and removing.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { hashKey, shiftOf } from '../../src/base/hash.ts'
import { KeyedStore } from '../../src/state/keyed-store.ts'
import { type Measure, paired, print, single } from '../lib/report.ts'

const KEY_GROUPS = 1024
const BLOCKS = 100
const BLOCK_KEYS = 512
const ROUNDS = 5

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

interface Entry {
  state: { total: number }
  epoch: number
}

function nameOf(n: number): string {
  return `user-${((n * 7919) % 10_000_019).toString(36).padStart(5, '0')}`
}

function heapBytes(): number {
  collect()
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** CPU nanoseconds of this thread for each of `count` times. */
function cost(count: number, work: () => void): number {
  const begun = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(begun)
  return ((user + system) * 1000) / count
}

function blocks(keys: number): string[] {
  let x = 12345
  const draw = () => {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    return (x >>> 0) % keys
  }
  const block = () => Array.from({ length: BLOCK_KEYS }, () => nameOf(draw())).join('\n')
  return Array.from({ length: BLOCKS }, block)
}

function eachKey(block: string, visit: (key: string) => void): void {
  for (let start = 0; start < block.length; ) {
    let end = block.indexOf('\n', start)
    if (end < 0) end = block.length
    visit(block.substring(start, end))
    start = end + 1
  }
}

function measure(keys: number): Measure[] {
  const shift = shiftOf(KEY_GROUPS)
  const states = Array.from({ length: keys }, () => ({ total: 0 }))
  const names = Array.from({ length: keys }, (_, n) => nameOf(n))
  const empty = heapBytes()

  const maps = Array.from({ length: KEY_GROUPS }, () => new Map<string, Entry>())
  for (let n = 0; n < keys; n++) maps[hashKey(names[n]!) >>> shift]!.set(names[n]!, { state: states[n]!, epoch: 0 })
  const withMaps = heapBytes()
  const bare = Array.from({ length: KEY_GROUPS }, () => new Map<string, object>())
  for (let n = 0; n < keys; n++) bare[hashKey(names[n]!) >>> shift]!.set(names[n]!, states[n]!)
  const withBare = heapBytes()

  const store = new KeyedStore({ step: 'count', keyGroups: KEY_GROUPS, shift, timed: false, schemaVersion: 1 })
  for (let n = 0; n < keys; n++) {
    const hash = hashKey(names[n]!)
    store.insert(store.table(hash), hash, names[n]!, states[n]!)
  }
  const withStore = heapBytes()
  // Both are alive until here, so that the difference is what they take.
  if (bare.length + maps.length !== 2 * KEY_GROUPS) throw new Error('the maps are gone')

  const texts = blocks(keys)
  const byStore = (block: string) =>
    eachKey(block, (key) => {
      const hash = hashKey(key)
      const table = store.table(hash)
      const entry = table.find(hash, key)
      if (table.epoch(entry) !== store.epoch) store.touch(table, entry)
      ;(table.state(entry) as { total: number }).total++
    })
  const byMaps = (block: string) =>
    eachKey(block, (key) => {
      const entry = maps[hashKey(key) >>> shift]!.get(key)!
      entry.epoch = 1
      entry.state.total++
    })
  const engine: number[] = []
  const reference: number[] = []
  for (let round = -1; round < ROUNDS; round++) {
    const ours = cost(BLOCKS * BLOCK_KEYS, () => texts.forEach(byStore))
    const theirs = cost(BLOCKS * BLOCK_KEYS, () => texts.forEach(byMaps))
    // The first round warms up.
    if (round < 0) continue
    engine.push(ours)
    reference.push(theirs)
  }
  const size = `${keys / 1000}k keys`
  const mapBytes = (withBare - withMaps) / keys
  const over = (withStore - withBare) / keys - mapBytes
  return [
    paired(`look-up, ${size}`, 'ns', engine, reference, '<= 1'),
    single(`a bare map's bytes, ${size}`, 'B/key', [mapBytes], null),
    single(`a map's with entries, ${size}`, 'B/key', [(withMaps - empty) / keys], null),
    single(`table over bare map, ${size}`, 'B/key', [over], '<= 64'),
  ]
}

print('state-lookups', [...measure(50_000), ...measure(1_000_000)], process.argv.includes('--json'))
