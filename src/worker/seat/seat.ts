/**
 * A worker's seat in its cluster: carries out what the tables of membership and recovery decide, on the real chain,
 * store and links. It decides nothing.
 *
 *     opens ─chain read, taking connections─► has no seat ─a record names it─► restores ─all are ready─► works
 *
 * S1. Everything that happens goes through `Turns`: tables see one event after another, effects are carried out in
 *     order.
 * S2. What belongs to an incarnation (journal, writer, links, watch) is made when it is drawn, in front of its first
 *     beat, and closed when another is drawn (`presences.ts`, I1).
 * S3. Who reads a generation record tells it over the links of the generation before, then ends those.
 * S4. A worker whose store nobody else reaches goes the same way: there is nobody to wait for, to hear, or to tell.
 */
import type { PotorooError } from '../../base/errors.ts'
import type { ChainReader } from '../../checkpoint/chain-reader.ts'
import type { ChainWriter, MakeRecord } from '../../checkpoint/chain-writer.ts'
import type { Cluster, Member } from '../../checkpoint/cluster.ts'
import type { ChainRecord } from '../../checkpoint/record.ts'
import type { Heard } from '../../cluster/beats.ts'
import type { World } from '../../cluster/generation.ts'
import { coordinatorOf, type MembershipState } from '../../cluster/membership-state.ts'
import { nobodyElse, noNamesake } from '../../cluster/namesake.ts'
import { includes } from '../../cluster/standing.ts'
import type { Timer } from '../../env/clock.ts'
import type { Generation, Links } from '../execution/generation.ts'
import { programsOf } from '../pipelines/programs.ts'
import { Turns } from '../turns.ts'
import type { Others } from './beat-reader.ts'
import type { DriverHost } from './driver-host.ts'
import { Inbox } from './inbox.ts'
import type { Formers } from './journals.ts'
import { LeaseKeeper } from './lease-keeper.ts'
import type { Look } from './look.ts'
import { MembershipDriver } from './membership-driver.ts'
import { MoverDriver } from './mover-driver.ts'
import type { Neighbours } from './neighbours.ts'
import { Outlook } from './outlook.ts'
import type { SeatSeams } from './presence.ts'
import { Presences } from './presences.ts'
import { Reading } from './reading.ts'
import { type RebalanceHeard, Rebalances } from './rebalances.ts'
import { RecoveryDriver } from './recovery-driver.ts'
import { RescaleDriver } from './rescale-driver.ts'
import { type SeatStatus, statusOf } from './seat-status.ts'
import { StoreTroubles } from './store-trouble.ts'
import type { Watch } from './watch.ts'
import type { SeatWork } from './work.ts'

export class Seat {
  /** For people. */
  readonly status: SeatStatus
  private readonly seams: SeatSeams
  private readonly work: SeatWork
  private readonly turns = new Turns()
  private readonly reading: Reading
  private readonly rescale: RescaleDriver
  private readonly rebalances: Rebalances
  private readonly mover: MoverDriver
  private readonly leases: LeaseKeeper
  private readonly membership: MembershipDriver
  private readonly recovery: RecoveryDriver
  private readonly inbox: Inbox
  private readonly outlook: Outlook
  /** What belongs to this incarnation (S2). */
  private readonly presences: Presences
  private timer: Timer | null = null
  private closed = false

