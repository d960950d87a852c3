/**
 * Carries out what the two checkpoint tables decide for one pipeline on one worker. It decides nothing itself: events go
 * in one after another, effects are executed in order, and what they lead to comes back as events.
 *
 * O1. An event that an effect raises waits until the effects before it have been carried out.
 */
import type { PotorooError } from '../base/errors.ts'
import type { Json } from '../base/json.ts'
import type { Limits } from '../base/limits.ts'
import { type Barrier as CheckpointBarrier, type Purpose, periodic } from '../checkpoint/barrier.ts'
import type { ChainWriter } from '../checkpoint/chain-writer.ts'
import {
  type CoordinatorEffect,
  type CoordinatorEvent,
  type CoordinatorState,
  startCoordinator,
  stepCoordinator,
} from '../checkpoint/coordinator.ts'
import * as layout from '../checkpoint/layout.ts'
import {
  encodeManifest,
  LETTERS_PART,
  type Manifest,
  type ManifestFrame,
  makeManifest,
  serialAfter,
} from '../checkpoint/manifest.ts'
import { PackBlocks } from '../checkpoint/pack-writer.ts'
import {
  type ParticipantEffect,
  type ParticipantEvent,
  type ParticipantState,
  type PartSnapshot,
  startParticipant,
  stepParticipant,
} from '../checkpoint/participant.ts'
import { isFull } from '../checkpoint/rotation.ts'
import { makeSavepoint } from '../checkpoint/savepoint.ts'
import type { Store } from '../checkpoint/store.ts'
import { writeOnce } from '../checkpoint/write-once.ts'
import type { Barrier } from '../dataflow/batch.ts'
import type { HeldRecords } from '../dataflow/held-records.ts'
import type { Clock } from '../env/clock.ts'
import type { Log } from '../env/log.ts'
import type { KeyedStore } from '../state/keyed-store.ts'
import type { Loop } from './loop.ts'
import { Snapshotter } from './snapshotter.ts'
import type { SplitTable } from './split-table.ts'

/** How often the coordinator looks at the time, in milliseconds. */
const TICK_MS = 20

export interface CheckpointerSeams {
  readonly store: Store
  readonly chain: ChainWriter
  readonly clock: Clock
  readonly log: Log
  readonly limits: Limits
  readonly loop: Loop
  readonly splits: SplitTable
}

/** What the checkpointer does to its pipeline. */
export interface CheckpointedPipeline {
  /** Cut the sources and send the barrier behind their last record. */
  inject(barrier: Barrier): void
  /** The epoch's record has been read in the chain: commit sinks, tell producers (D4). */
  commit(epoch: number): void
  hold(reason: string): void
  release(): void
  /** The epoch is complete, and what its purpose asks for has come about. */
  completed(purpose: Purpose, epoch: number): void
  /** What was asked for with this purpose does not come about. */
  refused(purpose: Purpose, reason: string): void
}

/** Figures of the last complete checkpoint, for metrics. */
export interface CheckpointFigures {
  epoch: number
  completed: number
  abandoned: number
  /** Milliseconds from the barrier to the record in the chain. */
  durationMs: number
  bytes: number
  entries: number
  /** Longest slice of background writing, in milliseconds. */
  longestSliceMs: number
  /** Wall time of its completion. */
  timeMs: number
}

export class Checkpointer {
  readonly figures: CheckpointFigures = {
    epoch: 0,
    completed: 0,
    abandoned: 0,
    durationMs: 0,
    bytes: 0,
    entries: 0,
    longestSliceMs: 0,
    timeMs: 0,
  }
  private readonly seams: CheckpointerSeams
  private readonly frame: ManifestFrame
  private readonly member: { readonly worker: string; readonly incarnation: string }
  private readonly pipeline: CheckpointedPipeline
  private readonly stores: ReadonlyMap<string, KeyedStore>
  private coordinator: CoordinatorState
  private participant: ParticipantState
  private base: Manifest | null
  private manifest: Manifest | null = null
  private snapshotter: Snapshotter | null = null
  private readonly blocks: PackBlocks
  private begunAt = 0
  private readonly queue: (() => void)[] = []
  private draining = false
  private stopped = false

