/**
 * Writes one epoch's pack in the background: slices of frozen state, between the runs of the pipeline.
 *
 * N1. A part counts as saved when all its chunks have been handed to the pack; the pack is durable when `finish` says
 *     so.
 * N2. A slice of work is as long as the pace says (`pace.ts`, N3, N4), and stops while the pack's own queue is full.
 */
import { ByteWriter } from '../../../base/bytes.ts'
import { PotorooError } from '../../../base/errors.ts'
import type { Limits } from '../../../base/limits.ts'
import type { PackHandle } from '../../../checkpoint/pack-format.ts'
import { type PackBlocks, PackWriter } from '../../../checkpoint/pack-writer.ts'
import type { Store } from '../../../checkpoint/store.ts'
import type { HeldRecords } from '../../../dataflow/held-records.ts'
import type { Clock } from '../../../env/clock.ts'
import type { Frozen } from '../../../state/frozen.ts'
import type { Work } from '../../loop.ts'
import type { SplitTable } from '../sources/split-table.ts'
import { writeHeld } from './held-rows.ts'
import { Pace } from './pace.ts'

interface Part {
  readonly step: string
  /** `null` for a step without keyed state. */
  readonly frozen: Frozen | null
  readonly held: HeldRecords[]
  readonly saved: () => void
  readonly failed: (error: PotorooError) => void
}

export interface SnapshotterSeams {
  /** The newest format of values that every member knows (`base/codec/format.ts`, Q4). */
  readonly valuesFormat: () => number
  readonly store: Store
  readonly clock: Clock
  readonly limits: Limits
}

export class Snapshotter implements Work {
  readonly due = Infinity
  private readonly seams: SnapshotterSeams
  private readonly pack: PackWriter
  private readonly splits: SplitTable
  private readonly parts: Part[] = []
  private readonly writer = new ByteWriter()
  private readonly pace: Pace
  private added = 0

  constructor(
    seams: SnapshotterSeams,
    path: string,
    overMs: number,
    splits: SplitTable,
    blocks: PackBlocks,
    wake: () => void,
  ) {
    this.seams = seams
    this.pace = new Pace(overMs, seams.limits.sliceMs, seams.clock.monotonic())
    this.splits = splits
    this.pack = new PackWriter(seams, path, wake, blocks)
  }

  /**
   * Saves a step as it was at the barrier. `saved` is called when everything has been handed over; `failed` when
   * something of it cannot be written (`E_VALUE`, `E_STATE_VALUE` …), and then nothing of the part follows.
   */
  add(
    step: string,
    frozen: Frozen | null,
    held: readonly HeldRecords[],
    saved: () => void,
    failed: (error: PotorooError) => void,
  ): void {
    this.parts.push({ step, frozen, held: [...held], saved, failed })
    this.added++
  }

  /** The longest slice so far, in milliseconds. */
  get longestMs(): number {
    return this.pace.longestMs
  }

  step(): boolean {
    const { clock } = this.seams
    const started = clock.monotonic()
    const until = started + this.pace.next(started, this.written)
    const more = () => this.pack.ready && clock.monotonic() < until
    while (this.parts.length > 0 && more()) this.trySlice(this.parts[0]!, more)
    this.pace.took(started, clock.monotonic())
    return this.parts.length > 0 && this.pack.ready
  }

  elapse(): void {}

  /** How much is written of what has come so far, from 0 to 1. */
  private get written(): number {
    const begun = this.parts[0]?.frozen?.progress ?? 0
    return this.added === 0 ? 0 : (this.added - this.parts.length + begun) / this.added
  }

  /** `index` is that of the pack which `handle` names. */
  finish(done: (error: PotorooError | null, handle: PackHandle | null, index: Buffer | null) => void): void {
    this.pack.finish((error, handle) => done(error, handle, this.pack.index))
  }

  abort(): void {
    this.parts.length = 0
    this.pack.abort()
  }

  private trySlice(part: Part, more: () => boolean): void {
    try {
      this.slice(part, more)
    } catch (error) {
      if (!(error instanceof PotorooError)) throw error
      this.parts.shift()
      part.failed(error)
    }
  }

  private slice(part: Part, more: () => boolean): void {
    // In their order: of an aggregate's the later row of a key counts (`dataflow/pending-keys.ts`, G3).
    const held = part.held.shift()
    if (held !== undefined) {
      const format = this.seams.valuesFormat()
      writeHeld(this.writer, held, this.splits, (bytes) => this.pack.add(part.step, 0, 'rows', bytes), format)
    } else if (
      part.frozen === null ||
      part.frozen.write(more, (group, kind, bytes) => this.pack.add(part.step, group, kind, bytes))
    ) {
      this.parts.shift()
      part.saved()
    }
  }
}
