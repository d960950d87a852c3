/**
 * A watch that runs in the worker's loop: heartbeats on connections of their own, the detector, and the own beat in the
 * store.
 *
 * B1. Each worker dials every other that beats and sends its heartbeats there; what it hears comes on connections that
 *     the others have dialled. So a way that is cut in one direction is silent in that direction.
 * B2. A connection has said by its first frame that it belongs to the cluster; from any other nothing is taken.
 * B3. One heartbeat at most waits for a connection: an old one says nothing that the next does not. A connection that
 *     takes none for long is given up: after a cut the system would be slow to try its way again.
 * B4. A connection that closes is dialled again at once: where the process has ended, the refusal tells it.
 * B5. A connection on which a frame does not come to its end is closed: a bit that turned in its length would hide all
 *     that follows. So is one on which nothing comes for much longer than a worker is believed to live: strangers who
 *     say nothing, and workers that are gone, would take the room of others. Of those that have not said who they are
 *     the one that has waited longest goes where there are more than `linkGreetings`: a worker says so at once, and
 *     strangers who come again as soon as they are turned out keep none out.
 * B6. What stands under the worker's name is read before each beat is written: so whatever another process of that name
 *     has written since the beat before is found, however close together the two write. Who finds some waits for half a
 *     beat longer: two that write at the same moments, of which only one would see the other, fall out of step, and
 *     both see each other.
 * B7. Whose beat is found there is called once, where it takes heartbeats: a refusal tells that it has ended, and so is
 *     waited for no longer, as behind a kill on the same machine (`cluster/namesake.ts`, N5).
 * B8. That the own beat cannot be written is told (`unwritten-beats.ts`).
 */
import { ByteReader, ByteWriter } from '../../base/bytes.ts'
import { fail, type PotorooError } from '../../base/errors.ts'
import type { Limits } from '../../base/limits.ts'
import { sameSecret } from '../../base/secret.ts'
import { beat as beatPath } from '../../checkpoint/layout.ts'
import type { SmallStore } from '../../checkpoint/store.ts'
import { type Beat, decodeBeat, encodeBeat } from '../../cluster/beats.ts'
import {
  type DetectorEvent,
  type DetectorState,
  detect,
  goneBy,
  heardBy,
  startDetector,
} from '../../cluster/detector.ts'
import { detectorSettings } from '../../cluster/settings.ts'
import type { Timer } from '../../env/clock.ts'
import type { Env } from '../../env/env.ts'
import type { Address, Connection, ConnectionHandler, Listener, NetworkError } from '../../env/network.ts'
import { type Frame, FrameParser } from '../../protocol/frame.ts'
import { linkMessages } from '../../protocol/messages.ts'
import { spokenVersions } from '../../protocol/version.ts'
import { encodeFrame, HANDSHAKE_BYTES, HANDSHAKE_VERSION, type LinkMessage } from '../../transport/wire.ts'
import { addressOf, memberAddress } from '../address.ts'
import { UnwrittenBeats } from './unwritten-beats.ts'
import type { Evidence, OpenWatch, Stuck, StuckSince, Watch, WatchEvents, Watched, Watcher } from './watch.ts'

export interface HeartbeatSeams {
  readonly env: Pick<Env, 'clock' | 'network' | 'log'>
  readonly store: SmallStore
  readonly limits: Limits
  readonly cluster: string
  readonly token: string
  /** The address at which heartbeats are taken. */
  readonly host: string
  /** The name or address by which others reach it. */
  readonly reach: string
}

/** Connections that are taken at a time, for each worker that there may be: an old one beside its successor. */
const CONNECTIONS = 4

export function openHeartbeats(seams: HeartbeatSeams): OpenWatch {
  return (watcher, events, done) => new Heartbeats(seams, watcher, events).listen(done)
}

