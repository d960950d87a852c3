/**
 * Assertions. They stay on in production: one comparison per batch is cheaper than one wrong state.
 *
 * A failed assertion is an error in Potoroo, never in a user's pipeline or input.
 */

/** Thrown where the program finds itself in a state that its own rules forbid. The process must not go on. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError'
  readonly #ours = true

  /**
   * Whether `error` is one. It looks at nothing of it: what users throw may be anything, and answer with another throw.
   */
  static is(error: unknown): error is InvariantError {
    return typeof error === 'object' && error !== null && #ours in error
  }
}

/** Throws an `InvariantError` unless `condition` holds. `rule` cites the invariant and says it. */
export function assert(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new InvariantError(rule)
}
