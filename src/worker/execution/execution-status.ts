/** What there is to see of one execution: counters that readers sample. */
import { isAlone, type Writer } from '../../connectors/connector.ts'
import type { Clock } from '../../env/clock.ts'
import type { Parked } from '../../ingest/producers.ts'
import type { StreamRow } from '../../ingest/stream.ts'
import type { KeyedStore } from '../../state/keyed-store.ts'
import type { LetterDesk } from '../letters/letter-desk.ts'
import type { CheckpointFigures } from './epochs/participating.ts'
import type { Running, StepFigures } from './running.ts'
import type { SourceHolds } from './sources/source-holds.ts'
import type { OpenSources, SourceFigures } from './sources/sources.ts'

/** What an execution shows. */
export interface StatusParts {
  readonly clock: Clock
  readonly sources: OpenSources
  readonly holds: SourceHolds
  readonly desk: LetterDesk
  /** `null` before it runs, and once it has been released. */
  active(): Running | null
  stores(): ReadonlyMap<string, KeyedStore>
  writers(): ReadonlyMap<string, Writer>
}

/** What is still to be seen of an execution that has nothing in memory any more. */
type Kept = Pick<ExecutionStatus, 'figures' | 'tasks' | 'keysByStep' | 'allCounted'>

export class ExecutionStatus {
  private readonly parts: StatusParts
  private kept: Kept | null = null

  constructor(parts: StatusParts) {
    this.parts = parts
  }

  /** The execution is about to be released: what its memory shows stays as it is. */
  keep(): void {
    const { figures, tasks, keysByStep, allCounted } = this
    this.kept ??= { figures, tasks, keysByStep, allCounted }
  }

  /** For how long it has run in this generation, in milliseconds. */
  get elapsedMs(): number {
    const active = this.parts.active()
    return active === null ? 0 : this.parts.clock.monotonic() - active.startedMs
  }

  get figures(): CheckpointFigures | null {
    return this.parts.active()?.figures ?? this.kept?.figures ?? null
  }

  /** The step that runs, or ran last. */
  get running(): string {
    return this.parts.active()?.runtime.running ?? ''
  }

  /** Why no records are let in, or `null`. */
  get heldBy(): string | null {
    return this.parts.holds.reason
  }

  /** What each task has done so far. */
  get tasks(): readonly StepFigures[] {
    return this.parts.active()?.tasks ?? this.kept?.tasks ?? []
  }

  /** Records that did not get through, since the start. */
  get failures(): number {
    return this.parts.desk.failures
  }

  // ── Keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Keys of all steps together, on this worker. */
  get keys(): number {
    return [...this.keysByStep.values()].reduce((sum, keys) => sum + keys, 0)
  }

  /** Those of each step that keeps some. */
  get keysByStep(): ReadonlyMap<string, number> {
    return this.kept?.keysByStep ?? new Map([...this.parts.stores()].map(([step, { keys }]) => [step, keys]))
  }

  /** Whether `keys` are all that there are: of what is still bytes nobody knows how many it has. */
  get allCounted(): boolean {
    if (this.kept !== null) return this.kept.allCounted
    return [...this.parts.stores().values()].every(({ pendingKeyGroups }) => pendingKeyGroups === 0)
  }

  // ── Sources and sinks ────────────────────────────────────────────────────────────────────────────────────────────

  /** What stands behind each source. */
  get sources(): readonly SourceFigures[] {
    return this.parts.sources.figures()
  }

  /** The producers that each journaled source remembers, and how far it has taken them. */
  get streams(): ReadonlyMap<string, readonly StreamRow[]> {
    return this.parts.sources.streams()
  }

  /** Those of them that wait for records which are missing. */
  get parked(): ReadonlyMap<string, readonly Parked[]> {
    return this.parts.sources.parked()
  }

  /** Sinks that nobody takes anything from, and which have stopped their tasks. */
  get stuckSinks(): readonly string[] {
    return [...this.parts.writers()].filter(([, { status, room }]) => isAlone(status) && !room).map(([step]) => step)
  }
}
