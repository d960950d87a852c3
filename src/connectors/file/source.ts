/**
 * Reads the records of a file, once or for as long as it grows.
 *
 * L1. The position of a record is the offset of its first byte; where a followed file was rotated, offsets go on from
 *     the length of the file before. So positions rise, and the same bytes always have the same position.
 * L2. A reader resumes at the beginning of a frame at or before the position, and passes over what was handed over
 *     already: a record's position does not say where its frame begins.
 * L3. Bytes that are no record stop the source: behind them nothing says where the next record begins. A fragment at a
 *     file's end goes to the dead letters.
 * L4. Behind a file that was cut nothing tells it from the next one, which may be longer by then: whoever goes on
 *     begins with whatever is there. Behind one that was rotated away its first bytes still tell which came after it.
 * L5. What was read to its end, and is not followed, may be taken away.
 */
import { fail } from '../../base/errors.ts'
import { reasonOf } from '../../base/reason.ts'
import { Cuts, type SourceDescription } from '../../model/connector.ts'
import type { Context, Into, Place, ReplayableReader, ReplayableSource, SourceStatus } from '../connector.ts'
import type { FileSourceSettings } from './describe.ts'
import { diskFault } from './fault.ts'
import { findFiles, plainPath } from './find.ts'
import { isMark } from './owner.ts'
import { isPending } from './segment.ts'
import { NOTHING } from './succession.ts'
import { Tail } from './tail.ts'

const NO_BYTES = Buffer.alloc(0)
/** Files that are read at a time where each has an end: every one has a block in memory, and one ahead. */
const FILES_AT_ONCE = 64

export const fileSourceConnector: ReplayableSource = {
  family: 'replayable',
  kind: 'file',
  splits(description, context, found) {
    const { path } = description.settings as FileSourceSettings
    // What another pipeline has not committed is no file yet.
    const isWanted = (name: string): boolean => !isPending(name) && !isMark(name)
    findFiles(context.env.disk, path, isWanted, (error, files) => {
      if (error === null) found(null, files)
      else found(diskFault('find', error), [])
    })
  },
  nameOf: plainPath,
  atOnce: (description) => ((description.settings as FileSourceSettings).follow ? Infinity : FILES_AT_ONCE),
  open: (description, split, place, context) => new FileReader(description, split, place, context),
}

interface FilePlace extends Place {
  /** What L1 adds to the offsets in this file. */
  readonly base: number
  /** L5; absent where it was not read to its end. */
  readonly whole?: true
  /** The frame's beginning at or before the position, as an offset in this file. */
  readonly frame: number
  readonly headBytes: number
  readonly headCrc: number
  /** The file's number on its volume; absent where it is not known, as in places of old. */
  readonly inode?: string
}

class FileReader implements ReplayableReader {
  readonly status: SourceStatus = { connections: 0, accepted: 0, refused: 0, expelled: 0, bytes: 0, records: 0 }
  private readonly description: SourceDescription<unknown>
  private readonly context: Context
  private readonly path: string
  private readonly follow: boolean
  private readonly tail: Tail
  private base = 0
  /** Bytes of the file from offset `blockAt` on, where a frame begins; records were cut up to `scanned`. */
  private block: Buffer = NO_BYTES
  private blockAt = 0
  private scanned = 0
  private readonly cuts = new Cuts()
  private cursor = 0
  /** Records in front of this position were handed over before. */
  private resumeAt = 0
  /** What the framing says of the bytes behind the last record. */
  private fault: unknown = null
  private stopped = false
  private ended = false
  private whole = false
  /** Where the file before ended, until the first bytes of the next one are there: it could not be known again yet. */
  private crossing: FilePlace | null = null

  constructor(description: SourceDescription<unknown>, path: string, place: Place | null, context: Context) {
    this.description = description
    this.context = context
    this.path = path
    this.follow = (description.settings as FileSourceSettings).follow
    if (place === null) {
      this.tail = new Tail(path, this.follow, null, context)
      return
    }
    const { position, base, frame, headBytes, headCrc, inode, whole = false } = place as FilePlace
    this.base = base
    this.blockAt = frame
    this.resumeAt = position
    const head = { bytes: headBytes, crc: headCrc, ...(inode === undefined ? {} : { inode }) }
    this.tail = new Tail(path, this.follow, { head, at: frame, whole }, context)
  }

  poll(into: Into, max: number): 'more' | 'idle' | 'ended' {
    let left = max
    if (this.stopped) return 'idle'
    while (!this.ended) {
      left = this.handOver(into, left)
      if (left === 0) return 'more'
      if (this.fault !== null) return this.stop()
      this.letGo()
      const block = this.tail.take()
      if (block !== null) {
        if (this.crossing !== null) this.cross()
        this.extend(block)
      } else if (this.tail.ended) this.finish(into)
      else return 'idle'
    }
    return 'ended'
  }

