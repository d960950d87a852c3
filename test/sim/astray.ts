/**
 * Promises that the code of a run has rejected and nobody has taken: in earnest each of them ends its process, and here
 * they are findings of the seed.
 */
import { setImmediate as turn } from 'node:timers/promises'

/** What `run` gives, with a complaint for each such promise. */
export async function withAstray<R extends { readonly complaints: readonly string[] }>(
  run: () => R | Promise<R>,
): Promise<R> {
  const astray: string[] = []
  const note = (error: unknown): void => {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error)
    astray.push(`a promise was rejected, and nobody has taken it: ${what}`)
  }
  process.on('unhandledRejection', note)
  try {
    const result = await run()
    // They are told of behind all that waits for promises.
    await turn()
    return astray.length === 0 ? result : { ...result, complaints: [...result.complaints, ...astray] }
  } finally {
    process.off('unhandledRejection', note)
  }
}
