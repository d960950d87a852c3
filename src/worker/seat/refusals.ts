/**
 * Links that were refused, as they are told of: who is refused dials again at once, on each lane and from both sides,
 * and the reason is the same for as long as nobody mends it. So each is told once, and again after a minute, with their
 * number.
 */
import type { PotorooError } from '../../base/errors.ts'
import type { Clock } from '../../env/clock.ts'
import type { Log } from '../../env/log.ts'

const AGAIN_MS = 60_000
/** Names come from whoever dials: of more than that it is forgotten who was told of. */
const KNOWN_MAX = 128

interface Told {
  readonly atMs: number
  /** Refusals since then. */
  more: number
}

export class Refusals {
  private readonly clock: Clock
  private readonly log: Log
  private readonly told = new Map<string, Told>()

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.clock = clock
    this.log = log
  }

  /** A link with `peer` was refused, on this side or on the other. */
  take(peer: string, { code, message, remedy }: PotorooError): void {
    const nowMs = this.clock.monotonic()
    const reason = `${peer}\n${message}`
    const before = this.told.get(reason)
    if (before !== undefined && nowMs - before.atMs < AGAIN_MS) {
      before.more++
      return
    }
    if (this.told.size >= KNOWN_MAX) this.told.clear()
    this.told.set(reason, { atMs: nowMs, more: 0 })
    const again = before === undefined || before.more === 0 ? {} : { more: before.more }
    this.log.warn('link.refused', { peer, error: code, message, remedy, ...again })
  }
}
