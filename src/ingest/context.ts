/** What a source behind the door is told, what it shares with the others, and what it counts. */
import type { PotorooError } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import type { Clock } from '../env/clock.ts'
import type { Disk } from '../env/disk.ts'
import type { Ages } from './ages.ts'
import type { DoorGeneration } from './generation.ts'
import type { Journal } from './journal.ts'
import type { Segment } from './segment.ts'
import type { Stream } from './stream.ts'

export interface SourceOptions {
  /** Names the source in the journal: another run of its pipeline has another id, and nothing to do with this one's. */
  readonly id: string
  /** `pipeline/step`: the name under which producers find it; the id where it is left out. */
  readonly name?: string
  /** What an acked producer has to show, or `null`. */
  readonly token: string | null
  /**
   * The stream of a worker that is gone has a home as soon as a generation begins, also where no heir is named: what
   * steps behind the source hold of it goes on there, and nothing may come in elsewhere before.
   */
  readonly appoints?: boolean
  /** There is something to poll. Never called inside a call of the source. */
  onReady(): void
  /** A stream leaves with the next complete epoch, and its producer waits for that. */
  onLeaving(): void
  /** Something was damaged, or the source can be served again: for the operator. */
  report(error: PotorooError): void
}

/** What the sources of one worker share. */
export interface DoorContext {
  readonly disk: Disk
  readonly clock: Clock
  readonly ages: Ages
  readonly limits: Limits
  readonly worker: string
  readonly incarnation: string
  readonly journal: Journal
  /** The generation that the door has entered last. */
  readonly generation: DoorGeneration
  /** Where producers reach the source `source` of `worker`, or `null`. */
  addressOf(worker: string, source: string): Address | null
  /** Calls `fn` with the segments of sealed journals, once they have been read. */
  whenSealed(fn: (segments: readonly Segment[]) => void): void
  /** Tells the other members where producers reach `source`. */
  announce(source: { readonly source: string; readonly address: Address | null }): void
  /** Asks the coordinator who answers for `stream`; `Homes.onNamed` hears it, perhaps at once. */
  askCoordinator(stream: Stream): void
  /** Tells all members that this one has forgotten `stream`, and that nobody answers for it any more. */
  giveUp(stream: Stream): void
}

export interface Address {
  readonly host: string
  readonly port: number
}

/** Counters for metrics: plain fields that the reader samples. */
export interface SourceCounters {
  records: number
  bytes: number
  /** Records that were known already. */
  repeats: number
  /** Acked connections that stand. */
  sessions: number
  /** Acked connections that were refused, parked or redirected. */
  turnedAway: number
}
