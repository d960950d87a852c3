/**
 * Hands over generated values, at a rate.
 *
 * V1. The position of a value is its number. Split i of m makes the numbers i, i + m, i + 2m …: how many splits there
 *     are changes no value, but to go on where as many splits stand as there were: a place says how many.
 * V2. A rate is kept over time: what could not be taken for a while is made up, for up to `CATCH_UP_MS`. A clock that
 *     was put back by more than that begins anew.
 * V3. A value that its function throws on is a dead letter, and the next one follows.
 */

import { fail } from '../../base/errors.ts'
import type { Timer } from '../../env/clock.ts'
import type { SourceDescription } from '../../model/connector.ts'
import type { Context, Into, Place, ReplayableReader, ReplayableSource, SourceStatus } from '../connector.ts'
import type { GeneratorSettings } from './describe.ts'

const CATCH_UP_MS = 1000

export const generatorConnector: ReplayableSource = {
  family: 'replayable',
  kind: 'generator',
  splits(description, context, found) {
    const { splits } = description.settings as GeneratorSettings
    context.env.clock.soon(() =>
      found(
        null,
        Array.from({ length: splits }, (_, i) => String(i)),
      ),
    )
  },
  misfit: (description, step, place) => {
    const { splits: now } = description.settings as GeneratorSettings
    const { of: before = now } = place as GeneratorPlace
    return before === now ? null : fail('E_SPLITS_CHANGED', { step, before, now })
  },
  open: (description, split, place, context) => new GeneratorReader(description, Number(split), place, context),
}

interface GeneratorPlace extends Place {
  /** V1; earlier releases did not say it. */
  readonly of?: number
}

class GeneratorReader implements ReplayableReader {
  readonly status: SourceStatus = { connections: 0, accepted: 0, refused: 0, expelled: 0, bytes: 0, records: 0 }
  private readonly generate: (n: number) => unknown
  private readonly context: Context
  private readonly end: number
  private readonly step: number
  /** Values per millisecond of this split; 0 for as many as can be. */
  private readonly perMs: number
  private next: number
  private ended = false
  /** From when on values are counted, and how many of them are out. */
  private sinceMs = -1
  private made = 0
  private timer: Timer | null = null

  constructor(description: SourceDescription<unknown>, split: number, place: Place | null, context: Context) {
    const { count, rate, splits } = description.settings as GeneratorSettings
    this.generate = description.generate!
    this.context = context
    this.end = count ?? Number.MAX_SAFE_INTEGER
    this.step = splits
    this.perMs = rate / 1000 / splits
    this.next = place?.position ?? split
    context.env.clock.soon(() => context.wake())
  }

  poll(into: Into, max: number, nowMs: number): 'more' | 'idle' | 'ended' {
    if (this.ended) return 'ended'
    const due = this.perMs === 0 ? max : Math.min(max, this.due(nowMs))
    for (let i = 0; i < due; i++) {
      if (this.next >= this.end || !this.make(into)) {
        this.ended = true
        return 'ended'
      }
      this.next += this.step
      this.made++
      this.status.records++
    }
    if (due === max) return 'more'
    // The end needs no waiting for the time of a value that does not come.
    if (this.next >= this.end) {
      this.ended = true
      return 'ended'
    }
    this.wakeWhenDue(nowMs)
    return 'idle'
  }

  /** Hands over the next value (V3). False where there is none. */
  private make(into: Into): boolean {
    const { next } = this
    let value: unknown
    try {
      value = this.generate(next)
    } catch (error) {
      into.failed(Buffer.from(String(next)), next, error)
      return true
    }
    if (value !== undefined) into.push(value, next)
    return value !== undefined
  }

  place(): GeneratorPlace {
    return { position: this.next, of: this.step }
  }

  close(): void {
    this.ended = true
    this.timer?.cancel()
  }

  /** Values that may be handed over now. */
  private due(nowMs: number): number {
    if (this.sinceMs < 0) this.sinceMs = nowMs
    const behindMs = nowMs - this.sinceMs - this.made / this.perMs
    // The value that is due next is not late yet.
    const mostMs = CATCH_UP_MS + 1 / this.perMs
    if (behindMs > mostMs) this.sinceMs += behindMs - mostMs
    // The clock was put back: what is out already is not waited for a second time.
    if (behindMs < -mostMs) this.sinceMs += behindMs
    return Math.max(0, Math.floor((nowMs - this.sinceMs) * this.perMs) - this.made)
  }

  private wakeWhenDue(nowMs: number): void {
    if (this.timer !== null) return
    const ms = Math.max(1, Math.ceil(this.sinceMs + (this.made + 1) / this.perMs - nowMs))
    this.timer = this.context.env.clock.after(ms, () => {
      this.timer = null
      this.context.wake()
    })
  }
}
