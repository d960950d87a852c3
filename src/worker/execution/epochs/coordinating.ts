/**
 * Carries out what the coordinator's table decides for one pipeline, on the worker that decides the generation's
 * epochs: what members say goes in as events, and effects come out. It decides nothing itself.
 *
 * O1. An event that an effect raises waits until the effects before it have been carried out.
 * O2. Every answer of a member comes here, also those of the worker itself, and by the same way.
 * O3. It looks at the time when that decides something, and not before: a pipeline at rest wakes its worker once for
 *     each epoch.
 * O4. What every producer stands in is written down in slices: nothing else would go on here meanwhile.
 */
import type { Limits } from '../../../base/limits.ts'
import { type Purpose, periodic } from '../../../checkpoint/barrier.ts'
import type { ChainWriter } from '../../../checkpoint/chain-writer.ts'
import { startCoordinator, stepCoordinator, tickAt } from '../../../checkpoint/coordinator.ts'
import type { CoordinatorEffect, CoordinatorEvent, CoordinatorState } from '../../../checkpoint/coordinator-state.ts'
import * as layout from '../../../checkpoint/layout.ts'
import {
  type Manifest,
  type ManifestFrame,
  makeManifest,
  type Snapshot,
  sealManifest,
} from '../../../checkpoint/manifest.ts'
import type { NamedPacks } from '../../../checkpoint/named-packs.ts'
import { makeSavepoint } from '../../../checkpoint/savepoint.ts'
import type { Store } from '../../../checkpoint/store.ts'
import { writeOnce } from '../../../checkpoint/write-once.ts'
import type { Clock, Timer } from '../../../env/clock.ts'
import type { Log } from '../../../env/log.ts'
import { Turns } from '../../turns.ts'
import type { CoordinatorsMail, EpochPost } from './epoch-post.ts'
import { type Answered, EpochRequests } from './epoch-requests.ts'

export interface CoordinatingSeams {
  readonly store: Store
  readonly chain: ChainWriter
  readonly clock: Clock
  readonly log: Log
  readonly limits: Limits
  /** Hears what the manifests name that are written. */
  readonly named: NamedPacks
}

/** What the epochs of a pipeline begin with in this generation. */
export interface CoordinatingParts {
  readonly frame: ManifestFrame
  /** Incarnations of the members, by worker. */
  readonly members: ReadonlyMap<string, string>
  readonly base: Manifest | null
  /** The greatest number of an epoch so far. */
  readonly highest: number
}

/** What is said to every member, this worker included, and to one that has asked for an epoch. */
export type MailToMembers = Pick<EpochPost, 'startEpoch' | 'endEpoch' | 'holdSources' | 'releaseSources' | 'answer'>

export class Coordinating implements CoordinatorsMail {
  private readonly seams: CoordinatingSeams
  private readonly frame: ManifestFrame
  private readonly members: ReadonlyMap<string, string>
  private readonly post: MailToMembers
  /** Hears that the output of all members has ended. */
  private readonly ended: () => void
  /** Members whose output has ended. */
  private readonly endedOn = new Set<string>()
  private readonly turns = new Turns()
  private readonly requests = new EpochRequests()
  private state: CoordinatorState
  private base: Manifest | null
  private manifest: Manifest | null = null
  /** That of the epoch under way. */
  private purpose: Purpose = periodic
  private started = false
  /** When it looks at the time next (O3). */
  private wakesMs = Infinity
  private timer: Timer | null = null
  /** Epochs abandoned since the last complete one. */
  private abandoned = 0

  constructor(seams: CoordinatingSeams, parts: CoordinatingParts, post: MailToMembers, ended: () => void) {
    const { frame, members, base, highest } = parts
    this.seams = seams
    this.frame = frame
    this.members = members
    this.base = base
    this.post = post
    this.ended = ended
    const { checkpointIntervalMs, checkpointTimeoutMs, maxAbandoned } = seams.limits
    const plan = { members, intervalMs: checkpointIntervalMs, timeoutMs: checkpointTimeoutMs, maxAbandoned }
    this.state = startCoordinator(plan, highest, seams.clock.monotonic())
  }

