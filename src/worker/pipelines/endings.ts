/**
 * How pipelines come to their end: one that is drained, and all of them where their worker ends.
 *
 * N1. Nothing waits for ever: what has not come to its end after `drainTimeoutMs` is told, and goes on.
 * N2. A generation that begins meanwhile may be the one in which a pipeline ends: its figures there count. A drain is
 *     asked for there once more, but not of another program that somebody has submitted.
 * N3. Who leaves may leave while it waits for a last checkpoint: it has no part in another one, and ends as those who
 *     left.
 * N4. Where another request has the place of a drain, a savepoint that somebody makes just then, it is asked for again.
 */
import { fail } from '../../base/errors.ts'
import { WAITS } from '../../checkpoint/coordinator.ts'
import type { Clock } from '../../env/clock.ts'
import type { Execution } from '../execution/execution.ts'
import type { Worker } from '../worker.ts'
import { type Resident, SINK_END_MS } from './resident.ts'

/** How soon a drain is asked for again (N4), in milliseconds. */
const AGAIN_MS = 100

export class Endings {
  private readonly clock: Clock
  private readonly worker: Worker
  private readonly timeoutMs: number
  /** Resolves once a condition holds; looked at after every change of the residents. */
  private readonly until: (condition: () => boolean) => Promise<void>

  constructor(clock: Clock, worker: Worker, timeoutMs: number, until: Endings['until']) {
    this.clock = clock
    this.worker = worker
    this.timeoutMs = timeoutMs
    this.until = until
  }

  /**
   * Drains a pipeline: stops its input, makes a last checkpoint and ends it. `stays`: it is to run again only when it
   * is submitted. Rejects with `E_NOT_DRAINED`.
   */
  async drain(resident: Resident, stays: boolean): Promise<void> {
    const late = Promise.withResolvers<null>()
    const timer = this.clock.after(this.timeoutMs, () => late.resolve(null))
    try {
      for (;;) {
        const { execution, submitted } = resident
        const failure = await this.drainOnce(resident, stays, late.promise)
        if (failure === null) return
        // N4
        if (failure === WAITS && (await Promise.race([this.pause(), late.promise])) === true) continue
        const again = this.comesUp(resident, execution, submitted)
        if ((await Promise.race([again, late.promise])) === true) continue
        throw fail('E_NOT_DRAINED', { pipeline: resident.name, reason: failure })
      }
    } finally {
      timer.cancel()
    }
  }

  private pause(): Promise<true> {
    return new Promise((resolve) => this.clock.after(AGAIN_MS, () => resolve(true)))
  }

  /** In the generation that stands; answers why it has not come to its end, or `null`. */
  private async drainOnce(resident: Resident, stays: boolean, late: Promise<null>): Promise<string | null> {
    const { execution } = resident
    resident.phase = 'draining'
    const drained = new Promise<string | null>((resolve) => {
      execution.drain(SINK_END_MS, stays, (reason) => {
        // Also where nobody waits for it any more: the pipeline has come to its end, unless it has been submitted
        // again.
        if (resident.execution === execution) {
          if (reason === null) resident.phase = 'drained'
          else if (resident.phase === 'draining') resident.phase = execution.hasEnded ? 'ended' : 'running'
        }
        if (reason === null && stays) execution.release()
        else if (reason === null) execution.close()
        // The next generation may have been the first to say so (N2): what is asked for is at its end then, and not
        // answered.
        resolve(resident.phase === 'drained' ? null : reason)
      })
    })
    // The next generation, too, may be the first to say so (N2).
    const known = this.until(() => resident.phase !== 'draining').then(() =>
      resident.phase === 'drained' ? null : drained,
    )
    return Promise.race([drained, late.then(() => whyLate(resident)), known])
  }

  /**
   * Whether what `execution` ran comes up in another generation than that one's, where it can be drained as well (N2).
   */
  private async comesUp(resident: Resident, execution: Execution, submitted: number): Promise<boolean> {
    const { residents, cluster } = this.worker
    if (execution.generation.number === cluster.generation) return false
    const isHere = (): boolean => residents.all.get(resident.name) === resident && resident.submitted === submitted
    const isBack = (): boolean => resident.execution !== execution && resident.phase !== 'starting'
    await this.until(() => this.hasLeft || !isHere() || isBack())
    return isHere() && isUp(resident)
  }

  /** Who has left ends its sinks behind the epoch that it left with: what they were to make visible is. */
  async letGo(): Promise<void> {
    await Promise.all([...this.worker.residents.all.values()].map((resident) => this.letGoOne(resident)))
  }

  private async letGoOne(resident: Resident): Promise<void> {
    if (isUp(resident)) await new Promise<void>((resolve) => resident.execution.letGo(SINK_END_MS, resolve))
  }

  /**
   * A member of a cluster comes to rest on all pipelines (N1); where another generation begins, in that one (N2, N3).
   */
  async rest(): Promise<void> {
    const { phase } = this.worker
    // Who has no part in a generation, or hears too few of it, would wait in vain.
    if (phase !== 'restoring' && phase !== 'ready' && phase !== 'active' && phase !== 'leaving') return
    let late = false
    const over = Promise.withResolvers<void>()
    const timer = this.clock.after(this.timeoutMs, () => {
      late = true
      over.resolve()
    })
    const resting = new Map<string, Promise<void>>()
    // Somebody may submit another one to another member while these come to rest.
    for (let known = -1; !late && known < resting.size; ) {
      known = resting.size
      for (const name of this.worker.residents.all.keys())
        if (!resting.has(name))
          resting.set(
            name,
            this.restOne(name, () => late),
          )
      await Promise.race([over.promise, Promise.all(resting.values())])
    }
    timer.cancel()
  }

  private async restOne(name: string, late: () => boolean): Promise<void> {
    // Another program of it, in the next generation, is another resident.
    const here = (): Resident | undefined => this.worker.residents.all.get(name)
    let failure: string | null = 'not tried'
    while (failure !== null && !late()) {
      await this.until(() => late() || this.hasLeft || !isOnItsWay(here()))
      const resident = here()
      if (resident === undefined || !isUp(resident)) return
      const { execution } = resident
      if (this.hasLeft) return this.letGoOne(resident)
      const rested = new Promise<string | null>((resolve) => execution.rest(SINK_END_MS, resolve))
      failure = await Promise.race([rested, this.until(() => this.hasLeft).then(() => 'this worker has left')])
      // In the generation that stands nothing would come of another try.
      const stands = here()?.execution === execution && this.worker.cluster.generation === execution.generation.number
      if (stands && !this.hasLeft) return
      await this.until(() => late() || this.hasLeft || here()?.execution !== execution)
    }
  }

  private get hasLeft(): boolean {
    return this.worker.phase === 'gone'
  }
}

/** Whether a pipeline is on its way up no more and has not come to its end. */
export function isUp({ phase }: Resident): boolean {
  return phase === 'running' || phase === 'ended'
}

/**
 * Whether it comes up, or to an end that somebody has asked for, here or on another member: its sinks may still have
 * something.
 */
function isOnItsWay(resident: Resident | undefined): boolean {
  return resident?.phase === 'starting' || resident?.phase === 'draining'
}

/** Why a pipeline has not come to its end in time. */
function whyLate({ execution }: Resident): string {
  const stuck = execution.status.stuckSinks
  return stuck.length === 0 ? 'it takes too long' : `nobody takes the output of ${stuck.join(', ')}`
}
