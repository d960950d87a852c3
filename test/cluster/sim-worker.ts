/**
 * A worker as far as the cluster's tables reach: it executes their effects on a simulated store and simulated links,
 * and counts records for its key groups (`sim-keys.ts`) instead of running a pipeline. It decides nothing. What it does
 * as the coordinator stands in `sim-coordinator.ts`.
 */
import { assert } from '../../src/base/assert.ts'
import { holds } from '../../src/checkpoint/barrier.ts'
import { ChainReader } from '../../src/checkpoint/chain-reader.ts'
import { type Appended, ChainWriter, type MakeRecord } from '../../src/checkpoint/chain-writer.ts'
import type { Cluster, Member } from '../../src/checkpoint/cluster.ts'
import { beat as beatPath } from '../../src/checkpoint/layout.ts'
import type { ChainRecord } from '../../src/checkpoint/record.ts'
import type { Store } from '../../src/checkpoint/store.ts'
import {
  type Beat,
  type BeatView,
  beatingOf,
  decodeBeat,
  encodeBeat,
  isYoung,
  lateOf,
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
import { recoveryRecord, type World } from '../../src/cluster/generation.ts'
import { coordinates, stepMembership } from '../../src/cluster/membership.ts'
import {
  type MembershipEffect,
  type MembershipEvent,
  type MembershipState,
  startMembership,
} from '../../src/cluster/membership-state.ts'
import { beatSettings, detectorSettings, membershipSettings } from '../../src/cluster/settings.ts'
import { type Beating, beatingFrom } from '../../src/cluster/standing.ts'
import type { Request } from '../../src/cluster/target.ts'
import { Life } from '../../src/sim/life.ts'
import { type Desk, SimCoordinator } from './sim-coordinator.ts'
import { type Holder, SimKeys } from './sim-keys.ts'
import { SimLeases } from './sim-leases.ts'
import type { Station } from './sim-links.ts'
import type { Message, Scene } from './sim-scene.ts'

export class SimWorker implements Station<Message>, Desk, Holder {
  readonly name: string
  readonly life: Life
  incarnation: string
  membership: MembershipState
  readonly scene: Scene
  private readonly store: Store
  private readonly reader: ChainReader
  private writer: ChainWriter
  private detector: DetectorState
  private view: BeatView
  beating: Beating = { beats: new Map(), young: true, twice: 'no', late: new Set() }
  /** What it knows of the others was read because it wants to make a generation. */
  private readAgain = false
  private counter = 0
  private readonly coordinator = new SimCoordinator(this)
  private readonly keys: SimKeys
  private readonly leases: SimLeases
  /** The generation that has begun here. */
  private begun = 0
  private stopped = false

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
    this.keys = new SimKeys(this)
    this.leases = new SimLeases(scene.limits)
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

  get cluster(): Cluster {
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
    const resign = () => this.act({ kind: 'storeTimeout', reason: '' })
    const events = { waits: () => {}, goesOn: () => {}, resign, counted: () => {} }
    return new ChainWriter(this.reader, { clock, random: chance }, writer, events)
  }

  after(ms: number, fn: () => void): void {
    this.scene.timeline.at(this.now + ms, this.life, fn)
  }

  private every(ms: number, fn: () => void): void {
    this.after(ms * this.scene.random.between(0.9, 1.1), () => {
      fn()
      this.every(ms, fn)
    })
  }

  send(to: string, message: Message): void {
    if (to === this.name) {
      const { identity } = this
      this.after(0.1, () => identity.incarnation === this.incarnation && this.receive(identity, message))
    } else {
      this.scene.links.send(this, to, message)
    }
  }

  broadcast(message: Message): void {
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
        const gone = goneBy(this.detector)
        this.view = watchBeats(this.view, beats, this.now, settings, gone)
        const others = beatingOf(this.view, gone, settings)
        const [young, late] = [isYoung(this.view, settings), lateOf(this.view, settings)]
        this.beating = beatingFrom(this.ownBeat(), others, young, 'no', late)
        this.readAgain = reread
        this.act({ kind: 'beats', beating: this.beating, reread, nowMs: this.now })
        this.coordinator.mind()
      })
    }
  }

  private onRecord(record: ChainRecord, counts: boolean, cluster: Cluster): void {
    this.scene.referee.read(record, counts, cluster)
    if (!counts) return
    if (record.kind === 'generation') this.onGeneration(cluster)
    if (this.membership.phase !== 'booting') this.act({ kind: 'chain', cluster, nowMs: this.now })
    if (record.kind !== 'generation') return
    if (!coordinates(this.membership)) return
    this.coordinator.recover(cluster)
  }

  private onGeneration(cluster: Cluster): void {
    const { generation } = cluster
    const before = this.scene.referee.generations.get(generation - 1)?.cluster.members ?? []
    this.leases.begin(before, this.incarnation, this.now)
    for (const name of this.scene.names) this.send(name, { kind: 'seen', generation })
    this.coordinator.supersede()
  }

  /** The end of the chain was seen, by a request of `requestMs` (L1). */
  private found(requestMs: number, generation: number): void {
    if (generation === this.generation && coordinates(this.membership)) this.leases.renew(requestMs)
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
        this.scene.referee.proposes(this.name, after, this.readAgain)
        this.scene.log(`${this.name} proposes ${after + 1}: ${members.map((member) => member.worker)}`)
        const { world } = this
        const make: MakeRecord = (cluster) => recoveryRecord(cluster, after, this.name, members, world, bases)
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
    this.keys.forget()
    this.coordinator.forget()
    this.begun = 0
    this.scene.links.arrive(this)
    this.scene.reborn(this)
    this.act({ kind: 'reborn', incarnation: this.incarnation })
  }

  get world(): World {
    return { keyGroups: this.scene.limits.keyGroups, splits: [], journals: this.scene.names, seen: 0 }
  }

  append(make: MakeRecord, done: (n: number | null) => void): void {
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
    this.keys.restore(this.cluster)
    this.after(this.scene.random.between(10, 300), () => this.act({ kind: 'restored', generation }))
  }

  private begin(generation: number): void {
    this.scene.referee.begins(this.identity, generation, this.keys.values)
    this.keys.begin()
    this.begun = generation
    this.stopped = false
    this.startCoordinating()
  }

  private startCoordinating(): void {
    if (coordinates(this.membership) && this.begun === this.generation) this.coordinator.start()
  }

  private tickTables(): void {
    this.startCoordinating()
    this.coordinator.tick()
    if (this.membership.phase === 'leaving' && this.begun === this.generation) this.act({ kind: 'emptied' })
  }

  // ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────────────

  receive(from: Member, message: Message): void {
    if (message.kind === 'activate') return this.act({ kind: 'activate', generation: message.generation })
    if (message.kind === 'generation') return this.poll(false)
    if (message.kind === 'answer') return this.act({ ...message, kind: 'joinAnswered' })
    if (message.kind === 'request') return this.coordinator.request(message.request)
    if (message.kind === 'seen') {
      if (message.generation >= this.generation) this.leases.seenBy(from.incarnation)
      return
    }
    if (message.kind === 'ready') {
      const { worker, incarnation } = from
      return this.coordinator.stepRecovery({ kind: 'ready', worker, incarnation, generation: message.generation })
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
        return this.send(worker, { kind: 'leaseGranted', generation, counter, ms: this.leases.grant(this.now) })
      }
      case 'leaseGranted':
        return this.leases.take(message.counter, message.ms)
      case 'roundAsked':
        return this.after(this.scene.random.between(1, 200), () => this.send(worker, { ...message, kind: 'arrived' }))
      case 'arrived': {
        const { attempt, round } = message
        return this.coordinator.stepRescale({ kind: 'arrived', worker, incarnation, attempt, round, nowMs: this.now })
      }
      case 'released':
        if (this.begun === this.generation) this.keys.release(message.pipelines)
        return
      case 'barrier':
        return this.onBarrier(worker, message)
      case 'saved':
        return this.coordinator.saved(worker, incarnation, message)
      case 'fate':
        if (this.begun === this.generation) this.keys.onFate(message.pipeline, message.fate)
    }
  }

  private onBarrier(coordinator: string, message: Extract<Message, { kind: 'barrier' }>): void {
    const { generation, pipeline, epoch, purpose } = message
    if (this.begun !== generation) return
    const frozen = this.keys.freeze(pipeline, epoch, holds(purpose))
    const { random, refuseChance } = this.scene
    const values = random.chance(refuseChance) ? null : frozen
    this.after(random.between(1, 100), () =>
      this.send(coordinator, { kind: 'saved', generation, pipeline, epoch, values }),
    )
  }

  // ── Work ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  private askLease(): void {
    const { generation, phase } = { generation: this.generation, phase: this.membership.phase }
    if (phase !== 'active' && phase !== 'leaving') return
    const counter = ++this.counter
    this.leases.ask(counter, this.now)
    this.send(this.cluster.coordinator, { kind: 'leaseAsked', generation, counter })
  }

  private work(): void {
    const { phase } = this.membership
    if (this.stopped || this.begun !== this.generation || (phase !== 'active' && phase !== 'leaving')) return
    for (const pipeline of this.cluster.pipelines.keys()) {
      const group = this.keys.count(pipeline)
      if (group !== null) this.scene.referee.counts(this.identity, this.begun, pipeline, group)
    }
    if (this.leases.speaks(this.now)) this.scene.referee.speaks(this.identity, this.begun)
  }
}
