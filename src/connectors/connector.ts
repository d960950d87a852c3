/**
 * What the worker and a connector ask of each other. A connector knows the seams and these interfaces, and nothing of
 * tasks, channels or checkpoints, so that it can be tested alone.
 *
 * Two families of sources. A *journaled* source reads what cannot be read again (sockets): its records go to a lane,
 * which the worker's journal stands behind. A *replayable* source reads from something that keeps its records (a file):
 * its reader says where it stands, and is opened there again.
 *
 * O1. Nothing of a context is called inside a call of the connector: callbacks come on their own turn. `Into` is the
 *     exception; it is there to be called inside `poll`.
 * O2. After `failed` or `close` a connector calls nothing more.
 * O3. A writer owns the bytes it is given: the caller never changes them, and the writer does not copy them.
 * O4. A writer acknowledges a barrier once all bytes given to it before have left its control, or stand in the snapshot
 *     that goes with the acknowledgement (PROTOCOLS 8).
 */
import type { PotorooError } from '../base/errors.ts'
import type { Json } from '../base/json.ts'
import type { Limits } from '../base/limits.ts'
import type { Env } from '../env/env.ts'
import type { Input } from '../env/input.ts'
import type { Address } from '../env/network.ts'
import type { Output } from '../env/output.ts'
import type { Cuts, SinkDescription, SourceDescription } from '../model/connector.ts'
import type { RequestAnswer, RequestKey } from '../model/request.ts'

/** What a snapshot may hold. */
export type { Json }

/** What every connector is given when it is opened. */
export interface Context {
  readonly env: Env
  readonly limits: Limits
  /** The step that the connector serves; stands in messages. */
  readonly step: string
  /** There is something to poll, or room to write again. Calling it too often is harmless. */
  wake(): void
  /** Tells the operator about something that the connector itself has dealt with. */
  warn(problem: PotorooError): void
  /** The connector cannot go on (O2). */
  failed(error: PotorooError): void
}

// ── Sources ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The way of one plain connection into the journal. */
export interface Lane {
  /** Whether it takes anything now. `false`: bring nothing until `onRoom`. */
  ready(): boolean
  /** Takes complete records, copying them during the call. `false`: taken, but bring no more until `onRoom`. */
  push(bytes: Buffer, cuts: Cuts): boolean
  /** Names what is called when there is room again. */
  onRoom(fn: () => void): void
  /** The connection has ended. */
  close(): void
}

/** The server's end of one acknowledged connection: bytes in, bytes out. */
export interface Session {
  /** Whether it has been told who brings what, or what is no such thing. */
  readonly greeted: boolean
  /** Bytes that it holds of what has not come whole. */
  readonly pending: number
  /** Takes the next bytes of the connection. `false`: taken, but bring no more until `onRoom`. */
  onBytes(chunk: Buffer): boolean
  /** Bytes have come that `onBytes` brings later, with others. */
  onPart(): void
  /** Names what is called when there is room again. */
  onRoom(fn: () => void): void
  /** The connection has ended. */
  onClosed(): void
}

/** The way of requests into the journal: each is taken whole or not at all, and answered when it is safe. */
export interface Requests {
  /** What requests have to show, or `null`. */
  readonly token: string | null
  readonly room: boolean
  /** Why there is no room, or `null`. */
  readonly blockedBy: string | null
  /** Calls `fn` once, when there is room again. */
  whenRoom(fn: () => void): void
  /** `fn` wants no room any more. */
  forgetRoom(fn: () => void): void
  /** Takes the records that `cuts` finds in `bytes`, which stay as they are until the answer or `cancel`. */
  bring(
    bytes: Buffer,
    cuts: Cuts,
    key: RequestKey | null,
    until: 'journaled' | 'stable',
    answer: (answer: RequestAnswer) => void,
  ): { cancel(): void }
}

/** What the worker offers to a journaled source. */
export interface Door {
  readonly requests: Requests
  /** Opens a lane for a plain connection from `remote`. */
  lane(remote: string): Lane
  /**
   * Opens a session for an acknowledged connection. `send` answers false while the peer does not take its answers;
   * `close` sends what is queued and closes.
   */
  session(remote: string, send: (bytes: Uint8Array) => boolean, close: () => void): Session
}

