/**
 * What a worker has as long as it is one incarnation: its way into the chain, its links, and who watches it. Another
 * incarnation has another presence (`seat.ts`, S2).
 */
import type { ByteReader } from '../../base/bytes.ts'
import type { PotorooError } from '../../base/errors.ts'
import type { Limits } from '../../base/limits.ts'
import type { ChainReader } from '../../checkpoint/chain-reader.ts'
import { ChainWriter } from '../../checkpoint/chain-writer.ts'
import type { SmallStore } from '../../checkpoint/store.ts'
import type { Beat, Heard } from '../../cluster/beats.ts'
import type { Env } from '../../env/env.ts'
import type { ControlMessage } from '../../transport/wire.ts'
import { memberAddress } from '../address.ts'
import type { ClusterSettings } from './cluster-settings.ts'
import { openHeartbeats } from './heartbeats.ts'
import { Neighbours } from './neighbours.ts'
import { Refusals } from './refusals.ts'
import type { StoreTroubles } from './store-trouble.ts'
import { type Stuck, type Watch, type WatchEvents, watchNobody } from './watch.ts'

export interface SeatSeams {
  readonly env: Env
  readonly limits: Limits
  readonly store: SmallStore
  readonly worker: string
  /** `null`: nobody else reaches the store (`seat.ts`, S4). */
  readonly cluster: ClusterSettings | null
}

export interface PresenceEvents {
  /** `body` stands behind the message's fields, good during the call alone. */
  control(from: Heard, message: ControlMessage, body: ByteReader): void
  /** There may be something new in the chain, in the beats, or in whom this worker hears. */
  hint(): void
  /** Nothing could be appended to the chain for too long, because of `error` where the store has said something. */
  storeLost(error: PotorooError | null): void
  /** A record of this worker's counts, which it has tried at `requestMs` for the first time. */
  counted(requestMs: number, generation: number): void
  /** As `WatchEvents.found`. */
  found(beat: Beat | null, stood: boolean): void
  /** The loop of this worker has stood still for `ms`, and goes on. */
  wasStuck(stuck: Stuck, ms: number): void
  /** What came on a link was no frame, and was not believed. */
  damaged(): void
  failed(error: PotorooError): void
}

export class Presence {
  readonly writer: ChainWriter
  readonly neighbours: Neighbours
  /** `null` until somebody can hear this worker. */
  watch: Watch | null = null
  closed = false
  private readonly seams: SeatSeams
  private readonly troubles: StoreTroubles
  private readonly incarnation: string
  private readonly events: PresenceEvents

  constructor(
    seams: SeatSeams,
    troubles: StoreTroubles,
    reader: ChainReader,
    incarnation: string,
    events: PresenceEvents,
  ) {
    const { env, limits, worker, cluster } = seams
    this.seams = seams
    this.troubles = troubles
    this.incarnation = incarnation
    this.events = events
    this.writer = new ChainWriter(
      reader,
      env,
      { worker, incarnation },
      {
        waits: (error) => troubles.begin('append', error),
        goesOn: (ms) => troubles.end('append', ms),
        resign: (error) => events.storeLost(error),
        counted: (requestMs, generation) => {
          troubles.answered()
          events.counted(requestMs, generation)
        },
      },
    )
    const refusals = new Refusals(env)
    const identity = { cluster: cluster?.name ?? '', token: cluster?.token ?? '', worker, incarnation, build: '' }
    this.neighbours = new Neighbours(env, identity, limits, {
      control: (from, message, body) => events.control(from, message, body),
      hint: () => events.hint(),
      evidence: (evidence) => this.watch?.tell(evidence),
      damaged: (peer, error) => {
        refusals.damaged(peer, error)
        events.damaged()
      },
      refused: (peer, error) => refusals.take(peer, error),
    })
  }

  /**
   * Takes links and heartbeats, and beats from now on; answers once it does, and never after `close`. `seen`: as in
   * `Watcher`.
   */
  beHeard(seen: number, done: (error: PotorooError | null) => void): void {
    if (this.closed) return
    const { env, limits, worker, cluster, store } = this.seams
    const { incarnation, events } = this
    const watched = (error: PotorooError | null, watch: Watch): void => {
      if (this.closed) return watch.close()
      this.watch = watch
      done(error)
    }
    const heard: WatchEvents = {
      changed: () => events.hint(),
      found: (beat, stood) => events.found(beat, stood),
      wasStuck: (stuck, ms) => events.wasStuck(stuck, ms),
      failed: (error) => events.failed(error),
    }
    if (cluster === null) {
      return watchNobody((fn) => env.clock.soon(fn))({ worker, incarnation, address: '', seen }, heard, watched)
    }
    const { listen, reach = listen.host, name, token } = cluster
    this.neighbours.listen(listen, (error, at) => {
      if (error !== null || at === null) return done(error)
      const open = cluster.watch ?? openHeartbeats({ env, store, limits, cluster: name, token, host: at.host, reach })
      open({ worker, incarnation, address: memberAddress({ host: reach, port: at.port }), seen }, heard, watched)
    })
  }

  close(): void {
    this.closed = true
    this.writer.close()
    this.troubles.forget('append')
    this.neighbours.close()
    this.watch?.close()
    this.watch = null
  }
}