  constructor(
    seams: CheckpointerSeams,
    frame: ManifestFrame,
    member: { readonly worker: string; readonly incarnation: string },
    parts: ReadonlySet<string>,
    stores: ReadonlyMap<string, KeyedStore>,
    base: Manifest | null,
    highest: number,
    pipeline: CheckpointedPipeline,
  ) {
    this.seams = seams
    this.frame = frame
    this.blocks = new PackBlocks(seams.limits)
    this.member = member
    this.stores = stores
    this.base = base
    this.pipeline = pipeline
    const { checkpointIntervalMs, checkpointTimeoutMs, maxAbandoned } = seams.limits
    const plan = {
      members: new Map([[member.worker, member.incarnation]]),
      intervalMs: checkpointIntervalMs,
      timeoutMs: checkpointTimeoutMs,
      maxAbandoned,
    }
    this.coordinator = startCoordinator(plan, highest, seams.clock.monotonic())
    this.participant = startParticipant(parts)
    this.figures.epoch = base?.epoch ?? 0
  }

  /** Begins to make epochs. */
  start(): void {
    this.tick()
  }

  stop(): void {
    this.stopped = true
    this.snapshotter?.abort()
    this.raise({ kind: 'stop' })
    this.join({ kind: 'stop' })
  }

  /** Asks for an epoch with a purpose, now. */
  request(purpose: Purpose): void {
    this.raise({ kind: 'request', purpose, nowMs: this.seams.clock.monotonic() })
  }

  /** The record of `epoch` has been read in the chain, and counts. */
  recorded(epoch: number): void {
    this.join({ kind: 'recorded', epoch })
  }

  // ── What tasks report ────────────────────────────────────────────────────────────────────────────────────────────

  /** `secure` answers when the journal in front of the cut is durable: its producers forget what an epoch covers. */
  cut(barrier: Barrier, step: string, position: Json, secure: (done: () => void) => void): void {
    const { epoch } = barrier
    const counts = { keys: 0, records: 0 }
    this.join({ kind: 'partPassed', epoch, part: step })
    secure(() => this.savePart(epoch, step, { role: 'source', step, snapshot: position, counts }))
  }

  freeze(barrier: Barrier, step: string, store: KeyedStore, pending: readonly HeldRecords[] | null): void {
    const { epoch } = barrier
    const { snapshotter, participant } = this
    // An epoch that was dropped passes without being saved (D3).
    if (snapshotter !== null && participant.phase === 'saving' && participant.epoch === epoch) {
      const frozen = store.freeze(this.fullGroups())
      const failed = (error: PotorooError) =>
        this.join({ kind: 'partFailed', epoch, part: step, reason: error.message })
      snapshotter.add(
        step,
        frozen,
        pending ?? [],
        () => {
          this.figures.entries += frozen.entries
          const counts = { keys: store.keys, records: 0 }
          this.savePart(epoch, step, { role: 'keyed', step, snapshot: null, counts })
        },
        failed,
      )
      this.seams.loop.wake()
    }
    this.join({ kind: 'partPassed', epoch, part: step })
  }

  hold(barrier: Barrier, step: string, held: readonly HeldRecords[]): void {
    const { epoch } = barrier
    const { snapshotter, participant } = this
    if (snapshotter !== null && participant.phase === 'saving' && participant.epoch === epoch) {
      const counts = { keys: 0, records: 0 }
      const failed = (error: PotorooError) =>
        this.join({ kind: 'partFailed', epoch, part: step, reason: error.message })
      snapshotter.add(
        step,
        null,
        held,
        () => {
          this.savePart(epoch, step, { role: 'keyed', step, snapshot: null, counts })
        },
        failed,
      )
      this.seams.loop.wake()
    }
    this.join({ kind: 'partPassed', epoch, part: step })
  }

  prepared(barrier: Barrier, step: string, held: Json): void {
    this.savePart(barrier.epoch, step, { role: 'sink', step, snapshot: held, counts: { keys: 0, records: 0 } })
  }

