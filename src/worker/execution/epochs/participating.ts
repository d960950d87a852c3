/**
 * Carries out what the participant's table decides for one pipeline on one worker: what its tasks report goes in as
 * events, and effects come out. It decides nothing itself.
 *
 * O1. An event that an effect raises waits until the effects before it have been carried out.
 * O2. A worker saves the key groups that it owns and no others: two packs of one epoch that hold the same group are
 *     damage.
 * O3. Behind a loss that was accepted, the first epoch that is complete has all key groups in full that lack something
 *     (`state-return.ts`, Y6). With it the worker says which packs it needs no more.
 */
import { tooDeep } from '../../../base/codec/fault.ts'
import { DEPTH_MAX } from '../../../base/codec/format.ts'
import type { PotorooError } from '../../../base/errors.ts'
import type { Json } from '../../../base/json.ts'
import type { Limits } from '../../../base/limits.ts'
import { type Barrier as CheckpointBarrier, type Fate, holds, presses } from '../../../checkpoint/barrier.ts'
import * as layout from '../../../checkpoint/layout.ts'
import {
  LETTERS_PART,
  type Manifest,
  type ManifestFrame,
  type Snapshot,
  serialAfter,
} from '../../../checkpoint/manifest.ts'
import type { PackIndexes } from '../../../checkpoint/pack-indexes.ts'
import { PackBlocks } from '../../../checkpoint/pack-writer.ts'
import {
  type ParticipantEffect,
  type ParticipantEvent,
  type ParticipantState,
  type PartSnapshot,
  startParticipant,
  stepParticipant,
} from '../../../checkpoint/participant.ts'
import { isFull } from '../../../checkpoint/rotation.ts'
import type { Store } from '../../../checkpoint/store.ts'
import type { Barrier } from '../../../dataflow/batch.ts'
import type { HeldRecords } from '../../../dataflow/held-records.ts'
import type { Clock } from '../../../env/clock.ts'
import type { KeyedStore } from '../../../state/keyed-store.ts'
import type { Loop } from '../../loop.ts'
import { Turns } from '../../turns.ts'
import type { SplitTable } from '../sources/split-table.ts'
import { Snapshotter } from './snapshotter.ts'

export interface ParticipatingSeams {
  /** The newest format of values that every member knows. */
  readonly valuesFormat: () => number
  readonly store: Store
  readonly clock: Clock
  readonly limits: Limits
  readonly loop: Loop
  readonly splits: SplitTable
  /** Where others go back beside this worker: what is known of packs, for the next generation. */
  readonly indexes: PackIndexes | null
}

/** This worker, and what it saves. */
export interface Participant {
  readonly worker: string
  readonly incarnation: string
  /** Its tasks, by their steps, and what else saves a part. */
  readonly parts: ReadonlySet<string>
  readonly stores: ReadonlyMap<string, KeyedStore>
  /** Key groups that it owns (O2). */
  readonly owned: readonly number[]
  /** Packs of the base that are lost (O3). */
  readonly lostPacks: readonly string[]
}

/** What it does to its pipeline, and says to the coordinator. */
export interface ParticipatingEvents {
  /** Cut the sources and send the barrier behind their last record. */
  inject(barrier: Barrier): void
  /** The epoch's record has been read in the chain: commit sinks, tell producers (`checkpoint/participant.ts`, D4). */
  commit(epoch: number): void
  /** The epoch is complete; its record may not have been read here (`checkpoint/participant.ts`, D4). */
  completed(epoch: number): void
  /** Tasks that hold since an epoch which has not come about go on. */
  release(): void
  saved(epoch: number, snapshot: Snapshot): void
  refused(epoch: number, reason: string): void
  passed(epoch: number): void
  /**
   * A state of `step` is nested too deep to be written: `E_STATE_VALUE`. The epoch is refused, as will be all that
   * follow.
   */
  tooDeep(step: string, error: PotorooError): void
}

/** Figures of the last complete checkpoint, for metrics: this worker's own part. */
export interface CheckpointFigures {
  epoch: number
  completed: number
  abandoned: number
  /** Milliseconds from the barrier to the end of the epoch. */
  durationMs: number
  bytes: number
  entries: number
  /** Longest slice of background writing, in milliseconds. */
  longestSliceMs: number
  /** Wall time of its completion. */
  timeMs: number
}

const nothing = { keys: 0, records: 0 }

/** A periodic epoch is written in this part of the interval between two of them, where the loop has the time. */
const PACE = 0.5

/**
 * How long an end waits for its keys to be counted, in milliseconds: enough for millions, or for a machine that is
 * busy.
 */
const COUNT_MS = 1000

