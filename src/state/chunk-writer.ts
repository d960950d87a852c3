/**
 * Writes a step's chunks: no larger than a slice of background work can bear, with errors that name the key.
 *
 * W1. The number of entries in a chunk follows from the bytes of the ones before: it doubles while they stay small and
 *     is halved when one grows beyond `chunkBytes`. So neither a million counters nor ten large states hold up the
 *     loop.
 */
import { ByteWriter } from '../base/bytes.ts'
import { BYTES_MAX, FORMAT_EXACT, VALUES_MAX } from '../base/codec/format.ts'
import { fail, PotorooError } from '../base/errors.ts'
import type { Key } from '../base/hash.ts'
import type { Limits } from '../base/limits.ts'
import { encodeChunk, Rows } from './chunk.ts'

export type ChunkLimits = Pick<Limits, 'chunkBytes' | 'chunkEntries'>

const FIRST_ENTRIES = 16
/** How much a new chunk counts in the average size of an entry. */
const WEIGHT = 1 / 16

export class ChunkWriter {
  /** Entries that the next chunk may hold (W1). */
  entries: number
  /** Answers with the newest format of chunks that every member knows. */
  formatMax: () => number = () => FORMAT_EXACT
  /** Average bytes of an entry in recent chunks. */
  entryBytes = 0
  private readonly step: string
  private readonly schemaVersion: number
  private readonly limits: ChunkLimits
  private readonly writer = new ByteWriter()

  constructor(step: string, schemaVersion: number, limits: ChunkLimits) {
    this.step = step
    this.schemaVersion = schemaVersion
    this.limits = limits
    this.entries = Math.min(FIRST_ENTRIES, limits.chunkEntries)
  }

  /**
   * Writes `removed` and `rows` as one chunk, or as several where they are too large for one, the removed keys in the
   * first ones. `emit` gets each chunk's bytes, which are its own. Throws `E_STATE_VALUE` or `E_STATE_TOO_LARGE`,
   * naming the key.
   */
  write(removed: readonly Key[], rows: Rows, emit: (bytes: Uint8Array) => void): void {
    const { writer } = this
    const count = rows.keys.length
    if (Math.max(removed.length, count) > VALUES_MAX) return this.halve(removed, rows, emit)
    try {
      encodeChunk(writer, this.schemaVersion, removed, rows, this.formatMax())
    } catch (error) {
      writer.clear()
      if (!(error instanceof PotorooError)) throw error
      if (error.code === 'E_VALUE') throw this.named(error, rows)
      if (error.code !== 'E_BLOCK_TOO_LONG') throw error
      if (removed.length + count <= 1) throw this.tooLarge(removed[0] ?? rows.keys[0]!, error)
      return this.halve(removed, rows, emit)
    }
    const bytes = writer.take()
    if (count > 0) this.learn(count, bytes.length)
    emit(bytes)
  }

  /**
   * Writes as several chunks what is too large for one. A removed key may stand in `rows` too, so that comes behind it.
   */
  private halve(removed: readonly Key[], rows: Rows, emit: (bytes: Uint8Array) => void): void {
    const count = rows.keys.length
    const half = (removed.length || count) >> 1
    if (removed.length > 0 && count > 0) {
      this.write(removed, new Rows(), emit)
      this.write([], rows, emit)
    } else if (removed.length > 0) {
      this.write(removed.slice(0, half), rows, emit)
      this.write(removed.slice(half), rows, emit)
    } else {
      this.write(removed, part(rows, 0, half), emit)
      this.write(removed, part(rows, half, count), emit)
    }
  }

  private learn(count: number, bytes: number): void {
    this.entryBytes += (bytes / count - this.entryBytes) * (this.entryBytes === 0 ? 1 : WEIGHT)
    const { chunkBytes, chunkEntries } = this.limits
    if (bytes > chunkBytes) this.entries = Math.max(1, count >> 1)
    else if (count >= this.entries && bytes * 2 <= chunkBytes) this.entries = Math.min(chunkEntries, this.entries * 2)
  }

  private named(error: PotorooError, rows: Rows): PotorooError {
    const { index, path, got } = error.details
    return fail('E_STATE_VALUE', { step: this.step, key: String(rows.keys[Number(index)]), path, got }, error)
  }

  private tooLarge(key: Key, error: PotorooError): PotorooError {
    return fail('E_STATE_TOO_LARGE', { step: this.step, key: String(key), limit: BYTES_MAX }, error)
  }
}

function part(rows: Rows, start: number, end: number): Rows {
  const cut = new Rows()
  for (let i = start; i < end; i++) {
    cut.keys.push(rows.keys[i]!)
    cut.states.push(rows.states[i]!)
    if (rows.times.length > 0) cut.times.push(rows.times[i]!)
  }
  return cut
}
