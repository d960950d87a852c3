/** What simulated workers of a cluster share, and what they say to one another. */
import type { Limits } from '../../src/base/limits.ts'
import type { Prng } from '../../src/base/prng.ts'
import type { Fate, Purpose } from '../../src/checkpoint/barrier.ts'
import type { Round } from '../../src/cluster/rescale-state.ts'
import type { Request } from '../../src/cluster/target.ts'
import type { Timeline } from '../../src/sim/timeline.ts'
import type { Referee, Values } from './referee.ts'
import type { SimLinks } from './sim-links.ts'
import type { SimStore } from './sim-store.ts'
import type { SimWorker } from './sim-worker.ts'

export type Message =
  | { readonly kind: 'generation'; readonly generation: number }
  | { readonly kind: 'seen'; readonly generation: number }
  | { readonly kind: 'ready'; readonly generation: number }
  | { readonly kind: 'activate'; readonly generation: number }
  | { readonly kind: 'leaseAsked'; readonly generation: number; readonly counter: number }
  | { readonly kind: 'leaseGranted'; readonly generation: number; readonly counter: number; readonly ms: number }
  | { readonly kind: 'request'; readonly request: Request }
  | { readonly kind: 'answer'; readonly answer: 'accepted' | 'later' | 'refused'; readonly reason: string }
  | {
      /** To who gets key groups. */
      readonly kind: 'roundAsked'
      readonly generation: number
      readonly attempt: number
      readonly round: Round
    }
  | { readonly kind: 'arrived'; readonly generation: number; readonly attempt: number; readonly round: Round }
  | {
      readonly kind: 'released'
      readonly generation: number
      readonly attempt: number
      readonly pipelines: readonly string[]
    }
  | {
      readonly kind: 'barrier'
      readonly generation: number
      readonly pipeline: string
      readonly epoch: number
      readonly purpose: Purpose
    }
  | {
      readonly kind: 'saved'
      readonly generation: number
      readonly pipeline: string
      readonly epoch: number
      /** `null`: it could not be saved. */
      readonly values: Values | null
    }
  | { readonly kind: 'fate'; readonly generation: number; readonly pipeline: string; readonly fate: Fate }

/** What all workers of a run share. */
export interface Scene {
  readonly timeline: Timeline
  readonly random: Prng
  readonly store: SimStore
  readonly links: SimLinks<Message>
  readonly referee: Referee
  readonly limits: Limits
  readonly names: readonly string[]
  readonly pipelines: readonly string[]
  /** How often a member cannot save its part of an epoch. */
  readonly refuseChance: number
  readonly skipStalled: boolean
  log(line: string): void
  reborn(worker: SimWorker): void
  exited(worker: SimWorker, reason: string): void
}
