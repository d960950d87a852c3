/**
 * The one key hash. Changing it breaks every checkpoint, because key groups are named by it: the test vectors pin it.
 *
 * FNV-1a (Fowler, Noll, Vo) over UTF-16 code units, with the finalizer of MurmurHash3 (Appleby), because plain FNV's
 * high bits are poor on short keys.
 */

/** What may be a key. `1`, `'1'`, `1n` and `true` are four different keys; `NaN` is refused where keys are made. */
export type Key = string | number | bigint | boolean

const SEED = 0x811c9dc5 | 0
const PRIME = 0x01000193

/** Spreads the bits of `h` over all 32 bits. */
function mix(h: number): number {
  h ^= h >>> 16
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2ae35)
  return h ^ (h >>> 16)
}

function hashText(text: string, seed: number): number {
  let h = seed
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), PRIME)
  return mix(h)
}

const double = new Float64Array(1)
const words = new Int32Array(double.buffer)

function hashNumber(value: number): number {
  if ((value | 0) === value) return mix(Math.imul(value ^ SEED, PRIME))
  double[0] = value
  return mix(Math.imul(Math.imul(words[0]! ^ SEED, PRIME) ^ words[1]!, PRIME))
}

/** A signed 32-bit hash of `key`. `-0` and `0` are one key. */
export function hashKey(key: Key): number {
  if (typeof key === 'string') return hashText(key, SEED)
  if (typeof key === 'number') return hashNumber(key)
  if (typeof key === 'bigint') return hashText(key.toString(36), SEED ^ 0x62696769)
  return mix(SEED ^ (key ? 0x74727565 : 0x66616c73))
}

/** The key group of a hash when there are `2 ** (32 - shift)` groups. */
export function keyGroupOf(hash: number, shift: number): number {
  return hash >>> shift
}

/** The shift for `keyGroups`, a power of two from 2 to 65,536. */
export function shiftOf(keyGroups: number): number {
  return Math.clz32(keyGroups) + 1
}