  /** Begins to make epochs. */
  start(): void {
    this.started = true
    this.wait()
  }

  stop(): void {
    this.manifest = null
    this.raise({ kind: 'stop' })
    this.requests.end('the pipeline has ended')
  }

  /** Makes an epoch with `purpose` that begins after this call; `done` hears why it did not come about, or `null`. */
  request(purpose: Purpose, done: Answered): void {
    if (this.requests.add(purpose, done)) this.raise({ kind: 'request', purpose, nowMs: this.now() })
  }

  /** What the tasks held for is over, or has failed. */
  resume(): void {
    this.raise({ kind: 'resume', nowMs: this.now() })
  }

  /** Whether the pipeline has failed on a member, so that no epoch follows in this generation. */
  get broken(): boolean {
    return this.state.phase === 'broken'
  }

  /** Whether the output of all members has ended. */
  get hasEnded(): boolean {
    return this.endedOn.size === this.members.size
  }

  // ── From the members (O2) ────────────────────────────────────────────────────────────────────────────────────────

  saved(worker: string, epoch: number, snapshot: Snapshot): void {
    this.raise({ kind: 'saved', ...this.from(worker), epoch, snapshot, nowMs: this.now() })
  }

  refused(worker: string, epoch: number, reason: string): void {
    this.raise({ kind: 'refused', ...this.from(worker), epoch, reason, nowMs: this.now() })
  }

  passed(worker: string, epoch: number): void {
    this.raise({ kind: 'passed', ...this.from(worker), epoch })
  }

  failedOn(worker: string, reason: string): void {
    this.raise({ kind: 'failedOn', ...this.from(worker), reason })
  }

  wanted(worker: string, number: number, purpose: Purpose): void {
    this.request(purpose, (failure) => this.post.answer(worker, number, failure))
  }

  outputEnded(worker: string): void {
    this.endedOn.add(worker)
    if (this.hasEnded) this.ended()
  }

  /** Links are sessions of one incarnation (`checkpoint/coordinator.ts`, C4). */
  private from(worker: string): { readonly worker: string; readonly incarnation: string } {
    return { worker, incarnation: this.members.get(worker) ?? '' }
  }

  // ── The table ────────────────────────────────────────────────────────────────────────────────────────────────────

  private now(): number {
    return this.seams.clock.monotonic()
  }

  private readonly tick = (): void => {
    this.wakesMs = Infinity
    this.raise({ kind: 'tick', nowMs: this.now() })
  }

  private wait(): void {
    const wakesMs = tickAt(this.state)
    if (!this.started || wakesMs === this.wakesMs) return
    this.wakesMs = wakesMs
    this.timer?.cancel()
    this.timer = wakesMs === Infinity ? null : this.seams.clock.after(Math.max(0, wakesMs - this.now()), this.tick)
  }

  private raise(event: CoordinatorEvent): void {
    this.turns.take(() => {
      const { next, effects } = stepCoordinator(this.state, event)
      this.state = next
      for (const effect of effects) this.carryOut(effect)
      this.wait()
    })
  }

  private carryOut(effect: CoordinatorEffect): void {
    const { post, requests } = this
    switch (effect.kind) {
      case 'inject':
        this.purpose = effect.purpose
        requests.send(effect.epoch)
        return post.startEpoch(effect.epoch, effect.purpose, effect.previous)
      case 'writeManifest':
        return this.writeManifest(effect)
      case 'appendEpoch':
        return this.appendEpoch(effect.epoch)
      case 'tellFate':
        return this.tellFate(effect)
      case 'linkSavepoint':
        return this.linkSavepoint(effect.epoch, effect.name)
      case 'announceSavepoint':
        return requests.complete({ kind: 'savepoint', name: effect.name }, effect.epoch)
      case 'refuseRequest':
        return requests.refuse(effect.purpose, effect.reason)
      case 'refuseAll':
        return requests.end(effect.reason)
      case 'holdSources':
        return post.holdSources(effect.reason)
      case 'releaseSources':
        return post.releaseSources()
    }
  }

