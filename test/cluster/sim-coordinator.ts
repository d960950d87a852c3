/**
 * What a simulated worker does while it coordinates: it executes the tables of recovery, of changes of owners and of
 * checkpoints.
 */
import { holds, type Purpose } from '../../src/checkpoint/barrier.ts'
import type { MakeRecord } from '../../src/checkpoint/chain-writer.ts'
import type { Cluster, Member } from '../../src/checkpoint/cluster.ts'
import { startCoordinator, stepCoordinator } from '../../src/checkpoint/coordinator.ts'
import type { CoordinatorEffect, CoordinatorEvent, CoordinatorState } from '../../src/checkpoint/coordinator-state.ts'
import type { Snapshot } from '../../src/checkpoint/manifest.ts'
import { rescaleRecord, type World } from '../../src/cluster/generation.ts'
import type { MembershipEvent } from '../../src/cluster/membership-state.ts'
import {
  type RecoveryEffect,
  type RecoveryEvent,
  type RecoveryState,
  startRecovery,
  stepRecovery,
} from '../../src/cluster/recovery.ts'
import { startRescale, stepRescale } from '../../src/cluster/rescale.ts'
import type { RescaleEffect, RescaleEvent, RescaleState } from '../../src/cluster/rescale-state.ts'
import { rescaleSettings } from '../../src/cluster/settings.ts'
import { type Beating, lostOf, obstacleTo } from '../../src/cluster/standing.ts'
import type { Request } from '../../src/cluster/target.ts'
import type { Values } from './referee.ts'
import type { Message, Scene } from './sim-scene.ts'

const nothing: Snapshot = { pack: null, sources: [], sinks: [], counts: { keys: 0, records: 0 } }

/** The worker that coordinates. */
export interface Desk {
  readonly name: string
  readonly scene: Scene
  readonly now: number
  readonly identity: Member
  readonly cluster: Cluster
  readonly beating: Beating
  readonly world: World
  after(ms: number, fn: () => void): void
  send(to: string, message: Message): void
  broadcast(message: Message): void
  /** Appends, and answers with the record's number, or `null` where nothing was appended. */
  append(make: MakeRecord, done: (n: number | null) => void): void
  act(event: MembershipEvent): void
}

/** What the coordinator of one pipeline's checkpoints has at hand. */
interface Checkpoints {
  state: CoordinatorState
  parts: Map<string, Values>
}

export class SimCoordinator {
  private readonly desk: Desk
  private recovery: RecoveryState | null = null
  private rescale: RescaleState | null = null
  private readonly checkpoints = new Map<string, Checkpoints>()
  private submitting = false
  /** Who gets key groups in the change of owners that is under way. */
  private receivers: ReadonlySet<string> = new Set()

  constructor(desk: Desk) {
    this.desk = desk
  }

  private get generation(): number {
    return this.desk.cluster.generation
  }

  /** Another generation has begun, whoever coordinates it. */
  supersede(): void {
    for (const pipeline of this.checkpoints.keys()) this.checkpoint(pipeline, { kind: 'stop' })
    this.checkpoints.clear()
    if (this.rescale !== null) this.stepRescale({ kind: 'stop' })
    this.rescale = null
    if (this.recovery !== null && this.recovery.plan.generation < this.generation) {
      this.stepRecovery({ kind: 'superseded' })
    }
  }

  /** Its worker begins anew. */
  forget(): void {
    this.recovery = null
  }

  // ── A generation's beginning ─────────────────────────────────────────────────────────────────────────────────────

  /** Coordinates the generation whose record stands. */
  recover({ generation, members }: Cluster): void {
    const started = startRecovery({ generation, members })
    this.recovery = started.next
    for (const effect of started.effects) this.executeRecovery(effect)
  }

  stepRecovery(event: RecoveryEvent): void {
    if (this.recovery === null) return
    const { next, effects } = stepRecovery(this.recovery, event)
    this.recovery = next
    for (const effect of effects) this.executeRecovery(effect)
  }