  /** The barrier has passed every task, and what did not get through in front of it stands in `files`. */
  letters({ epoch }: Barrier, failure: PotorooError | null, files: Json): void {
    const part = LETTERS_PART
    this.join({ kind: 'partPassed', epoch, part })
    if (failure !== null) this.join({ kind: 'partFailed', epoch, part, reason: failure.message })
    else this.savePart(epoch, part, { role: 'sink', step: part, snapshot: files, counts: { keys: 0, records: 0 } })
  }

  private savePart(epoch: number, part: string, snapshot: PartSnapshot): void {
    this.join({ kind: 'partSaved', epoch, part, snapshot })
  }

  private fullGroups(): number[] {
    const { keyGroups } = this.frame
    const rotation = this.base?.rotation ?? this.frame.rotation
    const serial = serialAfter(this.base)
    const groups: number[] = []
    for (let group = 0; group < keyGroups; group++) if (isFull(group, serial, rotation)) groups.push(group)
    return groups
  }

  // ── The tables ───────────────────────────────────────────────────────────────────────────────────────────────────

  private tick(): void {
    if (this.stopped) return
    this.raise({ kind: 'tick', nowMs: this.seams.clock.monotonic() })
    this.seams.clock.after(TICK_MS, () => this.tick())
  }

  /** An event for the coordinator. */
  private raise(event: CoordinatorEvent): void {
    this.enqueue(() => {
      const { next, effects } = stepCoordinator(this.coordinator, event)
      this.coordinator = next
      for (const effect of effects) this.coordinate(effect)
    })
  }

  /** An event for the participant. */
  private join(event: ParticipantEvent): void {
    this.enqueue(() => {
      const { next, effects } = stepParticipant(this.participant, event)
      this.participant = next
      for (const effect of effects) this.participate(effect)
    })
  }

  private enqueue(turn: () => void): void {
    this.queue.push(turn)
    if (this.draining) return
    this.draining = true
    for (let next = this.queue.shift(); next !== undefined; next = this.queue.shift()) next()
    this.draining = false
  }

  private coordinate(effect: CoordinatorEffect): void {
    const { pipeline, seams } = this
    switch (effect.kind) {
      case 'inject': {
        const { epoch, purpose, previous } = effect
        this.begunAt = seams.clock.monotonic()
        return this.join({ kind: 'barrier', barrier: { epoch, purpose, previous } })
      }
      case 'writeManifest':
        return this.writeManifest(effect)
      case 'appendEpoch':
        return this.appendEpoch(effect.epoch)
      case 'tellFate': {
        const { fate, purpose, reason } = effect
        if (fate.outcome === 'abandoned') {
          this.figures.abandoned++
          seams.log.warn('checkpoint.abandoned', { pipeline: this.frame.pipeline, epoch: fate.epoch, reason })
        }
        this.join({ kind: 'fate', fate })
        // A savepoint has come about when it is announced; till then its epoch is one like any other.
        const asked = purpose.kind === 'savepoint' ? periodic : purpose
        if (fate.outcome === 'complete') pipeline.completed(asked, fate.epoch)
        return
      }
      case 'linkSavepoint':
        return this.linkSavepoint(effect.epoch, effect.name)
      case 'announceSavepoint':
        return pipeline.completed({ kind: 'savepoint', name: effect.name }, effect.epoch)
      case 'refuseRequest':
        return pipeline.refused(effect.purpose, effect.reason)
      case 'holdSources':
        return pipeline.hold(effect.reason)
      case 'releaseSources':
        return pipeline.release()
    }
  }

