/**
 * What a coordinator knows of a change of owners that is under way, what can happen to it, and what it asks to be done:
 * the vocabulary of `rescale.ts`.
 */
import type { Step } from '../base/table.ts'
import type { Move } from './assignment.ts'
import type { Origin, Request, Room, Target } from './target.ts'

/** What is read ahead while everything runs: all there is, and three times at most what has changed since. */
export type Copied = 'base' | 'recent' | 'newer' | 'newest'

/** What is read ahead in a round: the last one is what has changed up to the hold. */
export type Round = Copied | 'last'

export interface RescaleSettings {
  /** How long requests are gathered, so that several workers come in one generation. */
  readonly gatherMs: number
  /** How long one round of copying in the background may take. */
  readonly copyMs: number
  /** Where the last epoch, with the copying of it, took longer than this, another one comes before the hold. */
  readonly freshMs: number
  /** How long a pipeline's epoch may take before it counts as stalled. */
  readonly holdMs: number
  /** How long the last parts may take, while everything holds. */
  readonly handMs: number
  /** Workers that a cluster may have. */
  readonly workers: number
}

/** The generation that this instance may end. */
export interface RescaleFrame extends Origin {
  readonly settings: RescaleSettings
  readonly generation: number
}

/** Requests by who made them. */
export type Requests = ReadonlyMap<string, Request>

export interface Common {
  readonly frame: RescaleFrame
  /** Counts attempts within the generation, from 1 (`rescale.ts`, H5). */
  readonly attempt: number
}

export interface UnderWay extends Common {
  readonly requests: Requests
  readonly target: Target
  /** Pipelines that take part: those that ran at the beginning, without skipped ones (`rescale.ts`, H6). */
  readonly pipelines: ReadonlySet<string>
  /** Pipelines that hold. */
  readonly held: ReadonlySet<string>
  readonly lateMs: number
}

export interface Waiting extends UnderWay {
  /** Receivers, or pipelines, that the phase waits for. */
  readonly missing: ReadonlySet<string>
}

interface Freshness {
  /** What is copied, or will be once the epochs are there. */
  readonly round: Copied
  /** What has changed since then is not copied yet, in milliseconds of the monotonic clock. */
  readonly sinceMs: number
}

export type RescaleState =
  | (Common & { readonly phase: 'idle' })
  | (Common & { readonly phase: 'gathering'; readonly requests: Requests; readonly dueMs: number })
  | (Waiting & Freshness & { readonly phase: 'copying' })
  | (Waiting &
      Freshness & {
        readonly phase: 'freshening'
        /** Pipelines whose epoch did not come about: asked again at the next tick, not at once. */
        readonly again: ReadonlySet<string>
      })
  | (Waiting & { readonly phase: 'holding' })
  | (Waiting & { readonly phase: 'handing' })
  /** The record may stand in the chain already (`rescale.ts`, H2). */
  | (UnderWay & { readonly phase: 'committing' })
  | (Common & { readonly phase: 'stopped' })

export type RescaleEvent =
  /**
   * `obstacle`: why the worker that wants to join cannot be taken in now (always `null` for others). `room`: for how
   * many what runs here has memory.
   */
  | {
      readonly kind: 'request'
      readonly request: Request
      readonly obstacle: string | null
      readonly room: Room | null
      readonly nowMs: number
    }
  /** `pipelines` are those that run. */
  | { readonly kind: 'tick'; readonly nowMs: number; readonly pipelines: readonly string[] }
  /** A receiver has read ahead what a round covers. */
  | {
      readonly kind: 'arrived'
      readonly worker: string
      readonly incarnation: string
      readonly attempt: number
      readonly round: Round
      readonly nowMs: number
    }
  /** An epoch is complete; `holds`: every task of the pipeline holds behind it. */
  | {
      readonly kind: 'epochComplete'
      readonly pipeline: string
      readonly holds: boolean
      readonly nowMs: number
    }
  /** The epoch that was asked for does not come about. */
  | { readonly kind: 'epochFailed'; readonly pipeline: string; readonly reason: string; readonly nowMs: number }
  /** A pipeline has been cancelled, or is drained. */
  | { readonly kind: 'pipelineEnded'; readonly pipeline: string; readonly nowMs: number }
  /** A member, or a worker that wants to join, is lost or cannot do its part. */
  | { readonly kind: 'lost'; readonly worker: string; readonly reason: string }
  /** Nothing was appended, and nothing will be. */
  | { readonly kind: 'notAppended'; readonly reason: string }
  /** Another generation has been read in the chain: this rescale's, or one that was quicker. */
  | { readonly kind: 'stop' }

export type RescaleEffect =
  | {
      readonly kind: 'answer'
      readonly request: Request
      readonly answer: 'accepted' | 'later' | 'refused'
      readonly reason: string
    }
  /** Tell givers and receivers what is to move in this attempt. */
  | { readonly kind: 'announce'; readonly attempt: number; readonly moves: readonly Move[] }
  /** Tell receivers to read a round ahead, up to the last complete epochs. */
  | { readonly kind: 'askRound'; readonly attempt: number; readonly round: Round }
  /** Ask a pipeline's checkpoint coordinator for an epoch, now; after one that `holds` every task holds. */
  | { readonly kind: 'requestEpoch'; readonly pipeline: string; readonly holds: boolean }
  /** Let pipelines go on, and everyone forget what was read ahead in the attempt (`rescale.ts`, H1, H4). */
  | { readonly kind: 'release'; readonly attempt: number; readonly pipelines: readonly string[] }
  /** Append the generation record; answer `stop` once it has been read, or `notAppended`. */
  | { readonly kind: 'appendRescale'; readonly after: number; readonly target: Target }

export type In<P extends RescaleState['phase']> = Extract<RescaleState, { phase: P }>
export type Decided<P extends RescaleState['phase']> = Step<In<P>, RescaleEffect>
export type Of<K extends RescaleEvent['kind']> = Extract<RescaleEvent, { kind: K }>
/** The phases from which an attempt can still be given up (`rescale.ts`, H1). */
export type Revocable = In<'copying' | 'freshening' | 'holding' | 'handing'>
