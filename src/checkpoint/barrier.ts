/** What coordinator and participants of a checkpoint say to each other. */

/** Why an epoch ends. After `rescale` and `drain` every task holds. */
export type Purpose =
  | { readonly kind: 'periodic' }
  /** As little as can be is left for the next one, which is about to follow: it is written at once. */
  | { readonly kind: 'fresh' }
  | { readonly kind: 'savepoint'; readonly name: string }
  | { readonly kind: 'rescale' }
  /** `stays`: it runs again when it is submitted anew, and not before. */
  | { readonly kind: 'drain'; readonly stays: boolean }

export const periodic: Purpose = { kind: 'periodic' }

/** How an epoch ended: `complete`, its record stands in the chain; `abandoned`, it never will. */
export interface Fate {
  readonly epoch: number
  readonly outcome: 'complete' | 'abandoned'
}

/** A barrier, as it travels behind the last record of its epoch. */
export interface Barrier {
  readonly epoch: number
  readonly purpose: Purpose
  /** The fate of the epoch before; `null` for the first barrier of a generation. */
  readonly previous: Fate | null
}

/** Whether what follows waits for the epoch: it is written at once, and holds nothing that could come later. */
export function presses(purpose: Purpose): boolean {
  return purpose.kind === 'fresh' || holds(purpose)
}

/** Whether every task holds once the barrier has passed it. */
export function holds(purpose: Purpose): boolean {
  return purpose.kind === 'rescale' || purpose.kind === 'drain'
}
