/**
 * The names of splits on a channel between two workers. A batch carries a split as a number of its sender's; the name
 * stands in front of the first batch that has it.
 *
 *     prefix := count varint · (number varint · name text) each
 *
 * P1. A channel's batches arrive once and in order for as long as its generation lasts, so a number is named once for
 *     each split that it stands for.
 * P2. A name counts as sent when its batch has left: one that could not be written names nothing.
 * P3. A sender gives a number that it needs no more to another split, and names it again. So what a receiver keeps is
 *     as much as the sender has at a time, however many splits come and go.
 */
import type { ByteReader, ByteWriter } from '../base/bytes.ts'

/** Longest name of a split in bytes: a path, or the names of a source, a producer and its incarnation. */
const NAME_BYTES = 16 << 10

/** A split, as its sender knows it. */
export interface NamedSplit {
  readonly name: string
}

/** A split, as its receiver knows it. */
export interface TakenSplit {
  /** Its number there, for records that are made now. */
  use(): number
}

export class SplitNamesWriter {
  private readonly splitAt: (number: number) => NamedSplit
  /** What each number stands for as far as the receiver knows. */
  private readonly sentAs: (NamedSplit | undefined)[] = []
  private readonly fresh = new Map<number, NamedSplit>()

  /** `splitAt` answers with the same object as long as a number stands for the same split. */
  constructor(splitAt: (number: number) => NamedSplit) {
    this.splitAt = splitAt
  }

  /** Writes the names that `splits[0, length)` need and that were not sent. `sent` or another `write` follows. */
  write(writer: ByteWriter, splits: Float64Array, length: number): void {
    const { fresh, sentAs } = this
    fresh.clear()
    let last = -1
    for (let i = 0; i < length; i++) {
      const number = splits[i]!
      // Records of one split mostly stand together.
      if (number === last) continue
      last = number
      const split = this.splitAt(number)
      if (sentAs[number] !== split) fresh.set(number, split)
    }
    writer.varint(fresh.size)
    for (const [number, { name }] of fresh) {
      writer.varint(number)
      writer.utf8(name)
    }
  }

  /** What was written last has left (P2). */
  sent(): void {
    for (const [number, split] of this.fresh) {
      while (this.sentAs.length <= number) this.sentAs.push(undefined)
      this.sentAs[number] = split
    }
    this.fresh.clear()
  }
}

export class SplitNamesReader {
  private readonly splitOf: (name: string) => TakenSplit
  /** The sender's numbers. */
  private readonly splits = new Map<number, TakenSplit>()

  constructor(splitOf: (name: string) => TakenSplit) {
    this.splitOf = splitOf
  }

  /** Reads the prefix of a batch. */
  read(reader: ByteReader): void {
    const count = reader.count(2)
    for (let i = 0; i < count; i++) {
      const number = reader.varint()
      this.splits.set(number, this.splitOf(reader.utf8(NAME_BYTES)))
    }
  }

  /** Puts this worker's numbers in the place of the sender's; false where one was never named. */
  translate(splits: Float64Array, length: number): boolean {
    let theirs = -1
    let ours = -1
    for (let i = 0; i < length; i++) {
      if (splits[i] !== theirs) {
        theirs = splits[i]!
        const split = this.splits.get(theirs)
        if (split === undefined) return false
        ours = split.use()
      }
      splits[i] = ours
    }
    return true
  }
}
