/**
 * Carries out what the mover's table decides: a member's side of a change of owners (PROTOCOLS 11).
 *
 * M1. The coordinator announces the moves of an attempt one by one, and asks for its first round behind the last of them.
 * M2. What moves goes by the store, where it lies already: who gets key groups reads them ahead, round by round, and says
 *     that it has them once it has. Correctness never depends on it: what was not read ahead is read later.
 */
import type { Move } from '../../cluster/assignment.ts'
import type { Heard } from '../../cluster/beats.ts'
import { type MoverEffect, type MoverEvent, type MoverState, startMover, stepMover } from '../../cluster/mover.ts'
import type { Round } from '../../cluster/rescale-state.ts'
import type { Message } from '../../transport/wire.ts'
import type { DriverHost } from './rescale-driver.ts'

export type MoverMessage = Message<'moveAnnounced' | 'roundAsked' | 'keyGroupPart' | 'roundSent' | 'released'>

/** What is read ahead for a round of an attempt. */
interface Reading {
  readonly attempt: number
  readonly round: Round
  over: boolean
  /** The coordinator waits for it. */
  awaited: boolean
}

export class MoverDriver {
  private readonly host: DriverHost
  private state: MoverState
  /** Moves of an attempt that is being announced (M1). */
  private announced: { readonly attempt: number; readonly moves: Move[] } = { attempt: 0, moves: [] }
  private reading: Reading | null = null

  constructor(host: DriverHost) {
    this.host = host
    this.state = startMover(host.worker)
  }

  take(from: Heard, message: MoverMessage): void {
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
        this.readAhead(attempt, round)
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

  /** Another generation has been read. */
  generation(): void {
    this.announced = { attempt: 0, moves: [] }
    this.reading = null
    this.step({ kind: 'generation' })
  }

  /** This worker begins anew, with empty state. */
  forget(): void {
    this.announced = { attempt: 0, moves: [] }
    this.reading = null
    this.state = startMover(this.host.worker)
  }

  /** Who gets nothing reads, too, and nobody waits for it: every member looks at what is new when the owners change. */
  private readAhead(attempt: number, round: Round): void {
    const { state, host } = this
    const keyGroups = state.phase === 'moving' ? state.takes.flatMap((move) => move.keyGroups) : []
    const before = this.reading
    const awaited = before?.attempt === attempt && before.round === round && before.awaited
    const reading: Reading = { attempt, round, over: false, awaited }
    this.reading = reading
    host.readAhead(keyGroups, round === 'last', () => {
      reading.over = true
      if (this.reading === reading && reading.awaited) this.tellArrived(reading)
    })
  }

  private tellArrived({ attempt, round }: Reading): void {
    const { host } = this
    host.send(host.coordinator(), { kind: 'roundArrived', attempt, round })
  }

  private step(event: MoverEvent): void {
    const { next, effects } = stepMover(this.state, event)
    this.state = next
    for (const effect of effects) this.execute(effect, event)
  }

  private execute(effect: MoverEffect, event: MoverEvent): void {
    const { host } = this
    switch (effect.kind) {
      case 'sendParts': {
        const { attempt, round, to } = effect
        return host.send(to, { kind: 'roundSent', attempt, round })
      }
      case 'tellArrived': {
        const { attempt, round } = effect
        // The giver's word may come before the coordinator's.
        if (this.reading?.attempt !== attempt || this.reading.round !== round) {
          this.reading = { attempt, round, over: false, awaited: true }
        } else {
          this.reading.awaited = true
          if (this.reading.over) this.tellArrived(this.reading)
        }
        return
      }
      case 'dropArrived':
        // With the generation that they were read for, key groups are restored of what was read ahead.
        if (event.kind !== 'generation') host.forgetAhead()
    }
  }
}
