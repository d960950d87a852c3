/**
 * A worker as far as the cluster's tables reach: it executes their effects on a simulated store and simulated links, and
 * counts records for its key groups instead of running a pipeline. It decides nothing.
 */
import { assert } from '../../src/base/assert.ts'
import { type Fate, holds, type Purpose } from '../../src/checkpoint/barrier.ts'
import { ChainReader } from '../../src/checkpoint/chain-reader.ts'
import { type Appended, ChainWriter } from '../../src/checkpoint/chain-writer.ts'
import type { Cluster, Member } from '../../src/checkpoint/cluster.ts'
import { startCoordinator, stepCoordinator } from '../../src/checkpoint/coordinator.ts'
import type { CoordinatorEvent, CoordinatorState } from '../../src/checkpoint/coordinator-state.ts'
import { beat as beatPath } from '../../src/checkpoint/layout.ts'
import type { Snapshot } from '../../src/checkpoint/manifest.ts'
import type { ChainRecord } from '../../src/checkpoint/record.ts'
import type { Store } from '../../src/checkpoint/store.ts'
import {
  type Beat,
  type BeatView,
  beatingOf,
  decodeBeat,
  encodeBeat,
  isYoung,
  startBeatView,
  watchBeats,
} from '../../src/cluster/beats.ts'
import {
  type DetectorEvent,
  type DetectorState,
  detect,
  goneBy,
  heardBy,
  startDetector,
} from '../../src/cluster/detector.ts'
import { recoveryRecord, rescaleRecord } from '../../src/cluster/generation.ts'
import {
  type Formers,
  formersAfter,
  grantOf,
  holdsLease,
  type Lease,
  noFormers,
  noLease,
  renewLease,
  speaksAt,
  takeGrant,
  withoutFormer,
} from '../../src/cluster/leases.ts'
import { coordinates, stepMembership } from '../../src/cluster/membership.ts'
import {
  type MembershipEffect,
  type MembershipEvent,
  type MembershipState,
  startMembership,
} from '../../src/cluster/membership-state.ts'
import { type MoverEvent, type MoverState, startMover, stepMover } from '../../src/cluster/mover.ts'
import {
  type RecoveryEffect,
  type RecoveryEvent,
  type RecoveryState,
  startRecovery,
  stepRecovery,
} from '../../src/cluster/recovery.ts'
import { startRescale, stepRescale } from '../../src/cluster/rescale.ts'
import type { RescaleEffect, RescaleEvent, RescaleState } from '../../src/cluster/rescale-state.ts'
import {
  beatSettings,
  detectorSettings,
  leaseSettings,
  membershipSettings,
  rescaleSettings,
} from '../../src/cluster/settings.ts'
import { type Beating, beatingFrom, includes, lostOf, mayJoin } from '../../src/cluster/standing.ts'
import type { Request } from '../../src/cluster/target.ts'
import { Life } from '../../src/sim/life.ts'
import { entriesOf } from './entry.ts'
import { handedOver } from './handed-over.ts'
import type { Values } from './referee.ts'
import type { Station } from './sim-links.ts'
import type { Message, Parts, Scene } from './sim-scene.ts'

const nothing: Snapshot = { pack: null, sources: [], sinks: [], counts: { keys: 0, records: 0 } }

/** What the coordinator of one pipeline's checkpoints has at hand. */
interface Checkpoints {
  state: CoordinatorState
  parts: Map<string, Values>
}

export class SimWorker implements Station<Message> {
  readonly name: string
  readonly life: Life
  incarnation: string
  membership: MembershipState
  private readonly scene: Scene
  private readonly store: Store
  private readonly reader: ChainReader
  private writer: ChainWriter
  private detector: DetectorState
  private view: BeatView
  private beating: Beating = { beats: new Map(), young: true, twice: 'no' }
  private counter = 0
  private mover: MoverState
  private recovery: RecoveryState | null = null
  private rescale: RescaleState | null = null
  private readonly checkpoints = new Map<string, Checkpoints>()
  private submitting = false