export interface SourceContext extends Context {
  /** Other workers of this machine listen on the same port. */
  readonly sharePort: boolean
  /** The port at which this worker was reached last; 0: none yet. */
  readonly ownPort: number
  /** Standard input, where it is there to be read. */
  readonly standardInput: Input | null
  /** The source stands open at `address`, such as `127.0.0.1:7001`. */
  listening(address: string): void
  /** Producers that belong to this worker are to be sent to `address`. */
  reached(address: string): void
}

/** Counters of a source, for metrics: plain fields that the reader samples. */
export interface SourceStatus {
  connections: number
  accepted: number
  /** Connections that were not let in because of the limit. */
  refused: number
  /** Connections that were closed because of what they sent, or did not send. */
  expelled: number
  bytes: number
  records: number
}

/** An open journaled source. */
export interface Listening {
  readonly status: Readonly<SourceStatus>
  /**
   * The door has just been held: from now on nobody brings anything before it has room again, and connections stay.
   * Answers false where it cannot have that, as when it is left out.
   */
  stand?(): boolean
  /** Stops listening and closes every connection. */
  close(): void
}

export interface JournaledSource {
  readonly family: 'journaled'
  readonly kind: string
  /** Where it listens, with port 0 at a free one; nowhere where it does not say. */
  at?(description: SourceDescription<unknown>): Address
  open(description: SourceDescription<unknown>, door: Door, context: SourceContext): Listening
}

/** Takes what a reader has read; called only inside `poll`. */
export interface Into {
  push(value: unknown, position: number): void
  /** A record whose decoder threw; `bytes` is only valid during the call. */
  failed(bytes: Buffer, position: number, error: unknown): void
}

/** Where a reader resumes: JSON, opaque to all but the reader; `position` is that of the next record. */
export interface Place {
  readonly position: number
  readonly [detail: string]: Json
}

/**
 * Reads one split. Positions rise from record to record; the same place gives the same records at the same positions.
 */
export interface ReplayableReader {
  readonly status: Readonly<SourceStatus>
  /**
   * Hands over up to `max` records that are in memory already. `idle`: nothing now, `wake` follows; `ended`: nothing
   * ever again. `nowMs` never goes back.
   */
  poll(into: Into, max: number, nowMs: number): 'more' | 'idle' | 'ended'
  /** Where to resume after everything that was handed over. */
  place(): Place
  close(): void
}

export interface ReplayableSource {
  readonly family: 'replayable'
  readonly kind: string
  /** Finds the splits there are now, by name, in a fixed order; a following source is asked again from time to time. */
  splits(
    description: SourceDescription<unknown>,
    context: Context,
    found: (error: PotorooError | null, splits: readonly string[]) => void,
  ): void
  /** What is the same of all names that a split may have, such as `./a` and `a`; the name where it says nothing. */
  nameOf?(split: string): string
  /** Why a split of the source `step` cannot go on at `place`, as far as is known before it is opened, or `null`. */
  misfit?(description: SourceDescription<unknown>, step: string, place: Place): PotorooError | null
  /** Splits that are read at a time, at most; all where it says nothing. */
  atOnce?(description: SourceDescription<unknown>): number
  /** Opens `split` at `place`, or at its beginning. */
  open(description: SourceDescription<unknown>, split: string, place: Place | null, context: Context): ReplayableReader
}

export type SourceConnector = JournaledSource | ReplayableSource

// ── Sinks ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface SinkContext extends Context {
  readonly pipeline: string
  /** Names the store of the cluster among all there are; empty where an early version made it. */
  readonly store: string
  /** Names the run of the pipeline among all there ever were: ids mean something within it. */
  readonly history: string
  /** Names this writer among all of its sink, also those of earlier incarnations: file names carry it. */
  readonly writer: string
  readonly standardOutput: Output
  /** It takes connections at `address`, such as `127.0.0.1:7003`. */
  listening(address: string): void
  /** Whether this worker may speak now (PROTOCOLS 7). Asked before every write to what cannot be fenced. */
  maySpeak(): boolean
  /** Nobody will ever take the record `id`: it becomes a dead letter, of the epoch after the last barrier. */
  refused(id: string, bytes: Buffer, error: PotorooError): void
}