  private participate(effect: ParticipantEffect): void {
    const { seams, member } = this
    const answer = { ...member, nowMs: seams.clock.monotonic() }
    switch (effect.kind) {
      case 'begin':
        return this.begin(effect.barrier)
      case 'finishPack':
        return this.finishPack(effect.epoch)
      case 'drop':
        return this.drop()
      case 'settle':
        for (const store of this.stores.values()) {
          if (effect.fate.outcome === 'complete') store.complete()
          else store.abandon()
        }
        return
      case 'tellSaved':
        return this.raise({ kind: 'saved', ...answer, epoch: effect.epoch, snapshot: effect.snapshot })
      case 'tellRefused':
        return this.raise({ kind: 'refused', ...answer, epoch: effect.epoch, reason: effect.reason })
      case 'tellPassed':
        return this.raise({ kind: 'passed', ...member, epoch: effect.epoch })
      case 'readChain':
        // This worker's own append has read the record, and told `recorded` (A2).
        return
      case 'commit':
        return this.pipeline.commit(effect.epoch)
    }
  }

  private begin(barrier: CheckpointBarrier): void {
    const { seams, frame, member } = this
    const { epoch, purpose } = barrier
    const { generation } = frame
    this.figures.entries = 0
    const path = layout.pack(frame, { epoch, generation, ...member })
    const snapshotter = new Snapshotter(seams, path, seams.splits, this.blocks, seams.loop.wake)
    this.snapshotter = snapshotter
    seams.loop.add(snapshotter)
    this.pipeline.inject({
      kind: 'barrier',
      generation,
      epoch,
      purpose: purpose.kind === 'periodic' ? 'checkpoint' : purpose.kind,
    })
  }

  private finishPack(epoch: number): void {
    const { snapshotter, seams } = this
    snapshotter?.finish((error, pack) => {
      seams.loop.remove(snapshotter)
      this.figures.longestSliceMs = snapshotter.longestMs
      this.figures.bytes = pack?.bytes ?? 0
      if (error === null) this.join({ kind: 'packed', epoch, pack })
      else this.join({ kind: 'packFailed', epoch, reason: error.message })
    })
  }

  private drop(): void {
    if (this.snapshotter === null) return
    this.seams.loop.remove(this.snapshotter)
    this.snapshotter.abort()
    this.snapshotter = null
  }

  private writeManifest({ epoch, snapshots }: Extract<CoordinatorEffect, { kind: 'writeManifest' }>): void {
    const { seams, frame } = this
    const manifest = makeManifest(frame, this.base, epoch, seams.clock.now(), snapshots)
    this.manifest = manifest
    const path = layout.manifest(frame, frame.generation, epoch)
    writeOnce(seams, path, encodeManifest(manifest), seams.limits.storeReads, (error) => {
      if (error === null) this.raise({ kind: 'manifestWritten', epoch })
      else this.raise({ kind: 'manifestFailed', epoch, reason: error.message, nowMs: seams.clock.monotonic() })
    })
  }

  private appendEpoch(epoch: number): void {
    const { seams, frame } = this
    const { pipeline, generation } = frame
    const manifest = layout.manifest(frame, generation, epoch)
    const { chain, clock, log } = seams
    chain.append(
      (cluster) => {
        const entry = cluster.pipelines.get(pipeline)
        const wanted = entry !== undefined && entry.run === frame.run && entry.highest < epoch
        return wanted ? { kind: 'epoch', generation, pipeline, epoch, manifest } : null
      },
      (outcome) => {
        if (outcome.kind === 'appended' && outcome.counts) return this.completed(epoch)
        // Another generation decides now, or the pipeline is gone: this one makes no more epochs (C2).
        log.warn('checkpoint.superseded', { pipeline, epoch, outcome: outcome.kind, at: clock.now() })
        this.stop()
      },
    )
  }

  private completed(epoch: number): void {
    const { figures, seams } = this
    this.base = this.manifest
    figures.epoch = epoch
    figures.completed++
    figures.timeMs = seams.clock.now()
    figures.durationMs = seams.clock.monotonic() - this.begunAt
    this.snapshotter = null
    this.recorded(epoch)
    this.raise({ kind: 'recorded', epoch, nowMs: seams.clock.monotonic() })
  }

  private linkSavepoint(epoch: number, name: string): void {
    const { seams, base } = this
    makeSavepoint(seams, base!, name, (error) => {
      if (error === null) this.raise({ kind: 'linked', epoch })
      else this.raise({ kind: 'linkFailed', epoch, reason: error.message })
    })
  }
}