  private tellFate({ fate, purpose, reason }: Extract<CoordinatorEffect, { kind: 'tellFate' }>): void {
    const { post, requests, seams } = this
    const { pipeline } = this.frame
    post.endEpoch(fate)
    if (fate.outcome === 'abandoned') {
      seams.log.warn('checkpoint.abandoned', { pipeline, epoch: fate.epoch, reason, inARow: ++this.abandoned })
      return
    }
    if (this.abandoned > 0) {
      seams.log.warn('checkpoint.recovered', { pipeline, epoch: fate.epoch, after: this.abandoned })
      this.abandoned = 0
    }
    // A savepoint has come about when it is announced; till then its epoch is one like any other.
    requests.complete(purpose.kind === 'savepoint' ? periodic : purpose, fate.epoch)
  }

  private writeManifest({ epoch, snapshots }: Extract<CoordinatorEffect, { kind: 'writeManifest' }>): void {
    const { seams, frame } = this
    // In the order of the members, whoever was quicker.
    const inOrder = new Map([...this.members.keys()].map((worker) => [worker, snapshots.get(worker)!]))
    const manifest = makeManifest(frame, this.base, epoch, seams.clock.now(), inOrder)
    this.manifest = manifest
    this.seal(manifest, (bytes) => this.store(manifest, bytes))
  }

  /** Makes bytes of `manifest`, a slice at a time while it is the last one (O4). */
  private seal(manifest: Manifest, done: (bytes: Buffer) => void): void {
    const { clock, limits } = this.seams
    const sealing = sealManifest(manifest)
    const slice = (): void => {
      if (this.manifest !== manifest) return
      const until = clock.monotonic() + limits.sliceMs
      const bytes = sealing.step(() => clock.monotonic() < until)
      if (bytes === null) clock.soon(slice)
      else done(bytes)
    }
    slice()
  }

  private store(manifest: Manifest, bytes: Buffer): void {
    const { seams, frame } = this
    const { epoch } = manifest
    const path = layout.manifest(frame, frame.generation, epoch)
    writeOnce(seams, path, bytes, seams.limits.storeReads, (error) => {
      if (error === null) {
        seams.named.note(path, manifest)
        this.raise({ kind: 'manifestWritten', epoch })
      } else this.raise({ kind: 'manifestFailed', epoch, reason: error.message, nowMs: this.now() })
    })
  }

  private appendEpoch(epoch: number): void {
    const { seams, frame, purpose } = this
    const { pipeline, generation } = frame
    const drained = purpose.kind === 'drain' && purpose.stays
    const manifest = layout.manifest(frame, generation, epoch)
    const { chain, clock, log } = seams
    chain.append(
      (cluster) => {
        const entry = cluster.pipelines.get(pipeline)
        const wanted = entry !== undefined && entry.run === frame.run && entry.highest < epoch
        return wanted && cluster.generation === generation
          ? { kind: 'epoch', generation, pipeline, epoch, manifest, drained }
          : null
      },
      (outcome) => {
        if (outcome.kind === 'appended' && outcome.counts) {
          this.base = this.manifest
          this.raise({ kind: 'recorded', epoch, nowMs: this.now() })
          return
        }
        // Another generation decides now, or the pipeline is gone: this one makes no more epochs
        // (`checkpoint/coordinator.ts`, C2).
        log.warn('checkpoint.superseded', { pipeline, epoch, outcome: outcome.kind, at: clock.now() })
        this.stop()
      },
    )
  }

  private linkSavepoint(epoch: number, name: string): void {
    makeSavepoint(this.seams, this.base!, name, (error) => {
      if (error === null) this.raise({ kind: 'linked', epoch })
      else this.raise({ kind: 'linkFailed', epoch, reason: error.message })
    })
  }
}