/**
 * Where each record of a write ends in its bytes, for sinks that ask for it (`apart`), and the id by which it is known
 * when it comes again; `null` where records have none (PROTOCOLS 8).
 */
export interface Apart {
  readonly ends: readonly number[]
  readonly ids: readonly string[] | null
}

/** Counters of a sink, for metrics. */
export interface WriterStatus {
  /** `no-peer`: nobody is there; `refused`: somebody is there and takes nothing now. */
  state: 'opening' | 'ready' | 'no-peer' | 'refused' | 'failed' | 'closed'
  /** Who takes nothing, and why; `null` in every other state. */
  blockedBy: string | null
  /** Bytes taken and not yet out of the writer's control. */
  queuedBytes: number
  writtenBytes: number
  records: number
  /** Peers now. */
  peers: number
  /** Records, or peers, that were given up as the sink's promise allows. */
  dropped: number
}

/** Of a writer that has written nothing. */
export function newStatus(state: WriterStatus['state'], peers = 0): WriterStatus {
  return { state, blockedBy: null, queuedBytes: 0, writtenBytes: 0, records: 0, peers, dropped: 0 }
}

/** Takes note of how the one peer of a writer is now; `blockedBy` says why it takes nothing. */
export function turn(status: WriterStatus, state: WriterStatus['state'], blockedBy: string | null = null): void {
  status.state = state
  status.blockedBy = blockedBy
  status.peers = state === 'ready' ? 1 : 0
}

/** Whether nobody takes anything from a writer now. */
export function isAlone({ state }: Readonly<WriterStatus>): boolean {
  return state === 'no-peer' || state === 'refused'
}

/** The epoch that a pipeline goes back to, as its writers see it. */
export interface Base {
  /** The generation that begins. */
  readonly generation: number
  /** The last complete epoch; 0 when there was none. */
  readonly epoch: number
  /** Something came after it that was complete once and is void now: what that made visible is to be taken back. */
  readonly back: boolean
  /** The snapshots of that epoch that this writer takes over: its own, and those of writers that are gone. */
  readonly snapshots: readonly Json[]
}

/** Writes the output of one sink task. `restore` comes first, and nothing is written before it has answered. */
export interface Writer {
  readonly status: Readonly<WriterStatus>
  /** False after `write` answered false, until `wake`. */
  readonly room: boolean
  /** Puts the outside world into the state of `base`, finishing what that epoch had promised. May be repeated. */
  restore(base: Base, done: () => void): void
  /** Takes the bytes of `records` whole records. `false`: taken, but bring no more until there is `room`. */
  write(bytes: Buffer, records: number, apart?: Apart): boolean
  /** Answers as O4 says, with what belongs into the epoch's snapshot. */
  barrier(epoch: number, generation: number, done: (snapshot: Json) => void): void
  /** `epoch` is complete and the chain says so: makes what `snapshot` lists visible. May be repeated. */
  commit(epoch: number, snapshot: Json): void
  /** No epoch below `epoch` will ever be a base again. */
  floor(epoch: number): void
  /** No record follows: answers when all has left. A barrier, a commit or a restore may still come. */
  end(done: () => void): void
  /** Lets go of everything at once; what was not acknowledged may be lost. */
  close(): void
}

export interface SinkConnector {
  readonly kind: string
  /** Whether several writers may serve one sink; otherwise all output goes through one. */
  parallel(description: SinkDescription<unknown>): boolean
  /**
   * The place that it has for itself: its snapshots mean something for that one alone, and no other sink may have it.
   * Left out where there is none.
   */
  place?(description: SinkDescription<unknown>): string
  open(description: SinkDescription<unknown>, context: SinkContext): Writer
  /**
   * Makes visible what `snapshots` list and is not, those of the last epoch of a pipeline of which nothing runs any
   * more; touches nothing else, and may be repeated. Answers why not all of it is, or `null`, and how much was not;
   * ends with what it returns. Left out where a complete epoch leaves nothing to do.
   */
  finish?(
    description: SinkDescription<unknown>,
    env: Pick<Env, 'clock' | 'disk'>,
    snapshots: readonly Json[],
    done: (reason: string | null, count: number) => void,
  ): () => void
}
