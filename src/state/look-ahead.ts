/**
 * Reads what the next records will need, before they are worked on, so that it stands in the processor's caches by
 * then.
 *
 * With a million keys a record waits for memory some eight times, each time for what it has just found: a slot, the
 * entry, its key, its state, what hangs on it. Record by record these waits add up; read for many records side by side
 * they overlap, because no record waits for another's. That halves the cost of a record (`bench/micro/look-ahead.ts`);
 * where few keys stand in the caches anyway it is in vain, so it begins at `LEAST_KEYS`.
 *
 * A1. It reads and changes nothing, and nothing depends on what it finds: an entry that it takes for a key's may be
 *     another's, and a state of another shape is read in part.
 */
import type { KeyTable } from './key-table.ts'

/**
 * Records that are read ahead together: what they need fits the first cache, and their waits fill the processor's
 * queue.
 */
export const AHEAD = 32
/** From so many keys on it is worth while. */
const LEAST_KEYS = 16_384

const DEPTH_MAX = 3
const FIELDS_MAX = 16

type Read = (state: object) => number
const nothing: Read = () => 0

/** What is read ahead of. */
interface Tables {
  readonly tables: readonly (KeyTable | null)[]
  readonly shift: number
  readonly keys: number
}

export class LookAhead {
  private readonly entries = new Int32Array(AHEAD)
  /** Reads a state of the shape that was met first. */
  private read: Read | null = null
  /** Takes what was read, so that the engine does not leave the reading out. */
  seen = 0

  /**
   * The index up to which records need not be read ahead: that of the first one where it is worth while, else the last.
   */
  begin({ keys }: Tables, from: number, to: number): number {
    return keys < LEAST_KEYS ? to : from
  }

  /** Reads for the records from `from` on; answers where it has ended. */
  next({ tables, shift }: Tables, hashes: Int32Array, from: number, length: number): number {
    const { entries } = this
    const to = Math.min(from + AHEAD, length)
    let seen = 0
    for (let i = from; i < to; i++) {
      const hash = hashes[i]!
      seen += tables[hash >>> shift]?.slot(hash) ?? 0
    }
    for (let i = from; i < to; i++) {
      const hash = hashes[i]!
      const table = tables[hash >>> shift] ?? null
      const entry = table === null ? -1 : table.likely(hash)
      entries[i - from] = entry
      if (entry < 0) continue
      seen += table!.epoch(entry)
      if (table!.key(entry) === undefined || table!.state(entry) === undefined) seen++
    }
    try {
      for (let i = from; i < to; i++) {
        const entry = entries[i - from]!
        if (entry < 0) continue
        const table = tables[hashes[i]! >>> shift]!
        const key = table.key(entry)
        if (typeof key === 'string') seen += key.length
        seen += (this.read ??= readerOf(table.state(entry)))(table.state(entry))
      }
    } catch {
      // A field that is read by code of the user's: what that throws is for who needs the field.
      this.read = nothing
    }
    this.seen = seen | 0
    return to
  }
}

/** Generates the code that reads a state of the shape of `sample`: names enter it only through `JSON.stringify`. */
function readerOf(sample: object): Read {
  const statements: string[] = []
  reading('state', sample, 1, statements)
  return new Function('state', `let seen = 0\n${statements.join('\n')}\nreturn seen`) as Read
}

/** Adds the statements that read the object at `path` and the objects and arrays in it. */
function reading(path: string, sample: object, depth: number, statements: string[]): void {
  const fields = Object.entries(sample)
  // A field of any other object may be code of the user's.
  statements.push(`if (${path}.constructor !== Object) return seen`)
  if (Object.getPrototypeOf(sample) !== Object.prototype || depth > DEPTH_MAX || fields.length > FIELDS_MAX) return
  for (const [name, value] of fields) {
    const field = `v${statements.length}`
    if (typeof value === 'number') statements.push(`if (${path}[${JSON.stringify(name)}] === 0) seen++`)
    if (typeof value !== 'object' || value === null) continue
    statements.push(`const ${field} = ${path}[${JSON.stringify(name)}]`)
    if (Array.isArray(value)) statements.push(`if (Array.isArray(${field}) && ${field}[0] === 0) seen++`)
    else {
      statements.push(`if (typeof ${field} !== 'object' || ${field} === null) return seen`)
      reading(field, value, depth + 1, statements)
    }
  }
}
