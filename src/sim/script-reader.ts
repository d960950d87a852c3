/**
 * Reads a script as a source: hands over its records and does what its marks say.
 *
 * M1. `ABORT` and `AFTER` act when everything in front of them has been handed over and worked on: the reader says
 *     `idle` there, which empties the chains, and lets `SETTLE_TURNS` of the loop go by.
 * M2. A place is an index into the script. Marks that end a life (`ABORT`, `END`), and what happens to workers, are
 *     done once in a run, whatever is read again; a pause is made again where a life begins in front of it.
 */

import { deepCopy } from '../base/deep-copy.ts'
import type { Context, Into, Place, ReplayableReader, SourceStatus } from '../connectors/connector.ts'
import type { Decoder } from '../model/connector.ts'
import { Encoded, Mark, type Script, type WorkerHappening } from './script.ts'

/** Turns of the loop in which a worker without input works on all that its channels hold. */
const SETTLE_TURNS = 100
/** What a record is filled with once it has been decoded: a decoder that keeps bytes without a copy keeps rubbish. */
const SPOILT = 0xdb

/** How records come: so many at once, then a pause. */
export interface Pace {
  burst(): number
  pauseMs(): number
}

/** What a reader tells, and asks, of the run that it is part of. */
export interface Scene {
  /** Whether the mark at `position` has been done. */
  isDone(position: number): boolean
  /** The life is to end at this mark, at once. */
  abort(position: number): void
  /** Something happens to a worker, on a turn of its own. */
  happen(what: WorkerHappening, position: number): void
  /** The script stands at its end, or at an `END`. */
  ended(position: number): void
  /** Calls `fn` when the source `step` has ended, or on a later turn if it has. */
  whenEnded(step: string, fn: () => void): void
}

export interface ReaderOptions {
  readonly step: string
  readonly script: Script
  readonly decoder: Decoder<unknown>
  readonly scene: Scene
  /** `null`: as fast as they are taken. */
  readonly pace: Pace | null
  /** What other workers may take for what has been handed over, in milliseconds; 0 where there are none. */
  readonly settleMs: number
}

export class ScriptReader implements ReplayableReader {
  readonly status: SourceStatus = { connections: 0, accepted: 0, refused: 0, expelled: 0, bytes: 0, records: 0 }
  private readonly options: ReaderOptions
  private readonly context: Context
  private next: number
  /** Records that may be handed over before the next pause of the pace. */
  private left: number
  /** A mark, or the pace, makes it wait. */
  private waiting = false
  /** The mark that was waited for. */
  private passed = -1
  /** It has rested behind the last record. */
  private rested = false

  constructor(options: ReaderOptions, place: Place | null, context: Context) {
    this.options = options
    this.context = context
    this.next = place?.position ?? 0
    this.left = options.pace?.burst() ?? Infinity
    context.env.clock.soon(() => context.wake())
  }

  poll(into: Into, max: number): 'more' | 'idle' | 'ended' {
    const { script, scene } = this.options
    for (let taken = 0; ; this.next++) {
      if (this.waiting) return 'idle'
      if (this.next >= script.length) {
        if (this.restsLast) return 'idle'
        scene.ended(this.next)
        return 'ended'
      }
      const item = script[this.next]
      if (item instanceof Mark) {
        if (this.isPast(item)) continue
        if (item.what.kind !== 'end') return 'idle'
        scene.ended(this.next)
        return 'ended'
      }
      if (taken === max) return 'more'
      if (this.left === 0) {
        this.rest()
        return 'idle'
      }
      this.left--
      taken++
      this.hand(item, into)
    }
  }

  place(): Place {
    return { position: this.next }
  }

  close(): void {
    this.waiting = true
  }

  private hand(item: unknown, into: Into): void {
    this.status.records++
    if (!(item instanceof Encoded)) return into.push(deepCopy(item), this.next)
    const bytes = Buffer.from(item.bytes)
    this.status.bytes += bytes.length
    let value: unknown
    try {
      value = this.options.decoder.decode(bytes, 0, bytes.length)
    } catch (error) {
      return into.failed(item.bytes, this.next, error)
    }
    into.push(value, this.next)
    bytes.fill(SPOILT)
  }

  /** Whether it rests behind the last record: that can be lost as well as any other. */
  private get restsLast(): boolean {
    if (this.options.pace === null || this.rested) return false
    this.rested = true
    this.rest()
    return true
  }

  /** Whether the mark lies behind; otherwise it has been set going. */
  private isPast({ what }: Mark): boolean {
    const { next } = this
    const { scene } = this.options
    if (this.passed === next || scene.isDone(next)) return true
    switch (what.kind) {
      case 'end':
        return false
      case 'pause':
        this.context.env.clock.after(what.ms, () => this.goOn())
        break
      case 'after':
        scene.whenEnded(what.step, () => this.settle(SETTLE_TURNS, () => this.goOn()))
        break
      case 'abort':
        this.settle(SETTLE_TURNS, () => scene.abort(next))
        break
      default:
        scene.happen(what, next)
        return true
    }
    this.waiting = true
    return false
  }

  private goOn(): void {
    this.waiting = false
    this.passed = this.next
    this.context.wake()
  }

  private settle(turns: number, fn: () => void): void {
    const { clock } = this.context.env
    if (turns === 0) clock.after(this.options.settleMs, fn)
    else clock.soon(() => this.settle(turns - 1, fn))
  }

  private rest(): void {
    const { pace } = this.options
    this.waiting = true
    this.context.env.clock.after(pace!.pauseMs(), () => {
      this.waiting = false
      this.left = pace!.burst()
      this.context.wake()
    })
  }
}
