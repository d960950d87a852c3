/**
 * The names of splits on a channel between two workers. A batch carries a split as a number of its sender's; the name stands
 * in front of the first batch that has it.
 *
 *     prefix := count varint · (number varint · name text) each
 *
 * P1. A channel's batches arrive once and in order for as long as its generation lasts, so a number is named once.
 * P2. A name counts as sent when its batch has left: one that could not be written names nothing.
 */
import type { ByteReader, ByteWriter } from '../base/bytes.ts'

/** Longest name of a split in bytes: a path, or the names of a source, a producer and its incarnation. */
const NAME_BYTES = 16 << 10

export class SplitNamesWriter {
  private readonly nameOf: (number: number) => string
  /** By number: 1, it was sent. */
  private known = new Uint8Array(64)
  private readonly fresh: number[] = []

  constructor(nameOf: (number: number) => string) {
    this.nameOf = nameOf
  }

  /** Writes the names that `splits[0, length)` need and that were not sent. `sent` or another `write` follows. */
  write(writer: ByteWriter, splits: Float64Array, length: number): void {
    const { fresh } = this
    fresh.length = 0
    let last = -1
    for (let i = 0; i < length; i++) {
      const split = splits[i]!
      // Records of one split mostly stand together.
      if (split === last) continue
      last = split
      if (this.known[split] !== 1 && !fresh.includes(split)) fresh.push(split)
    }
    writer.varint(fresh.length)
    for (const number of fresh) {
      writer.varint(number)
      writer.utf8(this.nameOf(number))
    }
  }

  /** What was written last has left (P2). */
  sent(): void {
    for (const number of this.fresh) {
      if (number >= this.known.length) {
        const more = new Uint8Array(2 * (number + 1))
        more.set(this.known)
        this.known = more
      }
      this.known[number] = 1
    }
    this.fresh.length = 0
  }
}

export class SplitNamesReader {
  private readonly numberOf: (name: string) => number
  /** The sender's numbers to this worker's. */
  private readonly numbers = new Map<number, number>()

  constructor(numberOf: (name: string) => number) {
    this.numberOf = numberOf
  }

  /** Reads the prefix of a batch. */
  read(reader: ByteReader): void {
    const count = reader.count(2)
    for (let i = 0; i < count; i++) {
      const number = reader.varint()
      this.numbers.set(number, this.numberOf(reader.utf8(NAME_BYTES)))
    }
  }

  /** Puts this worker's numbers in the place of the sender's; false where one was never named. */
  translate(splits: Float64Array, length: number): boolean {
    let theirs = -1
    let ours = -1
    for (let i = 0; i < length; i++) {
      if (splits[i] !== theirs) {
        theirs = splits[i]!
        ours = this.numbers.get(theirs) ?? -1
        if (ours < 0) return false
      }
      splits[i] = ours
    }
    return true
  }
}
