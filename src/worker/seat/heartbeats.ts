/**
 * A watch that runs in the worker's loop: heartbeats on connections of their own, the detector, and the own beat in the
 * store.
 *
 * B1. Each worker dials every other that beats and sends its heartbeats there (`heartbeat-call.ts`); what it hears
 *     comes on connections that the others have dialled (`heartbeat-port.ts`). So a way that is cut in one direction is
 *     silent in that direction.
 * B2. What stands under the worker's name is read before each beat is written: so whatever another process of that name
 *     has written since the beat before is found, however close together the two write. Who finds some waits for half a
 *     beat longer: two that write at the same moments, of which only one would see the other, fall out of step, and
 *     both see each other.
 * B3. Whose beat is found there is called once, where it takes heartbeats: a refusal tells that it has ended, and so is
 *     waited for no longer, as behind a kill on the same machine (`cluster/namesake.ts`, N5).
 * B4. That the own beat cannot be written is told (`unwritten-beats.ts`).
 */
import { ByteWriter } from '../../base/bytes.ts'
import type { PotorooError } from '../../base/errors.ts'
import type { Limits } from '../../base/limits.ts'
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
import { spokenVersions } from '../../protocol/version.ts'
import { encodeFrame, HANDSHAKE_BYTES, HANDSHAKE_VERSION, type LinkMessage } from '../../transport/wire.ts'
import { addressOf, memberAddress } from '../address.ts'
import { HeartbeatCall } from './heartbeat-call.ts'
import { type Heartbeat, HeartbeatPort } from './heartbeat-port.ts'
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

export function openHeartbeats(seams: HeartbeatSeams): OpenWatch {
  return (watcher, events, done) => new Heartbeats(seams, watcher, events).listen(done)
}

/** Use `listen` first. */
export class Heartbeats implements Watch {
  private readonly seams: HeartbeatSeams
  private readonly watcher: Watcher
  private readonly events: Pick<WatchEvents, 'changed' | 'found'>
  private readonly writer = new ByteWriter(1 << 10)
  private readonly calls = new Map<string, HeartbeatCall>()
  private readonly port: HeartbeatPort
  private detector: DetectorState
  private counter = 0
  private putting = false
  /** When the last one was begun, by the monotonic clock. */
  private putAt = Infinity
  /** B4. */
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
  /** Another incarnation whose beat was found under the own name (B3). */
  private namesake = ''
  private closed = false

  constructor(seams: HeartbeatSeams, watcher: Watcher, events: Pick<WatchEvents, 'changed' | 'found'>) {
    this.seams = seams
    this.watcher = watcher
    this.events = events
    this.port = new HeartbeatPort(seams, (heartbeat) => this.hear(heartbeat))
    this.unwritten = new UnwrittenBeats(seams.env, seams.limits.beatSilenceMs)
    this.detector = startDetector(detectorSettings(seams.limits), seams.env.clock.monotonic())
  }

  listen(done: (error: PotorooError | null, watch: Heartbeats) => void): void {
    this.port.listen(this.seams.env.network, (error) => {
      if (error === null) this.tick()
      done(error, this)
    })
  }

  // ── What it says ──────────────────────────────────────────────────────────────────────────────────────────────────

  get beat(): Beat {
    const heartbeats = memberAddress({ host: this.seams.reach, port: this.port.number })
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
      this.calls.set(name, new HeartbeatCall(network, address, this.patience, () => this.hello(), refused))
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
    this.port.close()
    for (const call of this.calls.values()) call.stop()
  }

  // ── The pace ──────────────────────────────────────────────────────────────────────────────────────────────────────

  private readonly tick = (): void => {
    const { env, limits } = this.seams
    const { clock } = env
    const nowMs = clock.monotonic()
    this.timer = clock.after(limits.heartbeatMs, this.tick)
    this.step({ kind: 'tick', nowMs })
    const who = { ...identityOf(this.watcher), counter: this.counter >>> 0 }
    const frame = this.frame(this.own === null ? { kind: 'heartbeat', ...who } : stuckMessage(who, this.own))
    for (const call of this.calls.values()) call.beat(frame)
    this.port.look(this.patience)
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

  /** B2. */
  private found(beat: Beat | null, stood: boolean): void {
    if (beat !== null && beat.incarnation !== this.watcher.incarnation) {
      this.beatAt += this.seams.limits.beatMs / 2
      this.call(beat)
    }
    this.events.found(beat, stood)
  }

  /** B3. */
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

  /** Heartbeats for which a connection may stand still. */
  private get patience(): number {
    const { linkDialTimeoutMs, heartbeatMs } = this.seams.limits
    return Math.ceil(linkDialTimeoutMs / heartbeatMs)
  }

  // ── What it hears and sends ───────────────────────────────────────────────────────────────────────────────────────

  private hear(heartbeat: Heartbeat): void {
    const { worker, incarnation } = heartbeat
    if (worker === this.watcher.worker) return
    if (heartbeat.kind === 'stuck') {
      const { ms, pipelineName: pipeline, step, key, stack } = heartbeat
      const sinceMs = this.stuck.get(incarnation)?.sinceMs ?? this.seams.env.clock.now() - ms
      this.stuck.set(incarnation, { sinceMs, pipeline, step, key, stack })
    } else this.stuck.delete(incarnation)
    this.step({ kind: 'heard', worker, incarnation })
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