  constructor(seams: SeatSeams, work: SeatWork) {
    const { env, limits, worker, cluster } = seams
    this.seams = seams
    this.work = work
    this.outlook = new Outlook(cluster === null ? nobodyElse : noNamesake)
    const troubles = new StoreTroubles(env, 2 * limits.beatSilenceMs)
    this.reading = new Reading(seams, troubles, this.turns, {
      generation: (cluster, before, missed) => this.readGeneration(cluster, before, missed),
      record: (record, cluster) => this.onRecord(record, cluster),
      jumped: (cluster, within) => this.onJump(cluster, within),
      found: (requestMs, generation) => this.found(requestMs, generation),
      seen: (others, reread) => this.onBeats(others, reread),
      gone: () => this.gone,
      failed: (error) => this.fail(error),
    })
    this.presences = new Presences(seams, troubles, work, this.outlook, {
      control: (from, message, body) => this.turns.take(() => this.closed || this.inbox.take(from, message, body)),
      storeLost: (error) => this.membership.act({ kind: 'storeTimeout', reason: error?.message ?? '' }),
      counted: (requestMs, generation) => this.turns.take(() => this.leases.found(requestMs, generation)),
      hint: () => this.look.again(),
      failed: (error) => this.fail(error),
    })
    const { clock } = env
    const { turns } = this
    const host: DriverHost = {
      ...{ clock, limits, worker, turns, work },
      cluster: () => this.cluster,
      coordinator: () => coordinatorOf(this.cluster).worker,
      beating: () => this.outlook.beating,
      send: (to, message, body) => this.neighbours.send(to, message, body),
      append: (make, done) => this.append(make, done),
      world: () => this.world(),
    }
    this.leases = new LeaseKeeper({
      ...{ clock, limits, alone: cluster === null, cluster: host.cluster, send: host.send },
      coordinates: () => this.coordinates,
      works: () => this.phase === 'ready' || this.phase === 'active' || this.phase === 'leaving',
      gone: () => this.gone,
      changed: (held) => {
        if (held) work.resumeWork('lease')
        else work.stopWork('lease')
      },
    })
    this.membership = new MembershipDriver({
      ...{ seams, work, turns, cluster: host.cluster, append: host.append, world: host.world },
      send: host.send,
      address: () => this.watch?.beat.address ?? '',
      sessions: () => this.neighbours.sessions,
      reread: () => this.look.again(true),
      askLease: () => this.leases.ask(),
      restore: (generation) => this.restore(generation),
      begin: (generation) => this.begin(generation),
      tellGeneration: (generation) => this.tellGeneration(generation),
      beginAnew: () => {
        this.depart()
        work.forget(() => this.beginAnew())
      },
    })
    this.rescale = new RescaleDriver(host)
    this.rebalances = new Rebalances(host.send)
    this.mover = new MoverDriver(host)
    this.recovery = new RecoveryDriver({
      send: host.send,
      tellGeneration: (generation) => this.tellGeneration(generation),
      startOver: (event) => {
        this.membership.act(event)
        this.look.again()
      },
    })
    const { look, leases, recovery, rescale, rebalances, mover, membership, presences } = this
    this.status = statusOf({ membership, leases, presences, rescale, troubles })
    this.inbox = new Inbox({
      ...{ look, leases, recovery, rescale, rebalances, mover, work },
      cluster: host.cluster,
      coordinates: () => this.coordinates,
      send: host.send,
      step: (event) => this.membership.step(event),
    })
  }

  // ── What it is ───────────────────────────────────────────────────────────────────────────────────────────────────

  get formers(): Formers {
    return this.reading.formers
  }

  get reader(): ChainReader {
    return this.reading.chain
  }

  private get look(): Look {
    return this.reading.look
  }

  get incarnation(): string {
    return this.membership.state.incarnation
  }

  /** As this worker has read it. */
  get cluster(): Cluster {
    return this.reader.cluster
  }

  get phase(): MembershipState['phase'] {
    return this.membership.state.phase
  }

  get appender(): ChainWriter {
    return this.presences.current!.writer
  }

  /** The ways to other workers; `null` before the chain has been read. */
  get links(): Links | null {
    return this.presences.current?.neighbours.links ?? null
  }

  private get neighbours(): Neighbours {
    return this.presences.current!.neighbours
  }

  private get watch(): Watch | null {
    return this.presences.current?.watch ?? null
  }

  /** Whether all hold for a change of owners, or are about to, as the coordinator knows it. */
  get holding(): boolean {
    return this.rescale.holding
  }

  /** Whether this worker coordinates the generation that stands. */
  get coordinates(): boolean {
    return this.membership.coordinates
  }

  /** Whether what no generation fences may be done now (PROTOCOLS 7). */
  get maySpeak(): boolean {
    return this.leases.speaks
  }

