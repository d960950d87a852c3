/**
 * Writes one epoch's pack in the background: slices of frozen state, between the runs of the pipeline.
 *
 * N1. A part counts as saved when all its chunks have been handed to the pack; the pack is durable when `finish` says so.
 * N2. A slice of work is bounded by `limits.sliceMs`, and stops while the pack's own queue is full.
 * N3. A slice takes no more than half of the time that everything else took since the one before: records wait for several
 *     turns of the loop, and each turn for a slice. So a pipeline with little to do is held up by little, and one that is
 *     busy gives up to a third of its time, which ends the epoch soon.
 */
import { ByteWriter } from '../../base/bytes.ts'
import { PotorooError } from '../../base/errors.ts'
import type { Limits } from '../../base/limits.ts'
import type { PackHandle } from '../../checkpoint/pack-format.ts'
import { type PackBlocks, PackWriter } from '../../checkpoint/pack-writer.ts'
import type { Store } from '../../checkpoint/store.ts'
import type { HeldRecords } from '../../dataflow/held-records.ts'
import type { Clock } from '../../env/clock.ts'
import type { Frozen } from '../../state/frozen.ts'
import type { Work } from '../loop.ts'
import { encodeHeld } from './held-rows.ts'
import type { SplitTable } from './split-table.ts'

interface Part {
  readonly step: string
  /** `null` for a step without keyed state. */
  readonly frozen: Frozen | null
  readonly held: HeldRecords[]
  readonly saved: () => void
  readonly failed: (error: PotorooError) => void
}

/** A slice is worth beginning for so long (N3). */
const LEAST_MS = 0.25

export interface SnapshotterSeams {
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
  /** The longest slice so far, in milliseconds. */
  longestMs = 0
  /** When the last slice ended. */
  private before = -Infinity

  constructor(seams: SnapshotterSeams, path: string, splits: SplitTable, blocks: PackBlocks, wake: () => void) {
    this.seams = seams
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
  }

  step(): boolean {
    const { clock, limits } = this.seams
    const started = clock.monotonic()
    const share = Math.max(LEAST_MS, (started - this.before) / 2)
    const until = started + Math.min(limits.sliceMs, share)
    const more = () => this.pack.ready && clock.monotonic() < until
    while (this.parts.length > 0 && more()) this.trySlice(this.parts[0]!, more)
    this.before = clock.monotonic()
    this.longestMs = Math.max(this.longestMs, this.before - started)
    return this.parts.length > 0 && this.pack.ready
  }

  elapse(): void {}

  finish(done: (error: PotorooError | null, handle: PackHandle | null) => void): void {
    this.pack.finish(done)
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
    const held = part.held.pop()
    if (held !== undefined) {
      this.pack.add(part.step, 0, 'rows', encodeHeld(this.writer, held, this.splits))
    } else if (
      part.frozen === null ||
      part.frozen.write(more, (group, kind, bytes) => this.pack.add(part.step, group, kind, bytes))
    ) {
      this.parts.shift()
      part.saved()
    }
  }
}