  // The data plane in miniature
  private begun = 0
  private stopped = false
  private owned = new Set<number>()
  private readonly values = new Map<string, Map<number, number>>()
  private readonly held = new Map<string, number>()
  private readonly abandoned = new Set<string>()
  private readonly handed = new Map<string, { epoch: number; values: Map<number, number> }>()

  private lease: Lease = noLease
  private leaseAsked = new Map<number, number>()
  private formers: Formers = noFormers

  constructor(scene: Scene, name: string, expected: number) {
    this.scene = scene
    this.name = name
    this.life = new Life(name, name)
    this.incarnation = this.draw()
    this.store = scene.store.view(name, this.life)
    this.reader = new ChainReader(this.store, scene.limits, {
      onRecord: (record, counts, cluster) => this.onRecord(record, counts, cluster),
      onJump: () => assert(false, 'an era is longer than a run'),
    })
    this.writer = this.newWriter()
    this.detector = startDetector({ ...detectorSettings(scene.limits), linkGraceMs: 2000 }, this.now)
    this.view = startBeatView(name, this.now)
    this.mover = startMover(name)
    this.membership = startMembership(membershipSettings(scene.limits, name, expected), this.incarnation)
    scene.links.arrive(this)
    this.every(250, () => this.tick())
    this.every(1000, () => this.putBeat())
    this.every(500, () => this.askLease())
    this.every(200, () => this.tickTables())
    this.every(50, () => this.work())
    this.poll()
  }

  get now(): number {
    return this.scene.timeline.now
  }

  get identity(): Member {
    return { worker: this.name, incarnation: this.incarnation, address: '' }
  }

  private get cluster(): Cluster {
    return this.membership.cluster
  }

  private get generation(): number {
    return this.cluster.generation
  }

  private draw(): string {
    return this.scene.random.u32().toString(16)
  }

  private newWriter(): ChainWriter {
    const { random } = this.scene
    const after = (ms: number, fn: () => void) => {
      const event = this.scene.timeline.at(this.now + ms, this.life, fn)
      return { cancel: () => this.scene.timeline.cancel(event) }
    }
    const clock = { after, now: () => this.now, monotonic: () => this.now, soon: (fn: () => void) => void after(0, fn) }
    const chance = { u32: () => random.u32(), below: (n: number) => random.below(n), id: () => this.draw() }
    const writer = { worker: this.name, incarnation: this.incarnation }
    return new ChainWriter(this.reader, { clock, random: chance }, writer, () => this.act({ kind: 'storeTimeout' }))
  }

  private after(ms: number, fn: () => void): void {
    this.scene.timeline.at(this.now + ms, this.life, fn)
  }

  private every(ms: number, fn: () => void): void {
    this.after(ms * this.scene.random.between(0.9, 1.1), () => {
      fn()
      this.every(ms, fn)
    })
  }

  private send(to: string, message: Message): void {
    if (to === this.name) {
      const { identity } = this
      this.after(0.1, () => identity.incarnation === this.incarnation && this.receive(identity, message))
    } else {
      this.scene.links.send(this, to, message)
    }
  }

  private broadcast(message: Message): void {
    for (const { worker } of this.cluster.members) this.send(worker, message)
  }

  // ── Beats and the chain ──────────────────────────────────────────────────────────────────────────────────────────

  detect(event: DetectorEvent): void {
    const { next, changes } = detect(this.detector, event)
    this.detector = next
    if (changes.some((change) => change.verdict === 'dead')) {
      this.putBeat()
      this.poll(false)
    }
  }

  private tick(): void {
    this.detect({ kind: 'tick', nowMs: this.now })
    for (const name of this.scene.names) {
      if (name === this.name) continue
      this.scene.links.heartbeat(this, name, (at, { worker, incarnation }) =>
        at.detect({ kind: 'heard', worker, incarnation }),
      )
    }
  }

