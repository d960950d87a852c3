/** What comes out of each key group, and when: how long each was silent, and when each had new records again. */
import { hashKey, keyGroupOf, shiftOf } from '../../src/base/hash.ts'
import { keyNumberAt, type RowReceiver } from './latency.ts'

/** Rows are counted in pieces of time so long. */
const BUCKET_MS = 100
const BUCKETS_PER_SECOND = 1000 / BUCKET_MS

export class KeyGroups {
  /** All keys, each of another key group than the one before, so that every group has its records evenly. */
  readonly inTurn: readonly string[]
  private readonly count: number
  /** Key number → key group. */
  private readonly groups: Uint16Array
  private readonly lastMs: Float64Array
  private readonly longestMs: Float64Array
  /** When the first row came of a record that was sent after `since`; 0 before. */
  private readonly againMs: Float64Array
  private sinceMicros = Number.POSITIVE_INFINITY
  private startedMs = 0
  private missing = 0
  private waiting: (() => void) | null = null
  private buckets: number[] = []

  constructor(keys: readonly string[], count: number) {
    const shift = shiftOf(count)
    this.count = count
    this.groups = Uint16Array.from(keys, (key) => keyGroupOf(hashKey(key), shift))
    this.inTurn = dealt(keys, this.groups, count)
    this.lastMs = new Float64Array(count)
    this.longestMs = new Float64Array(count)
    this.againMs = new Float64Array(count)
  }

  /** From now on looks at what `receiver` gets. */
  begin(receiver: RowReceiver): void {
    this.startedMs = performance.now()
    this.sinceMicros = this.startedMs * 1000
    this.lastMs.fill(this.startedMs)
    this.longestMs.fill(0)
    this.againMs.fill(0)
    this.buckets = []
    this.missing = this.count
    receiver.take = (number, bytes, at) => this.take(number, keyNumberAt(bytes, at))
  }

  /** Resolves when every group has given a row of a record that was sent after `begin`. */
  async all(): Promise<void> {
    if (this.missing > 0) await new Promise<void>((resolve) => (this.waiting = resolve))
  }

  /** From `begin` until each group gave the row of a newer record, in milliseconds. */
  get again(): readonly number[] {
    return Array.from(this.againMs, (ms) => ms - this.startedMs)
  }

  /** The longest time between two rows of each group since `begin`, what is not over included, in milliseconds. */
  get silences(): readonly number[] {
    const now = performance.now()
    return Array.from(this.longestMs, (ms, group) => Math.max(ms, now - this.lastMs[group]!))
  }

  /** Rows in each second since `begin`, one that begins with every tenth of a second. */
  get seconds(): readonly number[] {
    const whole = Math.floor((performance.now() - this.startedMs) / BUCKET_MS) - BUCKETS_PER_SECOND
    return Array.from({ length: Math.max(0, whole) }, (_, from) => {
      let rows = 0
      for (let i = from; i < from + BUCKETS_PER_SECOND; i++) rows += this.buckets[i] ?? 0
      return rows
    })
  }

  private take(number: number, key: number): void {
    const now = performance.now()
    const group = this.groups[key]!
    const silent = now - this.lastMs[group]!
    if (silent > this.longestMs[group]!) this.longestMs[group] = silent
    this.lastMs[group] = now
    const bucket = Math.floor((now - this.startedMs) / BUCKET_MS)
    this.buckets[bucket] = (this.buckets[bucket] ?? 0) + 1
    if (this.againMs[group] !== 0 || number <= this.sinceMicros) return
    this.againMs[group] = now
    if (--this.missing > 0) return
    this.waiting?.()
    this.waiting = null
  }
}

/** `keys`, one of each group in turn as long as there are any. */
function dealt(keys: readonly string[], groups: Uint16Array, count: number): readonly string[] {
  const byGroup = Array.from({ length: count }, (): string[] => [])
  for (const [n, key] of keys.entries()) byGroup[groups[n]!]!.push(key)
  const longest = Math.max(...byGroup.map(({ length }) => length))
  return Array.from({ length: longest }, (_, row) => byGroup.flatMap((group) => group[row] ?? [])).flat()
}

/** The value that the share `quantile` of all does not exceed. */
export function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1]!
}
