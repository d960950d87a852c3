/**
 * Carries out what the mover's table decides: a member's side of a change of owners (PROTOCOLS 11).
 *
 * M1. The coordinator announces the moves of an attempt one by one, and asks for its first round behind the last of them.
 * M2. Correctness never depends on what is handed over: every epoch that a change of owners rests on lies in the store,
 *     and what has not come over the links is read there.
 */
import type { ByteReader } from '../../base/bytes.ts'
import type { Move } from '../../cluster/assignment.ts'
import type { Heard } from '../../cluster/beats.ts'
import { type MoverEffect, type MoverEvent, type MoverState, startMover, stepMover } from '../../cluster/mover.ts'
import type { Message } from '../../transport/wire.ts'
import type { DriverHost } from './rescale-driver.ts'

export type MoverMessage = Message<'moveAnnounced' | 'roundAsked' | 'keyGroupPart' | 'roundSent' | 'released'>

export class MoverDriver {
  private readonly host: DriverHost
  private state: MoverState
  /** Moves of an attempt that is being announced (M1). */
  private announced: { readonly attempt: number; readonly moves: Move[] } = { attempt: 0, moves: [] }

  constructor(host: DriverHost) {
    this.host = host
    this.state = startMover(host.worker)
  }

  take(from: Heard, message: MoverMessage, _body: ByteReader): void {
    switch (message.kind) {
      case 'moveAnnounced': {
        const { attempt, from, to, keyGroups } = message
        if (this.announced.attempt !== attempt) this.announced = { attempt, moves: [] }
        this.announced.moves.push({ from, to, keyGroups })
        return
      }
      case 'roundAsked': {
        const { attempt, round } = message
        const { moves } = this.announced
        if (this.announced.attempt === attempt && moves.length > 0) this.step({ kind: 'announce', attempt, moves })
        this.announced = { attempt: 0, moves: [] }
        const names = new Map([...this.host.cluster().pipelines].map(([name, { run }]) => [run, name]))
        const epochs = message.epochs.flatMap(({ pipeline, epoch }) => {
          const name = names.get(pipeline)
          return name === undefined ? [] : [[name, epoch] as const]
        })
        return this.step({ kind: 'sendRound', attempt, round, epochs })
      }
      case 'keyGroupPart':
        return // M2
      case 'roundSent': {
        const { attempt, round } = message
        return this.step({ kind: 'partsArrived', attempt, round, from: from.worker })
      }
      case 'released':
        return this.step({ kind: 'release', attempt: message.attempt })
    }
  }

  /** Another generation has been read, in which this worker owns these key groups. */
  generation(owned: ReadonlySet<number>): void {
    this.announced = { attempt: 0, moves: [] }
    this.step({ kind: 'generation', owned })
  }

  /** The first epoch of the generation is complete, for every pipeline. */
  settled(): void {
    this.step({ kind: 'settled' })
  }

  /** This worker begins anew, with empty state. */
  forget(): void {
    this.announced = { attempt: 0, moves: [] }
    this.state = startMover(this.host.worker)
  }

  private step(event: MoverEvent): void {
    const { next, effects } = stepMover(this.state, event)
    this.state = next
    for (const effect of effects) this.execute(effect)
  }

  private execute(effect: MoverEffect): void {
    const { host } = this
    switch (effect.kind) {
      case 'sendParts': {
        const { attempt, round, to } = effect
        return host.send(to, { kind: 'roundSent', attempt, round })
      }
      case 'tellArrived': {
        const { attempt, round } = effect
        return host.send(host.coordinator(), { kind: 'roundArrived', attempt, round })
      }
      case 'dropArrived':
      case 'dropGiven':
        return // M2
    }
  }
}
