/**
 * How a worker that leaves comes to have nothing left: its doors close, what has come in by them enters the pipelines,
 * and an epoch of each covers it (PROTOCOLS 11).
 *
 *     closing ─all has entered─► asking ─every epoch is complete─► clear
 *       ▲ ▲──────────────────────┘ one is not                        │
 *       └────────────────────── a pipeline begins ───────────────────┘
 *
 * C1. It belongs to one generation: the next one finds out anew.
 * C2. Pipelines come and go meanwhile. One that begins closes its doors too; one that has ended is not waited for.
 */
import type { Execution } from '../execution/execution.ts'

/** What `status` shows at a worker that leaves. */
const REASON = 'this worker leaves the cluster'

type Leaving = Pick<Execution, 'closeDoors' | 'caughtUp' | 'request'>

export class Clearance {
  /** Those whose last epoch was asked for in vain. */
  readonly refused = new Set<Leaving>()
  private readonly closed = new Set<Leaving>()
  private phase: 'closing' | 'asking' | 'clear' = 'closing'
  /** How often epochs were asked for, or were asked for in vain. */
  private round = 0

  /** `execution` runs here: it takes nothing in any more (C2). */
  close(execution: Leaving): void {
    if (this.closed.has(execution)) return
    this.closed.add(execution)
    execution.closeDoors(REASON)
    this.phase = 'closing'
    this.round++
  }

  /** Takes the next step, where `running` are those that run here; whether there is none left. */
  advance(running: readonly Leaving[]): boolean {
    for (const execution of running) this.close(execution)
    if (this.phase === 'closing' && running.every(({ caughtUp }) => caughtUp)) this.ask(running)
    return this.phase === 'clear'
  }

  private ask(running: readonly Leaving[]): void {
    const round = ++this.round
    let left = running.length
    let failed = false
    this.phase = left === 0 ? 'clear' : 'asking'
    for (const execution of running) {
      execution.request({ kind: 'periodic' }, (failure) => {
        failed ||= failure !== null
        if (failure === null) this.refused.delete(execution)
        else this.refused.add(execution)
        if (--left === 0 && round === this.round) this.phase = failed ? 'closing' : 'clear'
      })
    }
  }
}