  place(): FilePlace {
    if (this.crossing !== null) return this.crossing
    const { base, block, blockAt, cuts, cursor, scanned } = this
    const frame = cursor < cuts.count ? blockAt : blockAt + scanned
    const position = Math.max(base + (cursor < cuts.count ? blockAt + cuts.starts[cursor]! : frame), this.resumeAt)
    // L4
    const behind = this.tail.cut && cursor === cuts.count && scanned === block.length
    const { bytes, crc, inode } = behind ? NOTHING : this.tail.head
    const place = {
      position,
      base: behind ? base + frame : base,
      frame: behind ? 0 : frame,
      headBytes: bytes,
      headCrc: crc,
      ...(inode === undefined ? {} : { inode }),
    }
    return this.whole ? { ...place, whole: true } : place
  }

  close(): void {
    this.ended = true
    this.tail.close()
  }

  /** Hands over up to `left` records that are cut; answers how many more are wanted. */
  private handOver(into: Into, left: number): number {
    const { block, cuts, description, status } = this
    const { decoder } = description
    const base = this.base + this.blockAt
    const stop = Math.min(cuts.count, this.cursor + left)
    for (let i = this.cursor; i < stop; i++) {
      const start = cuts.starts[i]!
      const end = cuts.ends[i]!
      let value: unknown
      try {
        value = decoder.decode(block, start, end)
      } catch (error) {
        into.failed(block.subarray(start, end), base + start, error)
        continue
      }
      into.push(value, base + start)
    }
    const handed = stop - this.cursor
    this.cursor = stop
    status.records += handed
    return left - handed
  }

  /** Keeps no block of which all was handed over: a followed file may be quiet for days. */
  private letGo(): void {
    const { block, scanned, cuts } = this
    if (scanned < block.length || this.cursor < cuts.count) return
    this.blockAt += scanned
    this.block = NO_BYTES
    this.scanned = 0
    cuts.count = 0
    this.cursor = 0
  }

  /** Puts `bytes` behind what is left of the block and cuts them into records. */
  private extend(bytes: Buffer): void {
    this.status.bytes += bytes.length
    const rest = this.block.subarray(this.scanned)
    this.blockAt += this.scanned
    this.block = rest.length === 0 ? bytes : Buffer.concat([rest, bytes])
    this.cut((framing, cuts) => {
      this.scanned = 0
      this.scanned = framing.scan(this.block, 0, this.block.length, cuts, this.context.limits.recordBytes)
    })
  }

  /** The file has ended: what is left is its last record or a fragment. */
  private finish(into: Into): void {
    const { block, scanned } = this
    if (scanned < block.length) {
      let whole = false
      this.cut((framing, cuts) => {
        whole = framing.finish(block, scanned, block.length, cuts, this.context.limits.recordBytes)
      })
      if (this.fault !== null) return
      if (!whole) {
        const error = fail('E_FILE_FRAGMENT', { path: this.path, bytes: block.length - scanned })
        into.failed(block.subarray(scanned), this.base + this.blockAt + scanned, error)
      }
      this.scanned = block.length
      return
    }
    if (!this.follow) {
      // Other files of the source may be read for long, or there may be thousands of them.
      this.close()
      this.whole = true
      return
    }
    this.crossing = this.place()
    this.tail.next()
  }

  /** Begins with the next file. */
  private cross(): void {
    this.crossing = null
    this.base += this.blockAt + this.scanned
    this.block = NO_BYTES
    this.blockAt = 0
    this.scanned = 0
    this.cuts.count = 0
    this.cursor = 0
  }

  private cut(fill: (framing: SourceDescription<unknown>['framing'], cuts: Cuts) => void): void {
    const { cuts } = this
    cuts.count = 0
    try {
      fill(this.description.framing, cuts)
    } catch (error) {
      this.fault = error
    }
    // L2
    const resumeAt = this.resumeAt - this.base - this.blockAt
    let cursor = 0
    while (cursor < cuts.count && cuts.starts[cursor]! < resumeAt) cursor++
    this.cursor = cursor
  }

  private stop(): 'idle' {
    const { context, fault, path } = this
    this.stopped = true
    this.tail.close()
    const offset = this.blockAt + (this.cuts.count > 0 ? this.cuts.ends[this.cuts.count - 1]! : 0)
    const reason = reasonOf(fault)
    context.env.clock.soon(() => context.failed(fail('E_FILE_RECORD', { step: context.step, path, offset, reason })))
    return 'idle'
  }
}
