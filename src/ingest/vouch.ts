/**
 * Sees that the journal of this incarnation is not sealed, before what it has synced is acknowledged (PROTOCOLS 2, S8).
 *
 * L1. The look is asked after the sync that it vouches for: a seal that was made before it is seen. One that is made
 *     later finds the bytes on the disk, and its reader reads them.
 * L2. A look that fails says nothing, and is repeated. Once a seal was seen nothing is vouched for any more, and who
 *     asks is told so.
 */
import { fail, type PotorooError } from '../base/errors.ts'
import type { Clock } from '../env/clock.ts'
import type { Seals } from './sealed.ts'

const RETRY_MS = 100

export class Vouch {
  private readonly clock: Clock
  private readonly seals: Seals
  private readonly onSealed: (error: PotorooError) => void
  private sealed = false

  constructor(clock: Clock, seals: Seals, onSealed: (error: PotorooError) => void) {
    this.clock = clock
    this.seals = seals
    this.onSealed = onSealed
  }

  /** Tells `done` whether the store was seen without a seal. */
  look(done: (vouched: boolean) => void): void {
    if (this.sealed) return this.clock.soon(() => done(false))
    this.seals.isSealed((error, sealed) => {
      if (error !== null) this.clock.after(RETRY_MS, () => this.look(done))
      else if (!sealed) done(true)
      else {
        if (!this.sealed) this.onSealed(fail('E_JOURNAL_SEALED', {}))
        this.sealed = true
        done(false)
      }
    })
  }
}