  private executeRecovery(effect: RecoveryEffect): void {
    const { desk } = this
    switch (effect.kind) {
      case 'tellGeneration':
        desk.scene.referee.coordinates(desk.identity, effect.generation)
        return desk.broadcast({ kind: 'generation', generation: effect.generation })
      case 'tellActivate':
        desk.scene.referee.coordinates(desk.identity, effect.generation)
        for (const worker of effect.workers) desk.send(worker, { kind: 'activate', generation: effect.generation })
        return
      case 'startOver':
        return desk.act(effect)
    }
  }

  /** Its generation has begun here: changes of owners and checkpoints of all pipelines that there are by now. */
  start(): void {
    const { cluster, scene, now } = this.desk
    if (this.rescale === null) {
      const { generation, members, owners } = cluster
      this.rescale = startRescale({ generation, members, owners, settings: rescaleSettings(scene.limits) })
    }
    for (const [pipeline, entry] of cluster.pipelines) {
      if (this.checkpoints.has(pipeline)) continue
      const members = new Map(cluster.members.map(({ worker, incarnation }) => [worker, incarnation]))
      const plan = { members, intervalMs: 1000, timeoutMs: 3000, maxAbandoned: 3 }
      this.checkpoints.set(pipeline, { state: startCoordinator(plan, entry.highest, now), parts: new Map() })
    }
    this.submit(cluster)
  }

  private submit(cluster: Cluster): void {
    const absent = this.desk.scene.pipelines.find((pipeline) => !cluster.pipelines.has(pipeline))
    if (absent === undefined || this.submitting) return
    this.submitting = true
    const make: MakeRecord = ({ generation, pipelines }) =>
      pipelines.has(absent) || generation !== cluster.generation
        ? null
        : { kind: 'submit', generation, pipeline: absent, hash: 'h', parameters: {}, from: null, drop: [], places: [] }
    this.desk.append(make, () => {
      this.submitting = false
    })
  }

  tick(): void {
    const { now: nowMs } = this.desk
    for (const pipeline of this.checkpoints.keys()) this.checkpoint(pipeline, { kind: 'tick', nowMs })
    this.stepRescale({ kind: 'tick', nowMs, pipelines: [...this.checkpoints.keys()] })
  }

  // ── Change of owners ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Somebody asks for another set of members. */
  request(request: Request): void {
    const { cluster, beating, now: nowMs } = this.desk
    const obstacle = request.kind === 'join' ? obstacleTo(cluster, beating, request.member.worker) : null
    this.stepRescale({ kind: 'request', request, obstacle, room: null, nowMs })
  }

  /** Whether a change goes on, by who beats. */
  mind(): void {
    if (this.rescale === null || !('target' in this.rescale)) return
    const { cluster, beating } = this.desk
    const worker = lostOf(cluster, beating, this.rescale.target.members)
    if (worker !== null) this.stepRescale({ kind: 'lost', worker, reason: `${worker} is lost` })
  }

  stepRescale(event: RescaleEvent): void {
    if (this.rescale === null) return
    const before = this.rescale.phase
    const { next, effects } = stepRescale(this.rescale, event)
    this.rescale = next
    const { name, scene } = this.desk
    if (next.phase !== before) scene.log(`${name} rescale ${before} → ${next.phase} (${event.kind})`)
    for (const effect of effects) this.executeRescale(effect)
  }

  private executeRescale(effect: RescaleEffect): void {
    const { desk, generation } = this
    switch (effect.kind) {
      case 'answer': {
        const { request, answer, reason } = effect
        if (request.kind === 'rebalance' || request.kind === 'renew') return
        const worker = request.kind === 'join' ? request.member.worker : request.worker
        return desk.send(worker, { kind: 'answer', answer, reason })
      }
      case 'announce':
        this.receivers = new Set(effect.moves.map(({ to }) => to))
        return
      case 'askRound': {
        const { attempt, round } = effect
        for (const worker of this.receivers) desk.send(worker, { kind: 'roundAsked', generation, attempt, round })
        return
      }
      case 'requestEpoch': {
        const purpose: Purpose = { kind: effect.holds ? 'rescale' : 'fresh' }
        // The table is not stepped within a step of its own.
        return desk.after(0.1, () => this.checkpoint(effect.pipeline, { kind: 'request', purpose, nowMs: desk.now }))
      }
      case 'release': {
        const { attempt, pipelines } = effect
        for (const pipeline of pipelines) this.checkpoint(pipeline, { kind: 'resume', nowMs: desk.now })
        return desk.broadcast({ kind: 'released', generation, attempt, pipelines })
      }
      case 'appendRescale': {
        const { world, name } = desk
        const make: MakeRecord = (cluster) => rescaleRecord(cluster, effect.after, name, effect.target, world)
        return desk.append(make, (n) => {
          if (n === null) this.stepRescale({ kind: 'notAppended', reason: 'not appended' })
        })
      }
    }
  }