  private ownBeat(): Beat {
    return { ...this.identity, heartbeats: '', counter: this.counter, hears: heardBy(this.detector) }
  }

  private putBeat(): void {
    this.counter++
    this.store.put(beatPath(this.name), encodeBeat(this.ownBeat()), () => {})
  }

  /** Reads the chain to its end, then the beats. */
  private poll(again = true, reread = false): void {
    const requestMs = this.now
    const { generation } = this.reader.cluster
    this.reader.follow((error) => {
      if (error !== null) throw error
      if (this.membership.phase === 'booting') {
        this.act({ kind: 'chain', cluster: this.reader.cluster, nowMs: this.now })
      }
      this.found(requestMs, generation)
      this.readBeats(reread)
      if (again) this.after(1000, () => this.poll())
    })
  }

  private readBeats(reread: boolean): void {
    const beats: Beat[] = []
    const { names } = this.scene
    let open = names.length
    for (const name of names) {
      this.store.read(beatPath(name), (_, bytes) => {
        const beat = decodeBeat(name, bytes)
        if (beat !== null) beats.push(beat)
        if (--open > 0) return
        const settings = beatSettings(this.scene.limits)
        this.view = watchBeats(this.view, beats, this.now, settings)
        const others = beatingOf(this.view, goneBy(this.detector), settings)
        this.beating = beatingFrom(this.ownBeat(), others, isYoung(this.view, settings))
        this.act({ kind: 'beats', beating: this.beating, reread, nowMs: this.now })
        this.mindRescale()
      })
    }
  }

  private onRecord(record: ChainRecord, counts: boolean, cluster: Cluster): void {
    this.scene.referee.read(record, counts, cluster)
    if (!counts) return
    if (record.kind === 'generation') this.onGeneration(cluster)
    if (this.membership.phase !== 'booting') this.act({ kind: 'chain', cluster, nowMs: this.now })
    if (record.kind !== 'generation') return
    if (!includes(cluster.members, this.identity)) this.stepMover({ kind: 'generation' })
    if (!coordinates(this.membership)) return
    const { generation, members } = cluster
    const started = startRecovery({ generation, members }, record.n)
    this.recovery = started.next
    for (const effect of started.effects) this.executeRecovery(effect)
  }

  private onGeneration(cluster: Cluster): void {
    const { generation } = cluster
    const before = this.scene.referee.generations.get(generation - 1)?.cluster.members ?? []
    this.formers = formersAfter(
      this.formers,
      before,
      false,
      this.incarnation,
      this.now,
      leaseSettings(this.scene.limits),
    )
    this.lease = noLease
    this.leaseAsked.clear()
    for (const name of this.scene.names) this.send(name, { kind: 'seen', generation })
    for (const pipeline of this.checkpoints.keys()) this.checkpoint(pipeline, { kind: 'stop' })
    this.checkpoints.clear()
    if (this.rescale !== null) this.stepRescale({ kind: 'stop' })
    this.rescale = null
    if (this.recovery !== null && this.recovery.plan.generation < generation) {
      this.stepRecovery({ kind: 'superseded' })
    }
  }

  /** The end of the chain was seen, by a request of `requestMs` (L1). */
  private found(requestMs: number, generation: number): void {
    if (generation !== this.generation || !coordinates(this.membership)) return
    this.lease = renewLease(this.lease, requestMs, leaseSettings(this.scene.limits))
  }

  // ── Membership ───────────────────────────────────────────────────────────────────────────────────────────────────

  act(event: MembershipEvent): void {
    const before = this.membership
    const { next, effects } = stepMembership(before, event)
    this.membership = next
    if (next.phase !== before.phase) this.scene.log(`${this.name} ${before.phase} → ${next.phase} (${event.kind})`)
    for (const effect of effects) this.execute(effect)
  }

