/**
 * Thrown where a call has thrown that may have changed a state of which there is no copy, for it is too large to be
 * copied before each call. Only going back to the last complete epoch undoes that (PROTOCOLS 9): the task must not go
 * on.
 */
export class SpoiledState extends Error {
  override readonly name = 'SpoiledState'
  readonly step: string
  readonly #ours = true

  /** `cause` is what the call of `step` has thrown. */
  constructor(step: string, cause: unknown) {
    super(`a call of step "${step}" threw on a state that had not been copied`, { cause })
    this.step = step
  }

  /**
   * Whether `error` is one. It looks at nothing of it: what users throw may be anything, and answer with another throw.
   */
  static is(error: unknown): error is SpoiledState {
    return typeof error === 'object' && error !== null && #ours in error
  }
}