  /** Incarnations that are known to have ended. */
  private get gone(): ReadonlySet<string> {
    return this.watch?.gone ?? new Set()
  }

  private get identity(): Heard {
    return { worker: this.seams.worker, incarnation: this.incarnation }
  }

  private get now(): number {
    return this.seams.env.clock.monotonic()
  }

  // ── Its life ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Reads the chain and takes connections; the rest comes by itself. */
  open(done: (error: PotorooError | null) => void): void {
    this.reader.followWhole((failed) => {
      if (this.closed) return
      if (failed !== null) return done(failed)
      this.work.mayGoOn(this.reader, (refused) => {
        if (this.closed) return
        if (refused !== null) return done(refused)
        this.arrive((error) => {
          if (error !== null) return done(error)
          this.tick()
          this.look.again()
          done(null)
        })
      })
    })
  }

  private arrive(done: (error: PotorooError | null) => void): void {
    this.presences.arrive(this.incarnation, this.reader, done)
  }

  private depart(): void {
    this.presences.depart()
    this.recovery.forget()
    this.rescale.stop()
    this.mover.forget()
  }

  close(): void {
    this.closed = true
    this.membership.close()
    this.timer?.cancel()
    this.reading.close()
    this.depart()
  }

  private fail(error: PotorooError): void {
    if (!this.closed) this.work.ended(error)
  }

  private readonly tick = (): void => {
    const { clock } = this.seams.env
    this.timer = clock.after(this.seams.limits.heartbeatMs, this.tick)
    this.neighbours.look()
    this.leases.ask()
    this.leases.mind()
    this.rescale.tick()
    // The only member cannot leave, and goes on with its doors open until somebody comes who stays.
    const alone = this.phase === 'leaving' && this.reading.members.length <= 1
    if (this.membership.isLeaving && !alone && this.work.isEmpty()) this.membership.act({ kind: 'emptied' })
  }

  // ── What people ask for ──────────────────────────────────────────────────────────────────────────────────────────

  /** Hands everything over and leaves the cluster. */
  leave(): void {
    this.membership.act({ kind: 'leave' })
    this.look.again()
  }

  /** The supervisor of `worker` says that its process has ended; it has not been started again. */
  exited(worker: string): void {
    const known = [...this.cluster.members, ...this.outlook.beating.beats.values()].filter(
      (one) => one.worker === worker,
    )
    for (const { incarnation } of known) {
      if (worker !== this.seams.worker) this.watch?.tell({ kind: 'exited', worker, incarnation })
    }
  }

  /**
   * Asks the coordinator to spread key groups by `load`, moving at most `budget` of them; the answer ends the hearing.
   */
  rebalance(load: Float64Array, budget: number, heard: RebalanceHeard): () => void {
    return this.rebalances.ask(this.cluster, load, budget, heard)
  }

  /** A seal stands on the journal of this incarnation: the others have gone on without it. */
  sealed(): void {
    this.membership.act({ kind: 'sealed' })
  }

  // ── Its part of a generation ─────────────────────────────────────────────────────────────────────────────────────

  restored(generation: number): void {
    this.membership.act({ kind: 'restored', generation })
  }

  /** The base of the pipeline with number `pipeline` cannot be restored here, and that of `instead` can. */
  damaged(generation: number, pipeline: number, instead: number): void {
    this.neighbours.send(this.cluster.coordinator, { kind: 'memberDamaged', generation, pipeline, instead })
  }

  // ── The chain and the beats ──────────────────────────────────────────────────────────────────────────────────────

  /** Looks into the chain: there may be something new. */
  hint(): void {
    this.look.atChain()
  }

  /** Reads the chain to its end, however often the store has to be asked, then calls `then`. */
  follow(then: () => void): void {
    this.reading.follow(then)
  }

  private onRecord(record: ChainRecord, cluster: Cluster): void {
    if (this.phase === 'booting') return
    if (record.kind === 'submit') this.neighbours.run(programsOf(cluster))
    this.onChain(cluster)
    // Who has left has no part in what comes after.
    if (this.phase !== 'gone') this.work.recorded(record, cluster)
  }