  private execute(effect: MembershipEffect): void {
    switch (effect.kind) {
      case 'reread':
        return this.poll(false, true)
      case 'propose': {
        const { after, members, bases } = effect
        this.scene.log(`${this.name} proposes ${after + 1}: ${members.map((member) => member.worker)}`)
        const world = this.world()
        const make = (cluster: Cluster) => recoveryRecord(cluster, after, this.name, members, world, bases)
        return this.append(make, (n) => n === null && this.act({ kind: 'notAppended', nowMs: this.now }))
      }
      case 'restore':
        return this.restore(effect.generation)
      case 'tellReady':
        this.scene.referee.ready(this.identity, effect.generation)
        return this.send(this.cluster.coordinator, { kind: 'ready', generation: effect.generation })
      case 'begin':
        return this.begin(effect.generation)
      case 'stopWork':
        this.stopped = true
        return
      case 'resumeWork':
        this.stopped = false
        return
      case 'askToJoin': {
        const { skipStalled } = this.scene
        const request: Request = { kind: 'join', member: this.identity, sessions: 0, skipStalled }
        return this.send(effect.coordinator.worker, { kind: 'request', request })
      }
      case 'askToLeave': {
        const { skipStalled } = this.scene
        const request: Request = { kind: 'leave', worker: this.name, skipStalled }
        return this.send(effect.coordinator.worker, { kind: 'request', request })
      }
      case 'tellGeneration':
        return this.broadcast({ kind: 'generation', generation: effect.generation })
      case 'beginAnew':
        return this.after(this.scene.random.between(1, 50), () => this.beginAnew())
      case 'exit':
        return this.scene.exited(this, effect.reason)
    }
  }

  private beginAnew(): void {
    this.writer.close()
    this.incarnation = this.draw()
    this.writer = this.newWriter()
    this.mover = startMover(this.name)
    this.recovery = null
    this.begun = 0
    this.owned = new Set()
    this.values.clear()
    this.held.clear()
    this.handed.clear()
    this.scene.links.arrive(this)
    this.scene.reborn(this)
    this.act({ kind: 'reborn', incarnation: this.incarnation })
  }

  private world() {
    return { keyGroups: this.scene.limits.keyGroups, splits: [], journals: this.scene.names, seen: 0 }
  }

  /** Appends, and answers with the record's number, or `null` where nothing was appended. */
  private append(make: Parameters<ChainWriter['append']>[0], done: (n: number | null) => void): void {
    const requestMs = this.now
    const { generation } = this.reader.cluster
    const { incarnation } = this
    this.writer.append(make, (outcome: Appended) => {
      if (outcome.kind === 'failed') throw outcome.error
      if (incarnation !== this.incarnation || outcome.kind === 'undecided') return
      if (outcome.kind !== 'appended' || !outcome.counts) return done(null)
      this.found(requestMs, generation)
      done(outcome.record.n)
    })
  }

  // ── A generation's beginning ─────────────────────────────────────────────────────────────────────────────────────

  private restore(generation: number): void {
    const { cluster, name } = this
    const arrived = new Set(handedOver(this.mover))
    const handed = new Map(
      [...this.handed].map(([pipeline, { epoch, values }]) => {
        const keyGroups = new Set([...values.keys()].filter((group) => arrived.has(group)))
        return [pipeline, { epoch, keyGroups }] as const
      }),
    )
    const entries = entriesOf(cluster, name, { owned: this.owned, held: this.held, handed })
    this.held.clear()
    for (const { pipeline, base, rollBack, adopt, read } of entries) {
      const values = this.valuesOf(pipeline)
      const manifest = cluster.pipelines.get(pipeline)!.base?.manifest
      const stored = manifest === undefined ? new Map<number, number>() : this.scene.referee.snapshot(manifest)
      for (const group of [...rollBack, ...read]) values.set(group, stored.get(group) ?? 0)
      for (const group of adopt) values.set(group, this.handed.get(pipeline)!.values.get(group)!)
      // Until the generation begins everything stands at its base.
      if (base !== null) this.held.set(pipeline, base)
    }
    const index = cluster.members.findIndex((member) => member.worker === name)
    this.owned = new Set([...cluster.owners.keys()].filter((group) => cluster.owners[group] === index))
    this.abandoned.clear()
    this.stepMover({ kind: 'generation' })
    this.after(this.scene.random.between(10, 300), () => this.act({ kind: 'restored', generation }))
  }

