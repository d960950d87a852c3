/**
 * Carries out what the table of a change of owners decides, while this worker is the coordinator (PROTOCOLS 11).
 *
 * D1. An epoch that was asked for is answered on a turn of its own, as everything is.
 * D2. Who is to get key groups hears of them before it is told to wait for them, on the same link.
 * D3. A record is answered for where the next generation may have begun already: of that one the answer says nothing.
 */
import type { MakeRecord } from '../../checkpoint/chain-writer.ts'
import type { Cluster } from '../../checkpoint/cluster.ts'
import type { Heard } from '../../cluster/beats.ts'
import { rescaleRecord } from '../../cluster/generation.ts'
import { startRescale, stepRescale } from '../../cluster/rescale.ts'
import type { RescaleEffect, RescaleEvent, RescaleState, Round } from '../../cluster/rescale-state.ts'
import { rescaleSettings } from '../../cluster/settings.ts'
import { lostOf, obstacleTo } from '../../cluster/standing.ts'
import type { Request } from '../../cluster/target.ts'
import type { DriverHost } from './driver-host.ts'

/** How far a change of owners has come. */
export interface Change {
  readonly phase: RescaleState['phase']
  /** Workers, or pipelines. */
  readonly waits: readonly string[]
}

export class RescaleDriver {
  private readonly host: DriverHost
  private state: RescaleState | null = null
  /** Who takes part in the attempt under way, members or not. */
  private party: ReadonlySet<string> = new Set()

  constructor(host: DriverHost) {
    this.host = host
  }

  /** Whether a change of owners is under way. */
  get busy(): boolean {
    return this.state !== null && this.state.phase !== 'idle'
  }

  /** Whether all hold for it, or are about to. */
  get holding(): boolean {
    const phase = this.state?.phase
    return phase === 'holding' || phase === 'handing' || phase === 'committing'
  }

  /** Whether the generation has begun here, with this worker as its coordinator. */
  get started(): boolean {
    return this.state !== null
  }

  /** How far it has come, and for whom it waits. */
  get change(): Change {
    const { state } = this
    const waits = state !== null && 'missing' in state ? [...state.missing] : []
    return { phase: state?.phase ?? 'stopped', waits }
  }

  /** The generation of `cluster` has begun, and this worker coordinates it. */
  start(cluster: Cluster): void {
    const { generation, members, owners } = cluster
    this.state = startRescale({ generation, members, owners, settings: rescaleSettings(this.host.limits) })
  }

  /** Another generation stands, or this worker begins anew. */
  stop(): void {
    this.step({ kind: 'stop' })
    this.state = null
  }

  request(request: Request): void {
    const { clock, cluster, beating, work } = this.host
    const obstacle = request.kind === 'join' ? obstacleTo(cluster(), beating(), request.member.worker) : null
    this.raise({ kind: 'request', request, obstacle, room: work.room(), nowMs: clock.monotonic() })
  }

  tick(): void {
    const { clock, work } = this.host
    // Programs change with a generation (`generation.ts`, N5).
    if (this.state?.phase === 'idle' && work.outdated()) this.request({ kind: 'renew', skipStalled: true })
    this.raise({ kind: 'tick', nowMs: clock.monotonic(), pipelines: work.running() })
  }

  arrived(from: Heard, attempt: number, round: Round): void {
    this.raise({ kind: 'arrived', ...from, attempt, round, nowMs: this.host.clock.monotonic() })
  }

  /** The chain has been read on: what has been taken out or drained takes no part in an attempt any more. */
  follow({ pipelines }: Cluster): void {
    if (this.state === null || !('pipelines' in this.state)) return
    const nowMs = this.host.clock.monotonic()
    for (const pipeline of this.state.pipelines) {
      if (pipelines.get(pipeline)?.drained !== false) this.raise({ kind: 'pipelineEnded', pipeline, nowMs })
    }
  }

  /** Looks whether somebody is lost whom the attempt needs. */
  mind(): void {
    if (this.state === null || !('target' in this.state)) return
    const worker = lostOf(this.host.cluster(), this.host.beating(), this.state.target.members)
    if (worker !== null) this.raise({ kind: 'lost', worker, reason: `${worker} is lost` })
  }

  private raise(event: RescaleEvent): void {
    this.host.turns.take(() => this.step(event))
  }

  private step(event: RescaleEvent): void {
    if (this.state === null) return
    const { next, effects } = stepRescale(this.state, event)
    this.state = next
    for (const effect of effects) this.execute(effect)
  }

  private execute(effect: RescaleEffect): void {
    const { host } = this
    switch (effect.kind) {
      case 'answer': {
        const { request, answer, reason } = effect
        if (request.kind === 'renew') return
        if (request.kind === 'rebalance') {
          const { worker, number } = request
          return host.send(worker, { kind: 'rebalanceAnswered', number, answer, reason })
        }
        const worker = request.kind === 'join' ? request.member.worker : request.worker
        return host.send(worker, { kind: 'requestAnswered', answer, reason })
      }
      case 'announce': {
        const { attempt, moves } = effect
        const involved = moves.flatMap(({ from, to }) => [from, to])
        this.party = new Set([...host.cluster().members.map(({ worker }) => worker), ...involved])
        for (const { from, to, keyGroups } of moves) {
          const message = { kind: 'moveAnnounced', attempt, from, to, keyGroups } as const
          for (const worker of [from, to]) host.send(worker, message)
        }
        return
      }
      case 'askRound': {
        const { attempt, round } = effect
        for (const worker of this.party) host.send(worker, { kind: 'roundAsked', attempt, round, epochs: [] })
        return
      }
      case 'requestEpoch':
        return this.requestEpoch(effect.pipeline, effect.holds)
      case 'release': {
        const { attempt } = effect
        const { pipelines } = host.cluster()
        const numbers = effect.pipelines.flatMap((name) => pipelines.get(name)?.run ?? [])
        for (const worker of this.party) host.send(worker, { kind: 'released', attempt, pipelines: numbers })
        return
      }
      case 'appendRescale': {
        const { after, target } = effect
        const make: MakeRecord = (cluster) => rescaleRecord(cluster, after, host.worker, target, host.world())
        return host.append(make, (appended) => {
          // D3
          if (!appended && this.state?.frame.generation === after)
            this.raise({ kind: 'notAppended', reason: 'another record stands in its place' })
        })
      }
    }
  }

  private requestEpoch(pipeline: string, holds: boolean): void {
    const { host } = this
    const { generation } = host.cluster()
    host.work.requestEpoch(pipeline, holds, (failure) => {
      if (host.cluster().generation !== generation) return
      const nowMs = host.clock.monotonic()
      if (failure === null) this.raise({ kind: 'epochComplete', pipeline, holds, nowMs })
      else this.raise({ kind: 'epochFailed', pipeline, reason: failure, nowMs })
    })
  }
}