  /** What a generation begins with, it knows by `cluster`; within one, what ran before hears what has come about. */
  private onJump(cluster: Cluster, within: boolean): void {
    if (!within || this.phase === 'booting') return this.onChain(cluster)
    this.neighbours.run(programsOf(cluster))
    this.onChain(cluster)
    if (this.phase !== 'gone') this.work.jumped(cluster)
  }

  private onChain(cluster: Cluster): void {
    if (this.phase === 'booting') return
    this.membership.step({ kind: 'chain', cluster, nowMs: this.now })
    this.rescale.follow(cluster)
  }

  private readGeneration(cluster: Cluster, before: readonly Member[], missed: boolean): void {
    this.leases.begin(cluster.generation, before, missed, this.incarnation)
    if (this.phase !== 'booting') this.beginGeneration(cluster)
  }

  /** The links go over to the generation that `cluster` is in (S3). */
  private beginGeneration(cluster: Cluster): void {
    const { generation, members } = cluster
    this.rescale.stop()
    this.recovery.supersede()
    if (generation > 0 && cluster.coordinator === this.seams.worker && includes(members, this.identity)) {
      this.recovery.start({ generation, members })
    }
    this.neighbours.begin(cluster, programsOf(cluster))
    this.neighbours.meet(this.outlook.beating.beats.values())
    for (const worker of this.neighbours.all) this.neighbours.send(worker, { kind: 'generationSeen', generation })
    if (!includes(members, this.identity)) this.mover.forget()
  }

  /** The end of the chain was seen, by a request of `requestMs`. */
  private found(requestMs: number, generation: number): void {
    if (this.phase === 'booting') {
      if (this.cluster.generation > 0) this.beginGeneration(this.cluster)
      this.membership.step({ kind: 'chain', cluster: this.cluster, nowMs: this.now })
    }
    this.leases.found(requestMs, generation)
  }

  private onBeats(others: Others, reread: boolean): void {
    const { watch, outlook } = this
    const { beats } = others
    if (watch === null || this.closed) return
    const members = this.cluster.members.map(({ incarnation }) => incarnation)
    outlook.look(watch.beat, others, members, watch.gone)
    watch.follow(beats)
    this.neighbours.meet(beats)
    this.membership.step({ kind: 'beats', beating: outlook.beating, reread, nowMs: this.now })
    this.rescale.mind()
  }

  /** Appends; answers whether the record stands and counts. An answer for an earlier incarnation is none. */
  private append(make: MakeRecord, done: (appended: boolean) => void): void {
    const { incarnation } = this
    this.appender.append(make, (outcome) => {
      if (outcome.kind === 'failed') return this.fail(outcome.error)
      if (outcome.kind === 'undecided' || incarnation !== this.incarnation || this.closed) return
      const appended = outcome.kind === 'appended' && outcome.counts
      this.turns.take(() => done(appended))
    })
  }

  /** What this worker knows, and others by their beats, for a record of a generation. */
  private world(): World {
    const own = this.work.world()
    return { ...own, seen: Math.max(own.seen, this.outlook.seen) }
  }

  // ── Membership ───────────────────────────────────────────────────────────────────────────────────────────────────

  private begin(generation: number): void {
    this.work.begin(generation)
    if (this.coordinates) this.rescale.start(this.cluster)
    this.leases.ask()
    this.leases.mind()
  }

  private restore(generation: Generation): void {
    this.mover.forget()
    this.leases.resumed()
    this.work.restore(generation)
  }

  private beginAnew(): void {
    this.turns.take(() => {
      if (this.closed) return
      this.membership.step({ kind: 'reborn', incarnation: this.seams.env.random.id() })
      this.arrive((error) => {
        if (error !== null) return this.fail(error)
        this.look.again()
      })
    })
  }

  private tellGeneration(generation: number): void {
    const message = { kind: 'generation', generation, record: this.reading.record } as const
    for (const worker of this.neighbours.all) this.neighbours.send(worker, message)
  }
}