  private begin(generation: number): void {
    this.scene.referee.begins(this.identity, generation, this.values)
    this.held.clear()
    this.begun = generation
    this.stopped = false
    this.startCoordinating()
  }

  private startCoordinating(): void {
    if (!coordinates(this.membership) || this.begun !== this.generation) return
    const { cluster } = this
    if (this.rescale === null) {
      const { generation, members, owners } = cluster
      const settings = rescaleSettings(this.scene.limits)
      this.rescale = startRescale({ generation, members, owners, settings })
    }
    for (const [pipeline, entry] of cluster.pipelines) {
      if (this.checkpoints.has(pipeline)) continue
      const members = new Map(cluster.members.map(({ worker, incarnation }) => [worker, incarnation]))
      const plan = { members, intervalMs: 1000, timeoutMs: 3000, maxAbandoned: 3 }
      this.checkpoints.set(pipeline, { state: startCoordinator(plan, entry.highest, this.now), parts: new Map() })
    }
    const absent = this.scene.pipelines.find((pipeline) => !cluster.pipelines.has(pipeline))
    if (absent === undefined || this.submitting) return
    this.submitting = true
    const make = ({ generation, pipelines }: Cluster) =>
      pipelines.has(absent) || generation !== cluster.generation
        ? null
        : ({ kind: 'submit', generation, pipeline: absent, hash: 'h', parameters: {}, from: null, drop: [] } as const)
    this.append(make, () => {
      this.submitting = false
    })
  }

  private stepRecovery(event: RecoveryEvent): void {
    if (this.recovery === null) return
    const { next, effects } = stepRecovery(this.recovery, event)
    this.recovery = next
    for (const effect of effects) this.executeRecovery(effect)
  }

  private executeRecovery(effect: RecoveryEffect): void {
    const me = this.identity
    switch (effect.kind) {
      case 'tellGeneration':
        this.scene.referee.coordinates(me, effect.generation)
        return this.broadcast({ kind: 'generation', generation: effect.generation })
      case 'tellActivate':
        this.scene.referee.coordinates(me, effect.generation)
        for (const worker of effect.workers) this.send(worker, { kind: 'activate', generation: effect.generation })
        return
      case 'startOver':
        return this.act(effect)
    }
  }

  // ── Change of owners ─────────────────────────────────────────────────────────────────────────────────────────────

  private stepRescale(event: RescaleEvent): void {
    if (this.rescale === null) return
    const before = this.rescale.phase
    const { next, effects } = stepRescale(this.rescale, event)
    this.rescale = next
    if (next.phase !== before) this.scene.log(`${this.name} rescale ${before} → ${next.phase} (${event.kind})`)
    for (const effect of effects) this.executeRescale(effect)
  }

