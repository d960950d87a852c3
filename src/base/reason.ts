/**
 * What was thrown, in words. Users throw anything, and some of it answers with another throw when it is asked what it
 * is.
 */
export function reasonOf(thrown: unknown): string {
  try {
    // Of a name with several addresses each has been tried: what is said of all of them has no words of its own.
    if (thrown instanceof AggregateError && thrown.message === '') return thrown.errors.map(reasonOf).join('; ')
    return String(thrown instanceof Error ? thrown.message : thrown)
  } catch {
    return `a value of type ${typeof thrown} that cannot be shown`
  }
}
