/**
 * Carries out what the table of membership decides for this worker (`cluster/membership.ts`): what happens goes in as
 * events, and effects come out. It decides nothing.
 *
 * D1. What comes about by itself is an event on a turn of its own (`act`); who has a turn already takes a step.
 * D2. Nobody asks to be taken in with a journal that is sealed: it was seen while this worker was no member.
 * D3. Why a worker is not let in, or out, for now, the log says once for each reason, until it is: it may be something
 *     that only a person can mend, as where no heartbeats reach it.
 */
import { fail, type PotorooError } from '../../base/errors.ts'
import type { Limits } from '../../base/limits.ts'
import type { MakeRecord } from '../../checkpoint/chain-writer.ts'
import type { Cluster } from '../../checkpoint/cluster.ts'
import { beat as beatPath } from '../../checkpoint/layout.ts'
import { recoveryRecord, type World } from '../../cluster/generation.ts'
import { coordinates, stepMembership } from '../../cluster/membership.ts'
import {
  type MembershipEffect,
  type MembershipEvent,
  type MembershipState,
  startMembership,
} from '../../cluster/membership-state.ts'
import { membershipSettings } from '../../cluster/settings.ts'
import { placementFromJson } from '../../cluster/splits.ts'
import type { ControlMessage } from '../../transport/wire.ts'
import type { Generation } from '../execution/generation.ts'
import type { Turns } from '../turns.ts'
import type { SeatSeams } from './presence.ts'
import type { SeatWork } from './work.ts'

export interface MembershipHost {
  readonly seams: SeatSeams
  readonly work: SeatWork
  readonly turns: Turns
  /** As this worker has read it. */
  cluster(): Cluster
  /** Where others reach this worker's links. */
  address(): string
  /** Connections with each worker there is a link to, counted. */
  sessions(): Extract<ControlMessage, { kind: 'joinRequested' }>['sessions']
  send(worker: string, message: ControlMessage): void
  append(make: MakeRecord, done: (appended: boolean) => void): void
  world(): World
  /** Reads the beats again, and says that it was asked to. */
  reread(): void
  askLease(): void
  /** Begins with its part of a generation. */
  restore(generation: Generation): void
  /** Every member has its part. */
  begin(generation: number): void
  tellGeneration(generation: number): void
  /** Ends what belongs to this incarnation, and arrives in the one that follows by `reborn`. */
  beginAnew(): void
}

export class MembershipDriver {
  private readonly host: MembershipHost
  state: MembershipState
  /** Why it was told to ask again, as the log has it (D3). */
  private readonly told = new Set<string>()
  private closed = false

  constructor(host: MembershipHost) {
    const { limits, worker, cluster, env } = host.seams
    this.host = host
    this.state = startMembership(membershipSettings(limits, worker, cluster?.expected ?? null), env.random.id())
  }

  /** Whether this worker coordinates the generation that stands. */
  get coordinates(): boolean {
    return coordinates(this.state)
  }

  /**
   * Whether it waits until it has nothing that others would lack, as a member or as one that is none (`membership.ts`,
   * M6).
   */
  get isLeaving(): boolean {
    const { phase, wantsOut } = this.state
    return phase === 'leaving' || (wantsOut && (phase === 'following' || phase === 'joining'))
  }

  close(): void {
    this.closed = true
  }

  act(event: MembershipEvent): void {
    this.host.turns.take(() => this.step(event))
  }

  step(event: MembershipEvent): void {
    if (this.closed) return
    const before = this.state
    if (event.kind === 'joinAnswered') this.noteAnswer(event)
    const { next, effects } = stepMembership(before, event)
    this.state = next
    if (next.phase !== before.phase) {
      const { generation } = next.cluster
      this.host.seams.env.log.info('seat', { phase: next.phase, before: before.phase, event: event.kind, generation })
    }
    for (const effect of effects) this.execute(effect)
  }

  /** D3. */
  private noteAnswer({ answer, reason }: Extract<MembershipEvent, { kind: 'joinAnswered' }>): void {
    if (answer !== 'later') return this.told.clear()
    if (!this.told.has(reason)) this.host.seams.env.log.info('seat.later', { reason })
    this.told.add(reason)
  }

  private execute(effect: MembershipEffect): void {
    const { host } = this
    const { work, seams } = host
    switch (effect.kind) {
      case 'reread':
        return host.reread()
      case 'propose': {
        const { after, members, bases } = effect
        const make: MakeRecord = (cluster) => recoveryRecord(cluster, after, seams.worker, members, host.world(), bases)
        return host.append(make, (appended) => {
          if (!appended) this.act({ kind: 'notAppended', nowMs: host.seams.env.clock.monotonic() })
        })
      }
      case 'restore':
        return host.restore(generationOf(this.state.cluster, seams.worker))
      case 'tellReady':
        host.send(host.cluster().coordinator, { kind: 'memberReady', generation: effect.generation })
        // So that there is a lease when all begin.
        return host.askLease()
      case 'begin':
        return host.begin(effect.generation)
      case 'stopWork':
        return work.stopWork(effect.reason)
      case 'resumeWork':
        return work.resumeWork('minority')
      case 'askToJoin':
        return this.askToJoin(effect.coordinator.worker)
      case 'askToLeave': {
        const request = { worker: seams.worker, empty: true, skipStalled: false }
        return host.send(effect.coordinator.worker, { kind: 'leaveRequested', ...request })
      }
      case 'tellGeneration':
        return host.tellGeneration(effect.generation)
      case 'beginAnew':
        return host.beginAnew()
      case 'exit':
        // A hint: where it stays, it does not move.
        if (effect.reason === 'left') seams.store.remove(beatPath(seams.worker), () => {})
        return work.ended(exitError(effect, seams.worker, seams.limits))
    }
  }

  /** D2. */
  private askToJoin(coordinator: string): void {
    const { host } = this
    const { incarnation } = this.state
    host.work.isSealed((sealed) => {
      if (this.closed || incarnation !== this.state.incarnation) return
      if (sealed) return this.act({ kind: 'sealed' })
      const request = { worker: host.seams.worker, incarnation, address: host.address(), skipStalled: false }
      host.send(coordinator, { kind: 'joinRequested', ...request, sessions: host.sessions() })
    })
  }
}

function generationOf(cluster: Cluster, worker: string): Generation {
  const { generation: number, coordinator, members, owners, splits } = cluster
  const self = members.findIndex((member) => member.worker === worker)
  return { number, coordinator, members, self, owners, placement: placementFromJson(splits) }
}

function exitError(
  { reason, detail }: Extract<MembershipEffect, { kind: 'exit' }>,
  worker: string,
  limits: Limits,
): PotorooError | null {
  if (reason === 'left') return null
  if (reason === 'twice') return fail('E_WORKER_TWICE', { worker })
  if (reason === 'refused') return fail('E_JOIN_REFUSED', { worker, reason: detail })
  return fail('E_STORE_TIMEOUT', { ms: limits.storeTimeoutMs, reason: detail === '' ? 'it does not answer' : detail })
}