  private executeRescale(effect: RescaleEffect): void {
    const { generation } = this
    switch (effect.kind) {
      case 'answer': {
        const { request, answer, reason } = effect
        if (request.kind === 'rebalance' || request.kind === 'renew') return
        const worker = request.kind === 'join' ? request.member.worker : request.worker
        return this.send(worker, { kind: 'answer', answer, reason })
      }
      case 'announce': {
        const { attempt, moves } = effect
        const workers = new Set(moves.flatMap((move) => [move.from, move.to]))
        for (const worker of workers) {
          const own = moves.filter((move) => move.from === worker || move.to === worker)
          this.send(worker, { kind: 'announce', generation, attempt, moves: own })
        }
        return
      }
      case 'sendRound': {
        const { attempt, round, epochs } = effect
        return this.broadcast({ kind: 'sendRound', generation, attempt, round, epochs })
      }
      case 'requestEpoch': {
        const purpose: Purpose = { kind: effect.holds ? 'rescale' : 'fresh' }
        // The table is not stepped within a step of its own.
        return this.after(0.1, () => this.checkpoint(effect.pipeline, { kind: 'request', purpose, nowMs: this.now }))
      }
      case 'release': {
        const { attempt, pipelines } = effect
        for (const pipeline of pipelines) this.checkpoint(pipeline, { kind: 'resume', nowMs: this.now })
        return this.broadcast({ kind: 'released', generation, attempt, pipelines })
      }
      case 'appendRescale': {
        const world = this.world()
        const make = (cluster: Cluster) => rescaleRecord(cluster, effect.after, this.name, effect.target, world)
        return this.append(make, (n) => {
          if (n === null) this.stepRescale({ kind: 'notAppended', reason: 'not appended' })
        })
      }
    }
  }

  private mindRescale(): void {
    if (this.rescale === null || !('target' in this.rescale)) return
    const worker = lostOf(this.cluster, this.beating, this.rescale.target.members)
    if (worker !== null) this.stepRescale({ kind: 'lost', worker, reason: `${worker} is lost` })
  }

  private stepMover(event: MoverEvent): void {
    const { next, effects } = stepMover(this.mover, event)
    this.mover = next
    const { generation } = this
    for (const effect of effects) {
      if (effect.kind === 'sendParts') {
        const { attempt, round, to, keyGroups, epochs } = effect
        const parts = new Map<string, { epoch: number; values: Values }>()
        for (const [pipeline, epoch] of round === 'last' ? epochs : []) {
          assert(this.held.get(pipeline) === epoch, 'what is handed over stands at the epoch of the hold')
          const values = this.valuesOf(pipeline)
          parts.set(pipeline, { epoch, values: new Map(keyGroups.map((group) => [group, values.get(group) ?? 0])) })
        }
        this.send(to, { kind: 'parts', generation, attempt, round, parts })
      } else if (effect.kind === 'tellArrived') {
        const { attempt, round } = effect
        this.send(this.cluster.coordinator, { kind: 'arrived', generation, attempt, round })
      } else {
        this.handed.clear()
      }
    }
  }

  private collect(parts: Parts): void {
    for (const [pipeline, { epoch, values }] of parts) {
      const known = this.handed.get(pipeline)
      const merged = known?.epoch === epoch ? known.values : new Map<number, number>()
      for (const [group, value] of values) merged.set(group, value)
      this.handed.set(pipeline, { epoch, values: merged })
    }
  }

  // ── Checkpoints ──────────────────────────────────────────────────────────────────────────────────────────────────

  private tickTables(): void {
    this.startCoordinating()
    for (const pipeline of this.checkpoints.keys()) this.checkpoint(pipeline, { kind: 'tick', nowMs: this.now })
    this.stepRescale({ kind: 'tick', nowMs: this.now, pipelines: [...this.checkpoints.keys()] })
    if (this.membership.phase === 'leaving' && this.begun === this.generation) this.act({ kind: 'emptied' })
  }

