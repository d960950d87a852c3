/** A record that did not get through a step: what the dead letters keep of it. */
import type { Key } from '../base/hash.ts'
import type { Batch } from './batch.ts'

export interface Failure {
  readonly step: string
  readonly split: number
  readonly position: number
  readonly ordinal: number
  readonly time: number
  /** The key, where the step is keyed. */
  readonly key: Key | undefined
  /** What the step was given: the record's bytes at a source, its value further on. */
  readonly given: unknown
  readonly error: unknown
  /** `false`: giving `given` to the step once more would not make up for it. */
  readonly again?: false
}

/** The failure of record `i` of `batch`, as `step` was given it. */
export function failureOf(batch: Batch, i: number, step: string, key: Key | undefined, error: unknown): Failure {
  return {
    step,
    split: batch.splits[i]!,
    position: batch.positions[i]!,
    ordinal: batch.ordinals[i]!,
    time: batch.times[i]!,
    key,
    given: batch.values[i],
    error,
  }
}

/** Takes a failure; the record leaves no other trace. */
export type FailureReport = (failure: Failure) => void
