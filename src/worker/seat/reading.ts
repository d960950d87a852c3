/**
 * What a worker reads of its cluster: the chain, record by record, and the beats beside it. It tells the seat, and
 * decides nothing.
 *
 * R1. What is read is told in the seat's turns, each thing when its turn comes; nothing is told after `close`.
 * R2. Another generation is told before the record that brought it, or with the jump over that record; every generation
 *     that is told of is another one than the last.
 * R3. Who has passed over records knows that somebody may have been a member in between: `named` is whole only for
 *     generations behind `since`.
 * R4. Many may wait until the chain has been read to its end: one reading at a time is for all of them, begun after
 *     each has asked, so that a store which does not answer is asked no more often the more there are.
 */
import type { PotorooError } from '../../base/errors.ts'
import { ChainReader } from '../../checkpoint/chain-reader.ts'
import type { Cluster, Member } from '../../checkpoint/cluster.ts'
import type { ChainRecord } from '../../checkpoint/record.ts'
import type { Turns } from '../turns.ts'
import { BeatReader, nobodyElse, type Others } from './beat-reader.ts'
import type { Formers } from './journals.ts'
import { Look } from './look.ts'
import type { SeatSeams } from './presence.ts'
import type { StoreTroubles } from './store-trouble.ts'

export interface ReadingEvents {
  /** The chain has come to another generation. `before` were members; `missed`: records in between were not read. */
  generation(cluster: Cluster, before: readonly Member[], missed: boolean): void
  /** A record that counts has been read. */
  record(record: ChainRecord, cluster: Cluster): void
  /**
   * Records have been passed over: what they said stands in `cluster`, which may be in another generation; `within`: it
   * is not.
   */
  jumped(cluster: Cluster, within: boolean): void
  /** The end of the chain was seen, by a request of `requestMs`, which was made in `generation`. */
  found(requestMs: number, generation: number): void
  /** The beats were read; `reread`: because the seat had asked for that. */
  seen(others: Others, reread: boolean): void
  /** Incarnations that are known to have ended. */
  gone(): ReadonlySet<string>
  failed(error: PotorooError): void
}

export class Reading {
  readonly chain: ChainReader
  readonly look: Look
  /** Members of the last generation that was read. */
  members: readonly Member[] = []
  /** The number of that generation's record in the chain, or of a later one. */
  record = 0
  private readonly seams: SeatSeams
  private readonly events: ReadingEvents
  private generation = 0
  /** Incarnations of workers that the chain has named as members, as far as it was read (R3). */
  private readonly named = new Map<string, Set<string>>()
  private since = 0
  private missed = false
  /** Who waits for the next reading (R4). */
  private waiting: (() => void)[] = []
  private following = false
  private closed = false

  constructor(seams: SeatSeams, troubles: StoreTroubles, turns: Turns, events: ReadingEvents) {
    const { env, limits, store, worker, cluster } = seams
    this.seams = seams
    this.events = events
    const turn = (act: () => void): void => turns.take(() => this.closed || act())
    this.chain = new ChainReader(store, limits, {
      onRecord: (record, counts, read) => {
        if (counts) turn(() => this.onRecord(record, read))
      },
      onJump: (read) => turn(() => this.onJump(read)),
    })
    const beats = cluster === null ? nobodyElse : new BeatReader({ store, clock: env.clock, limits }, worker)
    this.look = new Look(env.clock, this.chain, beats, limits.beatMs, {
      followed: (requestMs, generation) => {
        troubles.answered()
        troubles.end('read')
        turn(() => events.found(requestMs, generation))
      },
      missed: (error) => {
        troubles.answered()
        troubles.begin('read', error)
      },
      seen: (others, reread) => turn(() => events.seen(others, reread)),
      gone: () => events.gone(),
      failed: (error) => events.failed(error),
    })
  }

  get formers(): Formers {
    return { incarnations: this.named, since: this.since }
  }

  /** Reads the chain to its end, however often the store has to be asked, then calls `then` (R4). */
  follow(then: () => void): void {
    this.waiting.push(then)
    if (!this.following) this.followForAll()
  }

  private followForAll(): void {
    const { env, limits } = this.seams
    const asked = this.waiting.splice(0)
    this.following = true
    this.chain.follow((error) => {
      if (this.closed) return
      if (error !== null && error.code !== 'E_STORE') return this.events.failed(error)
      if (error !== null) {
        this.waiting.unshift(...asked)
        env.clock.after(limits.storeRetryMs, () => this.followForAll())
        return
      }
      for (const then of asked) then()
      this.following = false
      if (this.waiting.length > 0) this.followForAll()
    })
  }

  close(): void {
    this.closed = true
    this.look.close()
  }

  private onRecord(record: ChainRecord, cluster: Cluster): void {
    if (record.kind === 'generation') this.enter(cluster, record.n)
    this.events.record(record, cluster)
  }

  /**
   * Records have been passed over; what they said stands in `cluster`, a generation perhaps, whose record nobody sees.
   */
  private onJump(cluster: Cluster): void {
    this.missed = true
    const within = cluster.generation === this.generation
    if (!within) {
      // Who is a member of it is known.
      this.since = cluster.generation - 1
      this.enter(cluster, cluster.next - 1)
    }
    this.events.jumped(cluster, within)
  }

  /** The chain has come to another generation, by the record with number `n` or one before it. */
  private enter(cluster: Cluster, n: number): void {
    const { members: before, missed } = this
    this.generation = cluster.generation
    this.record = n
    this.members = cluster.members
    this.missed = false
    for (const { worker, incarnation } of cluster.members) {
      this.named.set(worker, (this.named.get(worker) ?? new Set()).add(incarnation))
    }
    this.events.generation(cluster, before, missed)
  }
}