  // ── Checkpoints ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** A member has its part of an epoch durable, or cannot save it. */
  saved(worker: string, incarnation: string, { pipeline, epoch, values }: Extract<Message, { kind: 'saved' }>): void {
    const answer = { worker, incarnation, epoch }
    const { now: nowMs } = this.desk
    if (values === null) {
      this.checkpoint(pipeline, { kind: 'refused', ...answer, reason: 'the disk is full', nowMs })
      this.checkpoint(pipeline, { kind: 'passed', ...answer })
    } else {
      const one = this.checkpoints.get(pipeline)
      if (one?.state.epoch === epoch) one.parts.set(worker, values)
      this.checkpoint(pipeline, { kind: 'saved', ...answer, snapshot: nothing, nowMs })
    }
  }

  private checkpoint(pipeline: string, event: CoordinatorEvent): void {
    const one = this.checkpoints.get(pipeline)
    if (one === undefined) return
    const { next, effects } = stepCoordinator(one.state, event)
    one.state = next
    const { generation } = this
    for (const effect of effects) this.executeCheckpoint(pipeline, one, effect, generation)
  }

  private executeCheckpoint(pipeline: string, one: Checkpoints, effect: CoordinatorEffect, generation: number): void {
    const { desk } = this
    const { referee } = desk.scene
    switch (effect.kind) {
      case 'inject': {
        const { epoch, purpose } = effect
        one.parts = new Map()
        referee.coordinates(desk.identity, generation)
        return desk.broadcast({ kind: 'barrier', generation, pipeline, epoch, purpose })
      }
      case 'writeManifest': {
        const { epoch } = effect
        const merged = new Map([...one.parts.values()].flatMap((values) => [...values]))
        referee.saved(manifestOf(pipeline, epoch, generation), merged)
        return this.later(generation, () => this.checkpoint(pipeline, { kind: 'manifestWritten', epoch }))
      }
      case 'appendEpoch':
        return this.appendEpoch(pipeline, effect.epoch, generation)
      case 'tellFate': {
        const { fate, purpose } = effect
        desk.broadcast({ kind: 'fate', generation, pipeline, fate })
        if (fate.outcome !== 'complete') return
        return this.stepRescale({ kind: 'epochComplete', pipeline, holds: holds(purpose), nowMs: desk.now })
      }
      case 'refuseRequest':
        return this.later(generation, () =>
          this.stepRescale({ kind: 'epochFailed', pipeline, reason: effect.reason, nowMs: desk.now }),
        )
    }
  }

  private appendEpoch(pipeline: string, epoch: number, generation: number): void {
    const manifest = manifestOf(pipeline, epoch, generation)
    const make: MakeRecord = (cluster) =>
      cluster.generation === generation
        ? { kind: 'epoch', generation, pipeline, epoch, manifest, drained: false }
        : null
    this.desk.append(make, (n) => {
      if (n === null || this.generation !== generation) return
      this.checkpoint(pipeline, { kind: 'recorded', epoch, nowMs: this.desk.now })
    })
  }

  /** A little later, if the generation is still the same. */
  private later(generation: number, fn: () => void): void {
    this.desk.after(this.desk.scene.random.between(1, 20), () => this.generation === generation && fn())
  }
}

function manifestOf(pipeline: string, epoch: number, generation: number): string {
  return `${pipeline}/${epoch}-${generation}`
}