  private checkpoint(pipeline: string, event: CoordinatorEvent): void {
    const one = this.checkpoints.get(pipeline)
    if (one === undefined) return
    const { next, effects } = stepCoordinator(one.state, event)
    one.state = next
    const { generation } = this
    const nowMs = this.now
    for (const effect of effects) {
      switch (effect.kind) {
        case 'inject': {
          const { epoch, purpose } = effect
          one.parts = new Map()
          this.scene.referee.coordinates(this.identity, generation)
          this.broadcast({ kind: 'barrier', generation, pipeline, epoch, purpose })
          break
        }
        case 'writeManifest': {
          const merged = new Map([...one.parts.values()].flatMap((values) => [...values]))
          this.scene.referee.saved(manifestOf(pipeline, effect.epoch, generation), merged)
          this.later(generation, () => this.checkpoint(pipeline, { kind: 'manifestWritten', epoch: effect.epoch }))
          break
        }
        case 'appendEpoch':
          this.appendEpoch(pipeline, effect.epoch, generation)
          break
        case 'tellFate': {
          const { fate, purpose } = effect
          this.broadcast({ kind: 'fate', generation, pipeline, fate })
          if (fate.outcome === 'complete') {
            const complete = {
              kind: 'epochComplete',
              pipeline,
              epoch: fate.epoch,
              holds: holds(purpose),
              nowMs,
            } as const
            this.stepRescale(complete)
          }
          break
        }
        case 'refuseRequest':
          this.later(generation, () =>
            this.stepRescale({ kind: 'epochFailed', pipeline, reason: effect.reason, nowMs: this.now }),
          )
          break
      }
    }
  }

  private appendEpoch(pipeline: string, epoch: number, generation: number): void {
    const make = (cluster: Cluster) =>
      cluster.generation === generation
        ? ({
            kind: 'epoch',
            generation,
            pipeline,
            epoch,
            manifest: manifestOf(pipeline, epoch, generation),
            drained: false,
          } as const)
        : null
    this.append(make, (n) => {
      if (n !== null && this.generation === generation) {
        this.checkpoint(pipeline, { kind: 'recorded', epoch, nowMs: this.now })
      }
    })
  }

  /** A little later, if the generation is still the same. */
  private later(generation: number, fn: () => void): void {
    this.after(this.scene.random.between(1, 20), () => this.generation === generation && fn())
  }

  // ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────────────

  receive(from: Member, message: Message): void {
    if (message.kind === 'activate') return this.act({ kind: 'activate', generation: message.generation })
    if (message.kind === 'generation') return this.poll(false)
    if (message.kind === 'answer') return this.act({ ...message, kind: 'joinAnswered' })
    if (message.kind === 'request') return this.onRequest(message.request)
    if (message.kind === 'seen') {
      if (message.generation >= this.generation) this.formers = withoutFormer(this.formers, from.incarnation)
      return
    }
    if (message.kind === 'ready') {
      const { worker, incarnation } = from
      return this.stepRecovery({ kind: 'ready', worker, incarnation, generation: message.generation })
    }
    if (message.generation !== this.generation) return
    this.receiveNow(from, message)
  }

  private receiveNow(from: Member, message: Extract<Message, { generation: number }>): void {
    const { worker, incarnation } = from
    switch (message.kind) {
      case 'leaseAsked': {
        const { generation, counter } = message
        if (!coordinates(this.membership)) return
        return this.send(worker, { kind: 'leaseGranted', generation, counter, ms: grantOf(this.lease, this.now) })
      }
      case 'leaseGranted': {
        const requestMs = this.leaseAsked.get(message.counter)
        if (requestMs !== undefined) this.lease = takeGrant(this.lease, requestMs, message.ms)
        return
      }
      case 'announce':
        return this.stepMover({ kind: 'announce', attempt: message.attempt, moves: message.moves })
      case 'sendRound':
        return this.after(this.scene.random.between(1, 200), () => {
          const { generation, attempt, round, epochs } = message
          if (generation === this.generation) this.stepMover({ kind: 'sendRound', attempt, round, epochs })
        })
      case 'parts':
        this.collect(message.parts)
        return this.stepMover({ kind: 'partsArrived', attempt: message.attempt, round: message.round, from: worker })
      case 'arrived': {
        const { attempt, round } = message
        return this.stepRescale({ kind: 'arrived', worker, incarnation, attempt, round, nowMs: this.now })
      }
      case 'released':
        for (const pipeline of message.pipelines) if (this.begun === this.generation) this.held.delete(pipeline)
        return this.stepMover({ kind: 'release', attempt: message.attempt })
      case 'barrier':
        return this.onBarrier(worker, message)
      case 'saved':
        return this.onSaved(worker, incarnation, message)
      case 'fate':
        return this.onFate(message.pipeline, message.fate)
    }
  }

