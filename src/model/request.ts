/**
 * What a request brings to the door, and what it is answered: the words between a connector that takes requests and the
 * journal.
 */
import type { PotorooError } from '../base/errors.ts'

/** Who brings the records: a producer, its incarnation, and the sequence of the first one. */
export interface RequestKey {
  readonly producer: string
  readonly incarnation: string
  readonly first: number
}

export type RequestAnswer =
  /**
   * `repeats` of the records were known; `next`: the sequence that the next request of the producer begins with;
   * `token`: a query behind it shows them (PROTOCOLS 16).
   */
  | { readonly kind: 'taken'; readonly repeats: number; readonly next: number; readonly token: string }
  /** Records in front of these are missing: `next` is the sequence that is wanted. */
  | { readonly kind: 'gap'; readonly next: number }
  /** Other records were taken under these numbers: `next` is the first that is free. */
  | { readonly kind: 'others'; readonly error: PotorooError; readonly next: number }
  /** `worker` answers for the producer; `null`: it is not known how it is reached. */
  | {
      readonly kind: 'elsewhere'
      readonly worker: string
      readonly address: { readonly host: string; readonly port: number } | null
    }
  /** Whether it was taken is not known, or it cannot be taken now: another try is worth while. */
  | { readonly kind: 'again'; readonly error: PotorooError }
  /** It will never be taken as it is. */
  | { readonly kind: 'refused'; readonly error: PotorooError }
