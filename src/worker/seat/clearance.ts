/**
 * How a worker that leaves comes to have nothing left: its doors close, what has come in by them enters the pipelines, and
 * an epoch of each covers it (PROTOCOLS 11).
 *
 *     closing ─all has entered─► asking ─every epoch is complete─► clear
 *                 ▲─────────────────┘ one is not
 *
 * C1. It belongs to one generation: the next one finds out anew.
 */
import type { Resident } from '../pipelines/resident.ts'

/** What `status` shows at a worker that leaves. */
const REASON = 'this worker leaves the cluster'

export class Clearance {
  private readonly residents: readonly Resident[]
  private phase: 'closing' | 'asking' | 'clear' = 'closing'

  /** `residents` are those that run here. */
  constructor(residents: readonly Resident[]) {
    this.residents = residents
    for (const { execution } of residents) execution.closeDoors(REASON)
  }

  /** Takes the next step; whether there is none left. */
  advance(): boolean {
    if (this.phase === 'closing' && this.residents.every(({ execution }) => execution.caughtUp)) this.ask()
    return this.phase === 'clear'
  }

  private ask(): void {
    let left = this.residents.length
    let failed = false
    this.phase = left === 0 ? 'clear' : 'asking'
    for (const { execution } of this.residents) {
      execution.request({ kind: 'periodic' }, (failure) => {
        failed ||= failure !== null
        if (--left === 0) this.phase = failed ? 'closing' : 'clear'
      })
    }
  }
}
