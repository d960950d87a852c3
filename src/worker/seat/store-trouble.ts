/**
 * What keeps a worker from its store, for people: the log says it when it begins and when it is over, `status` for as
 * long as it lasts.
 *
 * T1. A store that answers nothing at all says nothing either: it is known by the time since it has answered last.
 */
import type { PotorooError } from '../../base/errors.ts'
import type { Clock } from '../../env/clock.ts'
import type { Log } from '../../env/log.ts'

/** `read`: the chain cannot be read on; `append`: what this worker has decided cannot be written there. */
export type Hindered = 'read' | 'append'

export interface StoreTrouble {
  /** For how long it has lasted, in milliseconds. */
  readonly ms: number
  readonly reason: string
}

/** What the log has at the beginning and at the end of each. */
const codes = {
  read: ['store.away', 'store.answers'],
  append: ['chain.waits', 'chain.appended'],
} as const satisfies Record<Hindered, readonly [string, string]>

export class StoreTroubles {
  private readonly clock: Clock
  private readonly log: Log
  /** Without an answer for longer than this it does not answer (T1), in milliseconds. */
  private readonly patienceMs: number
  private readonly open = new Map<Hindered, { readonly sinceMs: number; reason: string }>()
  private answeredMs: number

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Log }, patienceMs: number) {
    this.clock = clock
    this.log = log
    this.patienceMs = patienceMs
    this.answeredMs = clock.monotonic()
  }

  /** The store has answered, whatever it was. */
  answered(): void {
    this.answeredMs = this.clock.monotonic()
  }

  begin(what: Hindered, { message, remedy }: PotorooError): void {
    const known = this.open.get(what)
    if (known !== undefined) {
      known.reason = message
      return
    }
    this.log.warn(codes[what][0], { message, remedy })
    this.open.set(what, { sinceMs: this.clock.monotonic(), reason: message })
  }

  /** It is over, where there was any. `ms`: how long it has lasted, where that is known better. */
  end(what: Hindered, ms?: number): void {
    const known = this.open.get(what)
    if (known === undefined) return
    this.open.delete(what)
    this.log.warn(codes[what][1], { ms: Math.round(ms ?? this.clock.monotonic() - known.sinceMs) })
  }

  /** Nobody waits for it any more. */
  forget(what: Hindered): void {
    this.open.delete(what)
  }

  /** The one that has lasted for longest; `null` where all is well. */
  get worst(): StoreTrouble | null {
    const nowMs = this.clock.monotonic()
    const silentMs = nowMs - this.answeredMs
    const [first] = [...this.open.values()].toSorted((a, b) => a.sinceMs - b.sinceMs)
    if (first !== undefined) return { ms: nowMs - first.sinceMs, reason: first.reason }
    return silentMs > this.patienceMs ? { ms: silentMs, reason: 'it does not answer' } : null
  }
}