/** Use `listen` first. */
export class Heartbeats implements Watch {
  private readonly seams: HeartbeatSeams
  private readonly watcher: Watcher
  private readonly events: Pick<WatchEvents, 'changed' | 'found'>
  private readonly writer = new ByteWriter(1 << 10)
  private readonly calls = new Map<string, Call>()
  /** Those that belong to the cluster (B2). */
  private readonly callers = new Set<Caller>()
  /** Those that have not said so yet (B5). */
  private readonly strangers = new Set<Caller>()
  private detector: DetectorState
  private listener: Listener | null = null
  private counter = 0
  private putting = false
  /** When the last one was begun, by the monotonic clock. */
  private putAt = Infinity
  /** B8. */
  private readonly unwritten: UnwrittenBeats
  /** When the beat is due next, by the monotonic clock. */
  private beatAt = 0
  /** Whose loops stand still. */
  readonly stuck = new Map<string, StuckSince>()
  /** What holds up the own loop, and for how long. */
  private own: (Stuck & { readonly ms: number }) | null = null
  /** What `changed` has told last. */
  private told = '[[],[]]'
  /** It has told of nobody whose loop stands still. */
  private toldNoneStuck = true
  private timer: Timer | null = null
  /** Another incarnation whose beat was found under the own name (B7). */
  private namesake = ''
  private closed = false

  constructor(seams: HeartbeatSeams, watcher: Watcher, events: Pick<WatchEvents, 'changed' | 'found'>) {
    this.seams = seams
    this.watcher = watcher
    this.events = events
    this.unwritten = new UnwrittenBeats(seams.env, seams.limits.beatSilenceMs)
    this.detector = startDetector(detectorSettings(seams.limits), seams.env.clock.monotonic())
  }

  listen(done: (error: PotorooError | null, watch: Heartbeats) => void): void {
    const { env, host } = this.seams
    const accept = (connection: Connection): ConnectionHandler | null => this.accept(connection)
    env.network.listen({ host, port: 0 }, { members: true }, accept, (error, listener) => {
      if (error !== null || listener === null) {
        return done(fail('E_CLUSTER_LISTEN', { address: host, reason: String(error?.message) }, error), this)
      }
      this.listener = listener
      this.tick()
      done(null, this)
    })
  }

  // ── What it says ─────────────────────────────────────────────────────────────────────────────────────────────────

  get beat(): Beat {
    const port = this.listener?.address.port ?? 0
    const heartbeats = memberAddress({ host: this.seams.reach, port })
    return { ...this.watcher, heartbeats, counter: this.counter, hears: heardBy(this.detector) }
  }

  get gone(): ReadonlySet<string> {
    return goneBy(this.detector)
  }

  follow(others: readonly Watched[]): void {
    const wanted = new Map(others.map((other) => [`${other.incarnation} ${other.heartbeats}`, other]))
    for (const [name, call] of this.calls) {
      if (wanted.has(name)) continue
      call.stop()
      this.calls.delete(name)
    }
    for (const [name, other] of wanted) {
      const address = addressOf(other.heartbeats)
      if (this.calls.has(name) || address === null || this.closed) continue
      const refused = () => this.step({ kind: 'dialRefused', worker: other.worker, incarnation: other.incarnation })
      const { network } = this.seams.env
      this.calls.set(name, new Call(network, address, this.patience, () => this.hello(), refused))
    }
  }

  tell(evidence: Evidence): void {
    this.step(evidence)
  }

  /** What holds up this worker's loop, for all heartbeats until the next call; `null`: nothing. */
  say(stuck: (Stuck & { readonly ms: number }) | null): void {
    this.own = stuck
  }

  close(): void {
    this.closed = true
    this.timer?.cancel()
    this.listener?.close()
    for (const call of this.calls.values()) call.stop()
    for (const caller of [...this.callers, ...this.strangers]) caller.connection.destroy()
  }

  // ── The pace ─────────────────────────────────────────────────────────────────────────────────────────────────────

  private readonly tick = (): void => {
    const { env, limits } = this.seams
    const { clock } = env
    const nowMs = clock.monotonic()
    this.timer = clock.after(limits.heartbeatMs, this.tick)
    this.step({ kind: 'tick', nowMs })
    const who = { ...identityOf(this.watcher), counter: this.counter >>> 0 }
    const frame = this.frame(this.own === null ? { kind: 'heartbeat', ...who } : stuckMessage(who, this.own))
    for (const call of this.calls.values()) call.beat(frame)
    for (const caller of [...this.callers, ...this.strangers]) caller.look(this.patience, this.silence)
    if (nowMs >= this.beatAt) this.putBeat(nowMs)
  }

