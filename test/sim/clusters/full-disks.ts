/**
 * The own disk of a worker that is full for a while, while the others', and what they share, have room.
 *
 * F1. Whoever runs goes on, and continues by itself once there is room; who begins meanwhile may end, with a word about
 *     its disk.
 */
import type { PotorooError } from '../../../src/base/errors.ts'
import type { MemberStation } from '../../../src/sim/member-station.ts'

/** What a worker says that begins on a full disk. */
const WORDS = new Set(['E_DISK', 'E_STORE', 'E_JOURNAL'])

export class FullDisks {
  /** Which process had been opened when the disk came to be full. */
  private readonly full = new Map<MemberStation, number>()
  private readonly room: number
  private readonly excused = new Set<PotorooError>()

  /** `room`: bytes that a disk has otherwise. */
  constructor(room: number) {
    this.room = room
  }

  fill(station: MemberStation): void {
    const { worker, lives } = station
    this.full.set(station, worker?.phase === 'closed' ? lives - 1 : lives)
    station.machine.volume.capacityBytes = 0
  }

  free(station: MemberStation): void {
    this.full.delete(station)
    station.machine.volume.capacityBytes = this.room
  }

  /** A worker has ended with `error`. */
  fell(station: MemberStation, error: PotorooError): void {
    const { full, excused } = this
    if (station.lives > (full.get(station) ?? Infinity) && WORDS.has(error.code)) excused.add(error)
  }

  /** Whether it may have ended with `error` (F1). */
  isExcused(error: PotorooError): boolean {
    return this.excused.has(error)
  }
}
