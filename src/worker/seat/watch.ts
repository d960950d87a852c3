/**
 * Who lives, as a worker hears it, and what it says of itself (PROTOCOLS 4): the seam behind which heartbeats, the
 * detector and the own beat in the store lie. In earnest they have a thread of their own, which goes on while a user's
 * function computes; in the simulator they run in the loop (`heartbeats.ts`).
 *
 * H1. A watch belongs to one incarnation: whoever draws a new one opens another watch.
 * H2. What it says is as old as the last change that it has told; `changed` comes whenever that is another.
 */
import type { PotorooError } from '../../base/errors.ts'
import type { Beat, Heard } from '../../cluster/beats.ts'
import type { DetectorEvent } from '../../cluster/detector.ts'

/** The worker that watches. */
export interface Watcher {
  readonly worker: string
  readonly incarnation: string
  /** Where others reach its links, `host:port`; empty where nobody does. */
  readonly address: string
  /** The greatest generation that there may have been, as its data folder tells. */
  readonly seen: number
}

/** Somebody to send heartbeats to. */
export interface Watched extends Heard {
  /** Where it takes heartbeats, `host:port`. */
  readonly heartbeats: string
}

/** What the links of this worker, or its supervisor, know of another. */
export type Evidence = Exclude<DetectorEvent, { kind: 'tick' | 'heard' }>

/** What holds up the loop of a worker that lives. */
export interface Stuck {
  /** `null` where it is held up by something that is no step. */
  readonly pipeline: string | null
  readonly step: string | null
  readonly key: string | null
  /** As `Error.stack` shows it; empty where the loop did not answer, because it waits for the system. */
  readonly stack: string
}

export interface StuckSince extends Stuck {
  /** By the wall clock of the worker that tells. */
  readonly sinceMs: number
}

export interface WatchEvents {
  /** Whom this worker hears, who is known to be gone or whose loop stands still has changed. */
  changed(): void
  /**
   * The beat that stood under this worker's name when its next one was about to be written; `stood` as in
   * `watchNamesake`.
   */
  found(beat: Beat | null, stood: boolean): void
  /** The loop of this worker has stood still for `ms`, and goes on. */
  wasStuck(stuck: Stuck, ms: number): void
  /** Nobody watches any more, so that nobody will hear this worker: its process has to end. */
  failed(error: PotorooError): void
}

export interface Watch {
  /** What this worker says of itself now. */
  readonly beat: Beat
  /** Incarnations that are dead by evidence: nobody waits for their beats to stop. */
  readonly gone: ReadonlySet<string>
  /**
   * Other workers whose loops stand still, by incarnation. They live: nothing follows from it but that people are told.
   */
  readonly stuck: ReadonlyMap<string, StuckSince>
  /** From now on heartbeats go to these, and to nobody else. */
  follow(others: readonly Watched[]): void
  tell(evidence: Evidence): void
  close(): void
}

/** Opens a watch; answers once it takes heartbeats. */
export type OpenWatch = (
  watcher: Watcher,
  events: WatchEvents,
  done: (error: PotorooError | null, watch: Watch) => void,
) => void

/** The watch of a worker whose store nobody else can reach: there is nobody to hear, and nobody to tell. */
export function watchNobody(after: (fn: () => void) => void): OpenWatch {
  return (watcher, _, done) => {
    const beat: Beat = { ...watcher, heartbeats: '', counter: 0, hears: [] }
    after(() =>
      done(null, { beat, gone: new Set(), stuck: new Map(), follow: () => {}, tell: () => {}, close: () => {} }),
    )
  }
}
