/** A record that did not get through a step: what the dead letters keep of it. */
import type { Key } from '../base/hash.ts'

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

/** Takes a failure; the record leaves no other trace. */
export type FailureReport = (failure: Failure) => void
