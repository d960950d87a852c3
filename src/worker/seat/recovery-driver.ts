/**
 * Carries out what the table of a recovery decides, while this worker is the coordinator: waits for every member's
 * part, then tells all to begin (`cluster/recovery.ts`).
 */
import type { Heard } from '../../cluster/beats.ts'
import type { MembershipEvent } from '../../cluster/membership-state.ts'
import {
  type RecoveryEffect,
  type RecoveryEvent,
  type RecoveryPlan,
  type RecoveryState,
  startRecovery,
  stepRecovery,
} from '../../cluster/recovery.ts'
import type { ControlMessage } from '../../transport/wire.ts'

export interface RecoveryHost {
  send(worker: string, message: ControlMessage): void
  /** Tells everybody who is linked that a generation stands. */
  tellGeneration(generation: number): void
  /** The generation cannot begin: another has to be made, from these bases. */
  startOver(event: Extract<MembershipEvent, { kind: 'startOver' }>): void
}

export class RecoveryDriver {
  private readonly host: RecoveryHost
  private state: RecoveryState | null = null

  constructor(host: RecoveryHost) {
    this.host = host
  }

  /** A generation stands in the chain, and this worker coordinates it. */
  start(plan: RecoveryPlan): void {
    const { next, effects } = startRecovery(plan)
    this.state = next
    for (const effect of effects) this.execute(effect)
  }

  /** Another generation stands. */
  supersede(): void {
    this.step({ kind: 'superseded' })
    this.forget()
  }

  forget(): void {
    this.state = null
  }

  ready(from: Heard, generation: number): void {
    this.step({ kind: 'ready', ...from, generation })
  }

  damaged(from: Heard, generation: number, pipeline: string, instead: number): void {
    this.step({ kind: 'damaged', ...from, generation, pipeline, instead })
  }

  private step(event: RecoveryEvent): void {
    if (this.state === null) return
    const { next, effects } = stepRecovery(this.state, event)
    this.state = next
    for (const effect of effects) this.execute(effect)
  }

  private execute(effect: RecoveryEffect): void {
    const { host } = this
    switch (effect.kind) {
      case 'tellGeneration':
        return host.tellGeneration(effect.generation)
      case 'tellActivate': {
        const message = { kind: 'activate', generation: effect.generation } as const
        for (const worker of effect.workers) host.send(worker, message)
        return
      }
      case 'startOver':
        return host.startOver(effect)
    }
  }
}
