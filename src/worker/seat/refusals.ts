/**
 * Links that were refused, and frames that were none, as they are told of: who is refused dials again at once, on each
 * lane and from both sides, and the reason is the same for as long as nobody mends it. So each is told once, and again
 * after a minute, with their number. Names come from whoever dials: no more than so many are told of within a minute,
 * or a stranger would fill the disk with them.
 */
import type { PotorooError } from '../../base/errors.ts'
import type { Clock } from '../../env/clock.ts'
import type { Log } from '../../env/log.ts'

const AGAIN_MS = 60_000
const KNOWN_MAX = 128

interface Told {
  readonly atMs: number
  /** Of the same, since then. */
  more: number
}

export class Refusals {
  private readonly clock: Clock
  private readonly log: Log
  private readonly told = new Map<string, Told>()
  /** Of others, for which there was no room since a line was written. */
  private untold = 0

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.clock = clock
    this.log = log
  }

  /** A link with `peer` was refused, on this side or on the other. */
  take(peer: string, error: PotorooError): void {
    this.tell('link.refused', `${peer}\n${error.message}`, peer, error)
  }

  /** What came from `peer`, a worker or the address of a stranger, was no frame. */
  damaged(peer: string, error: PotorooError): void {
    // A stranger calls from another port each time.
    this.tell('link.damaged', `${peer.replace(/:\d+$/, '')}\n${error.code}`, peer, error)
  }

  private tell(what: string, reason: string, peer: string, { code, message, remedy }: PotorooError): void {
    const nowMs = this.clock.monotonic()
    const before = this.told.get(reason)
    if (before !== undefined && nowMs - before.atMs < AGAIN_MS) {
      before.more++
      return
    }
    if (before === undefined && !this.hasRoom(nowMs)) {
      this.untold++
      return
    }
    // Behind all others: they lie in the order of their times.
    this.told.delete(reason)
    this.told.set(reason, { atMs: nowMs, more: 0 })
    const again = before === undefined || before.more === 0 ? {} : { more: before.more }
    const others = this.untold === 0 ? {} : { untold: this.untold }
    this.untold = 0
    this.log.warn(what, { peer, error: code, message, remedy, ...again, ...others })
  }

  /** Forgets, where there are too many, the one that was told of first, if that was long enough ago. */
  private hasRoom(nowMs: number): boolean {
    if (this.told.size < KNOWN_MAX) return true
    const [first] = this.told
    if (nowMs - first![1].atMs < AGAIN_MS) return false
    return this.told.delete(first![0])
  }
}
