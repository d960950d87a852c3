/**
 * What a pipeline's execution and the driver of its worker agree upon. An execution is one pipeline on this worker
 * within ONE generation; the driver makes a new one for each generation and hands over what the one before held. The
 * driver decides when something happens, the execution does it.
 *
 *     start ──► restored ──► activate ──► running ──► close, release
 *       ├─────► damaged: an older base is needed; nothing more happens until `close`
 *       └─────► failed                          └─► spoiled: a further generation is needed; nothing more runs until `close`
 *
 * N1. `close` is the end of everything: no event follows. `holdings` and `leaveOpen` are asked before it, and what they
 *     answer belongs to the next execution; where none comes, who has asked lets go of it (`letGo`).
 * N2. Between `restored` and `activate` nothing runs, nothing listens, nothing is sent; state is decoded
 *     (`opening.ts`).
 * N3. Control messages of the generation come once it runs; earlier ones wait elsewhere. A request for an epoch is
 *     answered also by one that has ended: who asks may not have read that it has.
 * N4. Events come on turns of their own, never inside a call of the driver; `running` alone comes within `activate`.
 * N5. A channel has one end in a generation (links), and an epoch that was under way may still become complete in it.
 *     So a generation of a cluster runs a pipeline's run once: who puts another program in its place takes a new
 *     generation.
 * N6. Any member may ask for an epoch. A drain makes all members hold; on each of them it is over with `drained`. The
 *     one that asked hears an answer besides.
 */
import type { ByteReader } from '../../base/bytes.ts'
import type { PotorooError } from '../../base/errors.ts'
import type { Purpose } from '../../checkpoint/barrier.ts'
import type { Member } from '../../checkpoint/cluster.ts'
import type { Manifest } from '../../checkpoint/manifest.ts'
import type { Placement } from '../../cluster/splits.ts'
import type { Failure } from '../../dataflow/failure.ts'
import type { KeyedStore } from '../../state/keyed-store.ts'
import type { ChannelTaker, Inlet } from '../../transport/inlet.ts'
import type { BatchEncoder, ChannelAddress, Outlet } from '../../transport/outlet.ts'
import type { BodyWriter } from '../../transport/peer.ts'
import type { ControlMessage } from '../../transport/wire.ts'
import type { ListeningSource } from './sources/listening-source.ts'

/** One generation, as its record in the chain describes it. Never changed. */
export interface Generation {
  readonly number: number
  /** The worker that decides the epochs. */
  readonly coordinator: string
  /** A member's place in the list is its index in `owners`. */
  readonly members: readonly Member[]
  /** This worker's place in `members`. */
  readonly self: number
  /** Key group → index of the member that owns it. */
  readonly owners: Uint16Array
  readonly placement: Placement
}

/** The ways to the members of a generation. They end with it: what is sent afterwards is lost. */
export interface Links {
  /** Sends on the control lane. A message to this worker itself comes back on a turn of its own, like any other. */
  send(worker: string, message: ControlMessage, body?: BodyWriter | null): void
  /** The version of the protocol that is spoken with `worker`; 0 before one was agreed on. */
  version(worker: string): number
  /** Bytes of what was sent so that `worker` is not known to have. */
  backlog(worker: string): number
  /** The sending end of a channel to another member, once in a generation. */
  outlet<B>(worker: string, address: ChannelAddress, encode: BatchEncoder<B>): Outlet<B>
  /** The receiving end of a channel from another member, once in a generation. */
  inlet(worker: string, address: ChannelAddress, taker: ChannelTaker): Inlet
}

/**
 * Steps whose states are copied before each call, however large: such a state was spoiled (PROTOCOLS 9). It is also
 * looked at after the call where it was nested too deep to be written (`dataflow/state-depth.ts`).
 */
export type Careful = ReadonlyMap<string, Care>

/** What is done for a step beyond the usual; the second does what the first does, too. */
export type Care = 'copied' | 'lookedAt'

