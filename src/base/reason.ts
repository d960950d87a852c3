/** What was thrown, in words. Users throw anything, and some of it answers with another throw when it is asked what it is. */
export function reasonOf(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown)
  } catch {
    return `a value of type ${typeof thrown} that cannot be shown`
  }
}
