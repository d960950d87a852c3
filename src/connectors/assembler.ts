/**
 * Puts the records of one byte stream together from chunks that were cut anywhere.
 *
 * A1. Every record is handed over once and in order, whatever the chunks.
 * A2. A byte is copied only when it belongs to a record that spans chunks, or stands within `PROBE` bytes behind one.
 * A3. What is kept between two chunks is less than one record and its frame, which the framing bounds
 *     (`model/framing.ts`, G2).
 */
import { PotorooError } from '../base/errors.ts'
import { Cuts, type Framing, type Look } from '../model/connector.ts'

/** Bytes behind an unfinished record that are copied to finish it; doubled until it is whole. */
const PROBE = 4096
/** A carry buffer that has grown beyond this is given back when it is empty. */
const KEEP = 64 << 10

/** Takes complete records; the bytes are only valid during the call. */
export type TakeRecords = (bytes: Buffer, cuts: Cuts) => void

export class Assembler {
  private readonly framing: Framing
  private readonly recordBytes: number
  private readonly hand: TakeRecords
  /** The byte that ends every record, or -1: a chunk without it completes nothing, so it need not be scanned. */
  private readonly mark: number
  private readonly cuts: Cuts
  private carry: Buffer = Buffer.alloc(0)
  private kept = 0
  /** How far the framing has looked into the record that is not complete. */
  private readonly look: Look = { bytes: 0, quoted: false }

  /** `cuts`: room for the records of one chunk, which others may share. */
  constructor(framing: Framing, recordBytes: number, hand: TakeRecords, cuts: Cuts = new Cuts()) {
    this.framing = framing
    this.cuts = cuts
    this.recordBytes = recordBytes
    this.hand = hand
    const { suffix } = framing
    this.mark = suffix !== null && suffix.length === 1 && suffix.charCodeAt(0) < 0x80 ? suffix.charCodeAt(0) : -1
  }

  /** Bytes of the record that is not complete yet. */
  get pending(): number {
    return this.kept
  }

  /**
   * Takes the next bytes of the stream. Throws what the framing throws on bytes that are no record; the records in
   * front of them have been handed over.
   */
  push(chunk: Buffer): void {
    const from = this.kept === 0 ? 0 : this.complete(chunk)
    if (from === chunk.length) return
    const end = this.scan(chunk, from, chunk.length)
    if (end < chunk.length) this.keep(chunk, end, chunk.length)
  }

  /**
   * The stream has ended. False when what is left is part of a record, which is dropped. Throws what the framing
   * throws.
   */
  finish(): boolean {
    const { kept } = this
    this.forget()
    if (kept === 0) return true
    try {
      return this.framing.finish(this.carry, 0, kept, this.cuts, this.recordBytes)
    } finally {
      this.emit(this.carry)
    }
  }

  /** Ends the stream, which people call `what`; answers what is wrong with its end, or `null`. */
  end(what: string): string | null {
    const { kept } = this
    try {
      return this.finish() ? null : `${what} ended inside a record, of which ${kept} bytes had come`
    } catch (error) {
      if (!(error instanceof PotorooError)) throw error
      return error.message
    }
  }

  /** The bytes of the record that is not complete yet, which the assembler then knows nothing of. */
  take(): Buffer {
    const left = Buffer.from(this.carry.subarray(0, this.kept))
    this.forget()
    return left
  }

  private forget(): void {
    this.kept = 0
    this.look.bytes = 0
    this.look.quoted = false
  }

  /** Finishes the record that the last chunk began; answers where in `chunk` the next one begins. */
  private complete(chunk: Buffer): number {
    let taken = 0
    for (let probe = PROBE; taken < chunk.length; probe *= 2) {
      const before = this.kept
      const next = Math.min(taken + probe, chunk.length)
      this.keep(chunk, taken, next)
      const hopeless =
        this.mark >= 0 && this.kept <= this.recordBytes && !chunk.subarray(taken, next).includes(this.mark)
      const end = hopeless ? 0 : this.scan(this.carry, 0, this.kept)
      if (end > before) {
        this.kept = 0
        if (this.carry.length > KEEP) this.carry = Buffer.alloc(0)
        return taken + (end - before)
      }
      // A framing that looks ahead may end its record in front of the bytes that told it so.
      if (end > 0) this.carry.copyWithin(0, end, this.kept)
      this.kept -= end
      taken = next
    }
    return taken
  }

  private scan(bytes: Buffer, start: number, end: number): number {
    try {
      return this.framing.scan(bytes, start, end, this.cuts, this.recordBytes, this.look)
    } finally {
      this.emit(bytes)
    }
  }

  private emit(bytes: Buffer): void {
    const { cuts } = this
    if (cuts.count > 0) this.hand(bytes, cuts)
    cuts.count = 0
  }

  private keep(chunk: Buffer, start: number, end: number): void {
    const length = end - start
    if (this.kept + length > this.carry.length) {
      // Kept as long as the connection: out of the common pool it would keep a whole block of that.
      const grown = Buffer.allocUnsafeSlow(Math.max(1024, 2 * (this.kept + length)))
      this.carry.copy(grown, 0, 0, this.kept)
      this.carry = grown
    }
    chunk.copy(this.carry, this.kept, start, end)
    this.kept += length
  }
}