/** What one generation's execution leaves to the next one's, in memory. */
export interface Holdings {
  /** By step: as they stood at `base`, and what has changed since. */
  readonly stores: ReadonlyMap<string, KeyedStore>
  /** The last complete epoch that the stores know of; 0 before the first. */
  readonly base: number
  /** An epoch that they have saved and of which they do not know how it ended, 0 for none. */
  readonly undecided: number
  /** Key groups that the worker owned. */
  readonly owned: ReadonlySet<number>
  readonly careful: Careful
  /** Sources that are open still, by step: whoever has this goes on with them, or closes them. None when left out. */
  readonly open?: ReadonlyMap<string, ListeningSource>
  /** The record that submitted what ran: another program, or the same one with other parameters, makes other stores. */
  readonly submitted: number
}

/** Nobody goes on with what these are. */
export function letGo(holdings: Holdings | null): void {
  for (const source of holdings?.open?.values() ?? []) source.close()
}

export interface ExecutionEvents {
  /** This worker's part of the base is in memory, and the outside world stands there too: `activate` may follow. */
  restored(): void
  /**
   * The generation's base cannot be restored, and the older epoch `instead` can: a further generation has to name it.
   * Until then nothing of the outside world has been changed.
   */
  damaged(instead: number): void
  /**
   * A call has thrown that changed a state of which there is no copy: a further generation has to go back to the last
   * epoch (PROTOCOLS 9). Until then nothing runs, and nobody is shown the state.
   */
  spoiled(): void
  /** The pipeline runs: it continues from `base`, or starts with nothing. */
  running(base: Manifest | null): void
  /** Said on the coordinator: all sources have ended and everything has left, on all members. A `drain` may follow. */
  ended(): void
  /** The last epoch of a drain has been read in the chain: `end` and `close` may follow. */
  drained(): void
  failed(error: PotorooError): void
  /** Something for the operator that the pipeline itself has dealt with. */
  warned(error: PotorooError): void
  /** A record did not get through. */
  letter(failure: Failure, split: string): void
  /** An epoch's record stands in the chain that this worker may not have read: read on, and say `recorded`. */
  behind(epoch: number): void
}

/** What the driver of a worker asks of an execution. */
export interface Executing {
  readonly pipeline: string
  /** Restores this worker's part. */
  start(): void
  /** All members are ready: channels open, sources listen, the coordinator begins epochs. */
  activate(): void
  /** A control message about this pipeline, from a member of this generation, itself included. */
  control(worker: string, message: ControlMessage, body: ByteReader): void
  /** The worker may neither read nor write (no lease, a minority); what runs goes on. */
  stopWork(reason: string): void
  resumeWork(): void
  /** Lets nothing more in on this worker, which leaves; what has come in goes on. */
  closeDoors(reason: string): void
  /** The epoch's record has been read in the chain, and counts. */
  recorded(epoch: number): void
  /**
   * The pipeline was drained with this epoch, and this worker may not have heard so: nothing more runs, and what sinks
   * have of it may leave, also in a later generation. `end` follows.
   */
  drained(epoch: number): void
  /** The floor has been read in the chain. */
  floor(epoch: number): void
  /**
   * Asks the coordinator for an epoch with `purpose`, from any member; `done` hears why it did not come about, or
   * `null`.
   */
  request(purpose: Purpose, done: (failure: string | null) => void): void
  /** After an epoch with a purpose that holds: what it held for does not come about, all members go on. */
  resume(): void
  /**
   * Stops the input on all members, makes a last epoch, and ends this worker's sinks (`end`); `stays`: the chain says
   * so, and the pipeline runs in no later generation.
   */
  drain(endMs: number, stays: boolean, done: (failure: string | null) => void): void
  /**
   * For a member that is about to end: lets nothing more in here, and ends this worker's sinks behind an epoch that has
   * everything that came in. Others that end at the same time come into a later one, which is waited for.
   */
  rest(endMs: number, done: (failure: string | null) => void): void
  /** Ends this worker's sinks in order; what one has not let go of after `endMs` stands in the last epoch. */
  end(endMs: number, done: () => void): void
  holdings(): Holdings
  /**
   * Gives away what listens and can go on with another generation (`listening-source.ts`): it takes nothing in before
   * that.
   */
  leaveOpen(): ReadonlyMap<string, ListeningSource>
  close(): void
  /** Closes it, and lets go of all state: the last epoch has it, and no execution goes on from what was here. */
  release(): void
}
