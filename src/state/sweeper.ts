/**
 * Forgets keys that no record has touched for their time to live (PROTOCOLS 14).
 *
 * L1. Only record times are compared: the greatest that an entry has seen, and the least that every live split has
 *     passed. So a stop, or one clock of several that is ahead, sweeps nothing early; what all clocks have passed is
 *     over. A key whose time is not known, because the step had no time to live when it was written, begins to age now.
 * L2. A round looks at one key group at a time; the next round begins no earlier than a tenth of the time to live
 *     later.
 * L3. A key is over for the next record that comes, by the time of that one (`isOver`), but goes a tenth of the time to
 *     live after that: the records of a stream that has changed hands come behind later ones, and are to find what they
 *     would have found in time.
 * L4. A key that its step still needs (`isNeeded`) stays until a later round.
 */
import type { KeyTable } from './key-table.ts'
import type { KeyedStore } from './keyed-store.ts'

/** The time of an entry restored from a checkpoint of the step when it had no time to live. */
const UNKNOWN = -Infinity
/** Between two rounds, and until a key that is over goes, as a share of the time to live (L2, L3). */
const SLACK = 0.1

export class Sweeper {
  private readonly store: KeyedStore
  private readonly ttlMs: number
  private readonly isNeeded: (table: KeyTable, entry: number) => boolean
  /** Event time has risen to this. */
  private time = -Infinity
  /** What the round under way compares with. */
  private before = -Infinity
  private nextRound = -Number.MAX_VALUE
  /** The next key group of the round; none is under way at the end. */
  private group: number
  /** Keys forgotten so far. */
  expired = 0

  constructor(store: KeyedStore, ttlMs: number, isNeeded: (table: KeyTable, entry: number) => boolean = () => false) {
    this.store = store
    this.ttlMs = ttlMs
    this.isNeeded = isNeeded
    this.group = store.tables.length
  }

  /**
   * Every live split has passed `time`. Where that is less than before, a clock was set back: what its records touch
   * now is not older than it was, and the next round does not wait until the clock is where it has been.
   */
  rise(time: number): void {
    this.time = time
    this.before = Math.min(this.before, time - this.ttlMs * (1 + SLACK))
    this.nextRound = Math.min(this.nextRound, time + this.ttlMs * SLACK)
  }

  /** Whether an entry last touched at `seen` is over for a record of `time`. */
  isOver(seen: number, time: number): boolean {
    return time - seen > this.ttlMs && seen !== UNKNOWN
  }

  /** Sweeps the next key group; false when there is nothing to do until time has risen. */
  next(): boolean {
    const { tables } = this.store
    if (this.group === tables.length) {
      if (this.time < this.nextRound) return false
      this.before = this.time - this.ttlMs * (1 + SLACK)
      this.nextRound = this.time + this.ttlMs * SLACK
      this.group = 0
    }
    this.sweep(this.group++)
    return this.group < tables.length || this.time >= this.nextRound
  }

  private sweep(group: number): void {
    const { store, before } = this
    const table = store.tables[group]
    if (!table || table.times === null) return
    for (let entry = 0; entry < table.top; entry++) {
      if (table.key(entry) === undefined || table.times[entry]! >= before) continue
      if (table.times[entry] === UNKNOWN) {
        table.times[entry] = this.time
        continue
      }
      if (this.isNeeded(table, entry)) continue
      store.remove(table, entry)
      this.expired++
    }
  }
}
