/** What the worker does for its seat: all that the seat itself has nothing of, pipelines, journals and doors. */
import type { ByteReader } from '../../base/bytes.ts'
import type { PotorooError } from '../../base/errors.ts'
import type { ChainReader } from '../../checkpoint/chain-reader.ts'
import type { Cluster } from '../../checkpoint/cluster.ts'
import type { ChainRecord } from '../../checkpoint/record.ts'
import type { Heard } from '../../cluster/beats.ts'
import type { World } from '../../cluster/generation.ts'
import type { Room } from '../../cluster/target.ts'
import type { DoorMessage } from '../../ingest/generation.ts'
import type { ControlMessage } from '../../transport/wire.ts'
import type { Generation } from '../execution/generation.ts'

/** Why a worker may neither read nor write: `lease`, it has none (PROTOCOLS 2, S7). */
export type StopReason = 'minority' | 'generation' | 'fenced' | 'lease'

/** What a worker does for its seat. */
export interface SeatWork {
  /** Whether this worker may go on by the chain, which has been read to its end for the first time. */
  mayGoOn(chain: ChainReader, done: (error: PotorooError | null) => void): void
  /** Opens what belongs to an incarnation that has just been drawn; others hear of it afterwards. */
  arrive(incarnation: string, done: (error: PotorooError | null) => void): void
  /** Brings this worker's part of `generation` into memory; answered by `Seat.restored` or `Seat.damaged`. */
  restore(generation: Generation): void
  /** Every member has its part: data are exchanged from now on. */
  begin(generation: number): void
  stopWork(reason: StopReason): void
  resumeWork(reason: StopReason): void
  /** A record of the chain that counts has been read, and the tables have heard of it. */
  recorded(record: ChainRecord, cluster: Cluster): void
  /** Records of the generation that stands have been passed over: what they said stands in `cluster`. */
  jumped(cluster: Cluster): void
  /** A message about a pipeline. */
  control(from: Heard, message: ControlMessage, body: ByteReader): void
  /** Whether a seal stands on the journal of this incarnation; where that cannot be read now, it is asked again. */
  isSealed(done: (sealed: boolean) => void): void
  /** A message of another member's door. */
  atDoor(from: Heard, message: DoorMessage): void
  /** Drops all state and ends what belongs to this incarnation. */
  forget(done: () => void): void
  /** What this worker knows that the chain does not say, for a record of a generation. */
  world(): World
  /** Lets nothing more in, as this worker leaves; whether nothing is left here that others would lack. */
  isEmpty(): boolean
  /** Asks this worker, the coordinator, for an epoch of `pipeline`; `done` hears why there is none, or `null`. */
  requestEpoch(pipeline: string, holds: boolean, done: (failure: string | null) => void): void
  /**
   * Reads what this worker would restore of its pipelines if it owned `keyGroups`, as far as the chain goes now,
   * decodes it, and loads their programs; `last`: it is answered as soon as everything has been read. Nothing depends
   * on what comes of it.
   */
  readAhead(keyGroups: readonly number[], last: boolean, done: () => void): void
  /** Owners do not change: what was read ahead is of no use. */
  forgetAhead(): void
  /** For how many workers what runs here has memory; `null`: as many as you like. */
  room(): Room | null
  /** Pipelines that run here. */
  running(): readonly string[]
  /** Whether the chain names another program than the one that runs here, which takes its place with a generation. */
  outdated(): boolean
  /** The worker has left its cluster, or cannot go on. */
  ended(error: PotorooError | null): void
}
