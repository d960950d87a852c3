/**
 * Sends what is long to other workers, one piece behind the other: each waits until most of what was sent before it has
 * arrived.
 *
 * P1. On the control lane goes what a generation lives by: leases, epochs, credit. What is sent at once stands in front
 *     of all that, and where more of it waits than a lane may hold the link ends, and the generation with it
 *     (`transport/link.ts`, K3).
 * P2. What waits for a worker goes in the order in which it came. Nothing waits where little is on the way.
 */
import type { Limits } from '../base/limits.ts'
import type { Clock, Timer } from '../env/clock.ts'

/** Bytes that may be on the way when another piece follows: some tenths of a second of a slow network. */
const AHEAD_BYTES = 4 << 20
/** That much of what a lane may hold, where it may hold little. */
const AHEAD_SHARE = 1 / 4
/** How often it is looked whether there is room, in milliseconds. */
const LOOK_MS = 5

export class PatientSender {
  private readonly clock: Clock
  private readonly aheadBytes: number
  private readonly backlog: (worker: string) => number
  private readonly waiting = new Map<string, (() => void)[]>()
  private timer: Timer | null = null

  /** `backlog`: bytes on the control lane that a worker is not known to have. */
  constructor(
    clock: Clock,
    { controlLaneBytes }: Pick<Limits, 'controlLaneBytes'>,
    backlog: (worker: string) => number,
  ) {
    this.clock = clock
    this.aheadBytes = Math.min(AHEAD_BYTES, controlLaneBytes * AHEAD_SHARE)
    this.backlog = backlog
  }

  /**
   * Calls `piece`, which sends something to `worker`: at once, or when there is room behind what has waited longer
   * (P2).
   */
  send(worker: string, piece: () => void): void {
    const queue = this.waiting.get(worker)
    if (queue !== undefined) queue.push(piece)
    else if (this.hasRoom(worker)) piece()
    else {
      this.waiting.set(worker, [piece])
      this.timer ??= this.clock.after(LOOK_MS, this.look)
    }
  }

  /** Nothing that waits is sent any more. */
  close(): void {
    this.timer?.cancel()
    this.timer = null
    this.waiting.clear()
  }

  private hasRoom(worker: string): boolean {
    return this.backlog(worker) <= this.aheadBytes
  }

  private readonly look = (): void => {
    this.timer = null
    for (const [worker, queue] of this.waiting) {
      while (queue.length > 0 && this.hasRoom(worker)) queue.shift()!()
      if (queue.length === 0) this.waiting.delete(worker)
    }
    if (this.waiting.size > 0) this.timer ??= this.clock.after(LOOK_MS, this.look)
  }
}