export class Participating {
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
  private readonly seams: ParticipatingSeams
  private readonly frame: ManifestFrame
  private readonly self: Participant
  private readonly events: ParticipatingEvents
  private readonly turns = new Turns()
  private readonly blocks: PackBlocks
  private state: ParticipantState
  /** The serial of the next epoch, and the shares of its rotation. */
  private serial: number
  private readonly rotation: number
  private snapshotter: Snapshotter | null = null
  private begunAt = 0
  /** The last epoch of this generation that is known to be complete, 0 before the first. */
  private complete = 0
  /** Whether tasks hold behind the barrier that was seen last. */
  private holds = false
  private presses = false
  /** It was of an epoch that was abandoned, and makes tasks hold all the same. */
  private holdsForNothing = false

  constructor(
    seams: ParticipatingSeams,
    frame: ManifestFrame,
    self: Participant,
    base: Manifest | null,
    events: ParticipatingEvents,
  ) {
    this.seams = seams
    this.frame = frame
    this.self = self
    this.events = events
    this.blocks = new PackBlocks(seams.limits)
    this.serial = serialAfter(base)
    this.rotation = base?.rotation ?? frame.rotation
    this.state = startParticipant(self.parts)
    this.figures.epoch = base?.epoch ?? 0
  }

  /** The epoch that this worker has saved and does not know the end of; 0 where there is none. */
  get undecided(): number {
    return this.state.phase === 'waiting' ? this.state.epoch : 0
  }

  /**
   * The last epoch of this generation that is complete, or under way here, and not committed; 0 where there is none.
   */
  get uncommitted(): number {
    const { phase, epoch, committed } = this.state
    const last = phase === 'idle' ? this.complete : epoch
    return phase === 'stopped' || last <= committed ? 0 : last
  }

  stop(): void {
    this.snapshotter?.abort()
    if (this.snapshotter !== null) this.seams.loop.remove(this.snapshotter)
    this.raise({ kind: 'stop' })
  }

  // ── From the coordinator and the chain ───────────────────────────────────────────────────────────────────────────

  /** An epoch begins here. */
  barrier(barrier: CheckpointBarrier): void {
    this.raise({ kind: 'barrier', barrier })
  }

  /** An epoch has ended so. */
  fate(fate: Fate): void {
    this.raise({ kind: 'fate', fate })
  }

  /** The record of `epoch` has been read in the chain, and counts. */
  recorded(epoch: number): void {
    this.raise({ kind: 'recorded', epoch })
  }

  // ── What tasks report ────────────────────────────────────────────────────────────────────────────────────────────

  /** `secure` answers when the journal in front of the cut is durable: its producers forget what an epoch covers. */
  cut({ epoch }: Barrier, step: string, position: Json, secure: (done: () => void) => void): void {
    this.raise({ kind: 'partPassed', epoch, part: step })
    secure(() => this.save(epoch, step, { role: 'source', step, snapshot: position, counts: nothing }))
  }

  freeze(barrier: Barrier, step: string, store: KeyedStore, pending: readonly HeldRecords[] | null): void {
    const { epoch } = barrier
    // An epoch that was dropped passes without being saved (`checkpoint/participant.ts`, D3).
    if (this.isSaving(epoch)) {
      const frozen = store.freeze(this.fullGroups(), this.presses)
      this.snapshotter!.add(
        step,
        frozen,
        pending ?? [],
        () => {
          this.figures.entries += frozen.entries
          if (barrier.purpose === 'drain') this.countAll(store)
          const counts = { keys: store.keys, records: 0 }
          this.save(epoch, step, { role: 'keyed', step, snapshot: null, counts })
        },
        (error) => {
          this.fail(epoch, step, error)
          if (error.code === 'E_STATE_VALUE' && error.details.got === tooDeep(DEPTH_MAX)) {
            this.events.tooDeep(step, error)
          }
        },
      )
      this.seams.loop.wake()
    }
    this.raise({ kind: 'partPassed', epoch, part: step })
  }

  /**
   * An end is told with its keys, and there is nothing else to do then: what is still bytes is looked at, for a moment.
   */
  private countAll(store: KeyedStore): void {
    const { clock } = this.seams
    const until = clock.monotonic() + COUNT_MS
    while (store.loadNext() && clock.monotonic() < until);
  }

  hold({ epoch }: Barrier, step: string, held: readonly HeldRecords[]): void {
    if (this.isSaving(epoch)) {
      this.snapshotter!.add(
        step,
        null,
        held,
        () => this.save(epoch, step, { role: 'keyed', step, snapshot: null, counts: nothing }),
        (error) => this.fail(epoch, step, error),
      )
      this.seams.loop.wake()
    }
    this.raise({ kind: 'partPassed', epoch, part: step })
  }

  prepared({ epoch }: Barrier, step: string, held: Json): void {
    this.save(epoch, step, { role: 'sink', step, snapshot: held, counts: nothing })
  }

  /** The barrier has passed every task, and what did not get through in front of it stands in `files`. */
  letters({ epoch }: Barrier, failure: PotorooError | null, files: Json): void {
    const part = LETTERS_PART
    this.raise({ kind: 'partPassed', epoch, part })
    if (failure !== null) this.fail(epoch, part, failure)
    else this.save(epoch, part, { role: 'sink', step: part, snapshot: files, counts: nothing })
  }