  private step(event: DetectorEvent): void {
    if (this.closed) return
    const { next, changes } = detect(this.detector, event)
    this.detector = next
    // One more heartbeat of somebody who was alive before it.
    const usual = event.kind === 'heard' && changes.length === 0
    if (usual && this.toldNoneStuck && this.stuck.size === 0) return
    for (const incarnation of this.stuck.keys()) if (!next.peers.has(incarnation)) this.stuck.delete(incarnation)
    const told = JSON.stringify([heardBy(next), [...goneBy(next)], [...this.stuck]])
    const news = told !== this.told || changes.some((change) => change.verdict === 'dead')
    this.told = told
    this.toldNoneStuck = this.stuck.size === 0
    if (!news) return
    this.putBeat(this.seams.env.clock.monotonic())
    this.events.changed()
  }

  private putBeat(nowMs: number): void {
    const { store, limits } = this.seams
    if (this.putting) return
    const stood = nowMs - this.putAt >= limits.beatMs
    this.putting = true
    this.putAt = nowMs
    this.beatAt = nowMs + limits.beatMs
    const path = beatPath(this.watcher.worker)
    store.read(path, (error, bytes) => {
      if (this.closed) return
      if (error === null) this.found(decodeBeat(path, bytes), stood)
      this.counter++
      // A hint: what fails now is said again by the next one.
      store.put(path, encodeBeat(this.beat), (error) => {
        this.putting = false
        this.unwritten.note(error)
      })
    })
  }

  /** B6. */
  private found(beat: Beat | null, stood: boolean): void {
    if (beat !== null && beat.incarnation !== this.watcher.incarnation) {
      this.beatAt += this.seams.limits.beatMs / 2
      this.call(beat)
    }
    this.events.found(beat, stood)
  }

  /** B7. */
  private call({ incarnation, heartbeats }: Beat): void {
    const { worker } = this.watcher
    const address = addressOf(heartbeats)
    if (address === null || this.namesake === incarnation) return
    this.namesake = incarnation
    const connection = this.seams.env.network.dial(address, {
      onOpen: () => connection.destroy(),
      onBytes: () => {},
      onEnd: () => connection.destroy(),
      onDrain: () => {},
      onClosed: (error) => {
        if (error?.code === 'refused') this.step({ kind: 'dialRefused', worker, incarnation })
      },
    })
  }

  // ── Connections ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Heartbeats for which a connection may stand still (B3, B5). */
  private get patience(): number {
    const { linkDialTimeoutMs, heartbeatMs } = this.seams.limits
    return Math.ceil(linkDialTimeoutMs / heartbeatMs)
  }

  /** Heartbeats that may stay away on a connection (B5). */
  private get silence(): number {
    const { deadMs, heartbeatMs } = this.seams.limits
    return this.patience + Math.ceil(deadMs / heartbeatMs)
  }

  private accept(connection: Connection): ConnectionHandler | null {
    const { strangers, callers } = this
    if (this.closed) return null
    if (strangers.size >= this.seams.limits.linkGreetings) {
      const [oldest] = strangers
      strangers.delete(oldest!)
      oldest!.connection.destroy()
    }
    const caller: Caller = new Caller(connection, {
      message: (message) => this.hear(caller, message),
      closed: () => {
        strangers.delete(caller)
        callers.delete(caller)
      },
    })
    strangers.add(caller)
    return caller
  }

  private hear(caller: Caller, message: LinkMessage): void {
    if (message.kind === 'hello' && this.belongs(message.cluster, message.token)) this.welcome(caller)
    if (
      !this.callers.has(caller) ||
      !(message.kind === 'hello' || message.kind === 'heartbeat' || message.kind === 'stuck')
    ) {
      return caller.connection.destroy()
    }
    const { worker, incarnation } = message
    if (message.kind === 'hello' || worker === this.watcher.worker) return
    if (message.kind === 'stuck') {
      const { ms, pipelineName: pipeline, step, key, stack } = message
      const sinceMs = this.stuck.get(incarnation)?.sinceMs ?? this.seams.env.clock.now() - ms
      this.stuck.set(incarnation, { sinceMs, pipeline, step, key, stack })
    } else this.stuck.delete(incarnation)
    this.step({ kind: 'heard', worker, incarnation })
  }

  private welcome(caller: Caller): void {
    this.strangers.delete(caller)
    if (this.callers.size < CONNECTIONS * this.seams.limits.workers) this.callers.add(caller)
  }

  /** B2. */
  private belongs(cluster: string, token: Uint8Array): boolean {
    return cluster === this.seams.cluster && sameSecret(Buffer.from(token).toString(), this.seams.token)
  }