  private onRequest(request: Request): void {
    const reachable = request.kind !== 'join' || mayJoin(this.cluster, this.beating, request.member.worker)
    this.stepRescale({ kind: 'request', request, reachable, room: null, nowMs: this.now })
  }

  private onBarrier(coordinator: string, message: Extract<Message, { kind: 'barrier' }>): void {
    const { generation, pipeline, epoch, purpose } = message
    if (this.begun !== generation) return
    const values = this.valuesOf(pipeline)
    const saved = new Map([...this.owned].map((group) => [group, values.get(group) ?? 0]))
    if (holds(purpose) && !this.abandoned.has(`${pipeline} ${epoch}`)) this.held.set(pipeline, epoch)
    const { random, refuseChance } = this.scene
    const part = random.chance(refuseChance) ? null : saved
    this.after(random.between(1, 100), () =>
      this.send(coordinator, { kind: 'saved', generation, pipeline, epoch, values: part }),
    )
  }

  private onSaved(worker: string, incarnation: string, message: Extract<Message, { kind: 'saved' }>): void {
    const { pipeline, epoch, values } = message
    const answer = { worker, incarnation, epoch }
    if (values === null) {
      this.checkpoint(pipeline, { kind: 'refused', ...answer, reason: 'the disk is full', nowMs: this.now })
      this.checkpoint(pipeline, { kind: 'passed', ...answer })
    } else {
      if (this.checkpoints.get(pipeline)?.state.epoch === epoch)
        this.checkpoints.get(pipeline)!.parts.set(worker, values)
      this.checkpoint(pipeline, { kind: 'saved', ...answer, snapshot: nothing, nowMs: this.now })
    }
  }

  /** An epoch that was abandoned holds nobody, whether its barrier has passed here or will. */
  private onFate(pipeline: string, fate: Fate): void {
    if (this.begun !== this.generation) return
    if (fate.outcome === 'abandoned') {
      this.abandoned.add(`${pipeline} ${fate.epoch}`)
      if (this.held.get(pipeline) === fate.epoch) this.held.delete(pipeline)
    }
  }

  // ── Work ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  private askLease(): void {
    const { generation, phase } = { generation: this.generation, phase: this.membership.phase }
    if (phase !== 'active' && phase !== 'leaving') return
    const counter = ++this.counter
    this.leaseAsked.set(counter, this.now)
    this.send(this.cluster.coordinator, { kind: 'leaseAsked', generation, counter })
  }

  private work(): void {
    const { phase } = this.membership
    if (this.stopped || this.begun !== this.generation || (phase !== 'active' && phase !== 'leaving')) return
    const groups = [...this.owned]
    for (const pipeline of this.cluster.pipelines.keys()) {
      if (this.held.has(pipeline) || groups.length === 0) continue
      const group = groups[this.scene.random.below(groups.length)]!
      const values = this.valuesOf(pipeline)
      values.set(group, (values.get(group) ?? 0) + 1)
      this.scene.referee.counts(this.identity, this.begun, pipeline, group)
    }
    if (holdsLease(this.lease, this.now) && this.now >= speaksAt(this.formers)) {
      this.scene.referee.speaks(this.identity, this.begun)
    }
  }

  private valuesOf(pipeline: string): Map<number, number> {
    const values = this.values.get(pipeline) ?? new Map<number, number>()
    this.values.set(pipeline, values)
    return values
  }
}

function manifestOf(pipeline: string, epoch: number, generation: number): string {
  return `${pipeline}/${epoch}-${generation}`
}