  private isSaving(epoch: number): boolean {
    return this.snapshotter !== null && this.state.phase === 'saving' && this.state.epoch === epoch
  }

  private save(epoch: number, part: string, snapshot: PartSnapshot): void {
    this.raise({ kind: 'partSaved', epoch, part, snapshot })
  }

  private fail(epoch: number, part: string, error: PotorooError): void {
    this.raise({ kind: 'partFailed', epoch, part, reason: inWords(error) })
  }

  /** `snapshot`, with what it makes up for (O3). */
  private withoutLost(snapshot: Snapshot): Snapshot {
    const { lostPacks } = this.self
    return lostPacks.length === 0 ? snapshot : { ...snapshot, lostPacks }
  }

  private fullGroups(): number[] {
    const { serial, rotation } = this
    return this.self.owned.filter((group) => isFull(group, serial, rotation))
  }

  // ── The table ────────────────────────────────────────────────────────────────────────────────────────────────────

  private raise(event: ParticipantEvent): void {
    this.turns.take(() => {
      const { next, effects } = stepParticipant(this.state, event)
      this.state = next
      for (const effect of effects) this.carryOut(effect)
    })
  }

  private carryOut(effect: ParticipantEffect): void {
    switch (effect.kind) {
      case 'begin':
        return this.begin(effect.barrier)
      case 'finishPack':
        return this.finishPack(effect.epoch)
      case 'drop':
        return this.drop()
      case 'settle':
        return this.settle(effect.fate)
      case 'tellSaved':
        return this.events.saved(effect.epoch, this.withoutLost(effect.snapshot))
      case 'tellRefused':
        return this.events.refused(effect.epoch, effect.reason)
      case 'tellPassed':
        if (this.holdsForNothing) this.events.release()
        this.holdsForNothing = false
        return this.events.passed(effect.epoch)
      case 'readChain':
        return this.events.completed(effect.epoch)
      case 'commit':
        return this.events.commit(effect.epoch)
    }
  }

  private begin(barrier: CheckpointBarrier): void {
    const { seams, frame, self } = this
    const { epoch, purpose } = barrier
    const { generation } = frame
    seams.splits.begin()
    for (const store of self.stores.values()) store.chunkWriter.formatMax = seams.valuesFormat
    this.begunAt = seams.clock.monotonic()
    this.holds = holds(purpose)
    this.presses = presses(purpose)
    this.holdsForNothing = false
    this.figures.entries = 0
    const path = layout.pack(frame, { epoch, generation, worker: self.worker, incarnation: self.incarnation })
    const overMs = purpose.kind === 'periodic' ? seams.limits.checkpointIntervalMs * PACE : 0
    const snapshotter = new Snapshotter(seams, path, overMs, seams.splits, this.blocks, seams.loop.wake)
    this.snapshotter = snapshotter
    seams.loop.add(snapshotter)
    const kind = purpose.kind === 'periodic' || purpose.kind === 'fresh' ? 'checkpoint' : purpose.kind
    this.events.inject({ kind: 'barrier', generation, epoch, purpose: kind })
  }

  private finishPack(epoch: number): void {
    const { snapshotter, seams, figures } = this
    snapshotter?.finish((error, pack, index) => {
      seams.loop.remove(snapshotter)
      figures.longestSliceMs = snapshotter.longestMs
      figures.bytes = pack?.bytes ?? 0
      if (pack !== null && index !== null) seams.indexes?.keep(this.frame, pack, index)
      if (error === null) this.raise({ kind: 'packed', epoch, pack })
      else this.raise({ kind: 'packFailed', epoch, reason: inWords(error) })
    })
  }

  private drop(): void {
    if (this.snapshotter === null) return
    this.seams.loop.remove(this.snapshotter)
    this.snapshotter.abort()
    this.snapshotter = null
  }

  private settle({ epoch, outcome }: Fate): void {
    const { figures, seams, self } = this
    if (outcome === 'abandoned') {
      for (const store of self.stores.values()) store.abandon()
      figures.abandoned++
      if (!this.holds) return
      // Tasks that the barrier comes to later hold too.
      if (this.state.phase === 'dropping') this.holdsForNothing = true
      else this.events.release()
      return
    }
    for (const store of self.stores.values()) store.complete()
    seams.splits.complete()
    this.serial++
    this.snapshotter = null
    this.complete = epoch
    figures.epoch = epoch
    figures.completed++
    figures.timeMs = seams.clock.now()
    figures.durationMs = seams.clock.monotonic() - this.begunAt
  }
}

/** Why there will be no part: where people can mend it in their program, what they are to do stands behind it. */
function inWords({ kind, message, remedy }: PotorooError): string {
  return kind === 'user' ? `${message}; ${remedy}` : message
}