  private hello(): Buffer {
    const { cluster, token } = this.seams
    const secret = Buffer.from(token)
    const place = { generation: 0, session: null, received: 0 }
    const who = identityOf(this.watcher)
    return this.frame({ kind: 'hello', ...spokenVersions, cluster, token: secret, ...who, ...place })
  }

  private frame(message: LinkMessage): Buffer {
    const place = { version: HANDSHAKE_VERSION, generation: 0, sequence: 0 }
    return encodeFrame(this.writer, message, place, HANDSHAKE_BYTES)
  }
}

function stuckMessage(
  who: { readonly worker: string; readonly incarnation: string; readonly counter: number },
  { pipeline: pipelineName, ...stuck }: Stuck & { readonly ms: number },
): LinkMessage {
  return { kind: 'stuck', ...who, pipelineName, ...stuck }
}

function identityOf({ worker, incarnation }: Watcher): { readonly worker: string; readonly incarnation: string } {
  return { worker, incarnation }
}

/** The connection to one other worker, dialled again whenever it is gone (B1). */
class Call implements ConnectionHandler {
  private readonly network: Env['network']
  private readonly address: Address
  private readonly patience: number
  private readonly hello: () => Buffer
  private readonly refused: () => void
  private connection: Connection | null = null
  private open = false
  /** Heartbeats that the connection has taken. */
  private taken = 0
  /** Heartbeats that it has not taken since. */
  private missed = 0
  private stopped = false

  /** After `patience` heartbeats that a connection has not taken another one is dialled. */
  constructor(network: Env['network'], address: Address, patience: number, hello: () => Buffer, refused: () => void) {
    this.network = network
    this.address = address
    this.patience = patience
    this.hello = hello
    this.refused = refused
    this.dial()
  }

  /** Sends a heartbeat, or dials for the next one. */
  beat(frame: Buffer): void {
    if (this.connection === null) this.dial()
    else if (this.open && this.connection.queued === 0) {
      this.connection.write(frame)
      this.taken++
      this.missed = 0
    } else if (++this.missed >= this.patience) this.connection.destroy()
  }

  private dial(): void {
    this.open = false
    this.taken = 0
    this.missed = 0
    this.connection = this.network.dial(this.address, this)
  }

  stop(): void {
    this.stopped = true
    this.connection?.destroy()
  }

  onOpen(): void {
    this.open = true
    this.connection?.write(this.hello())
  }
  onBytes(): void {}
  onEnd(): void {
    this.connection?.destroy()
  }
  onDrain(): void {}
  onClosed(error: NetworkError | null): void {
    this.connection = null
    if (this.stopped) return
    if (error?.code === 'refused') this.refused()
    // B4. One that has taken nothing is tried again with the next heartbeat.
    if (this.taken > 0) this.dial()
  }
}

/** The connection of another worker. */
class Caller implements ConnectionHandler {
  readonly connection: Connection
  private readonly events: { message(message: LinkMessage): void; closed(): void }
  private readonly parser = new FrameParser(HANDSHAKE_BYTES)
  /** Looks in a row that found the same frame without its end. */
  private unfinished = 0
  /** Looks in a row since a frame came. */
  private silent = 0

  constructor(connection: Connection, events: { message(message: LinkMessage): void; closed(): void }) {
    this.connection = connection
    this.events = events
  }

  /**
   * Closes a connection on which a frame has not come to its end for `patience` looks, or none has come for `silence`
   * (B5).
   */
  look(patience: number, silence: number): void {
    if (this.parser.waiting === 0) this.unfinished = 0
    else this.unfinished++
    if (this.unfinished >= patience || ++this.silent >= silence) this.connection.destroy()
  }

  onOpen(): void {}
  onBytes(chunk: Buffer): void {
    try {
      this.parser.push(chunk, (frame) => this.take(frame))
    } catch {
      // Bytes that are no frames: the other side dials anew.
      this.connection.destroy()
    }
  }
  onEnd(): void {
    this.connection.destroy()
  }
  onDrain(): void {}
  onClosed(): void {
    this.events.closed()
  }

  private take({ tag, payload }: Frame): void {
    this.unfinished = 0
    this.silent = 0
    this.events.message(linkMessages.read(tag, new ByteReader(payload), HANDSHAKE_VERSION))
  }
}
