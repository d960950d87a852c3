/** What a step answers that may send on any number of records for one. */
import { fail } from '../base/errors.ts'
import { atOnce } from '../base/promise.ts'

/**
 * `answer`, if its records can be taken from it one by one. Throws `E_NOT_SEVERAL` for what a forgotten `return`
 * leaves, and for a text, which would go on letter by letter; `E_PROMISE` for a promise.
 */
export function severalOf<A extends Iterable<unknown>>(answer: A): A {
  if (Array.isArray(answer)) return answer
  atOnce<unknown>(answer)
  if (typeof answer !== 'object' || answer === null || typeof answer[Symbol.iterator] !== 'function') {
    throw fail('E_NOT_SEVERAL', { got: described(answer) })
  }
  return answer
}

/** `results` as they come, and `look` at all of them once the last has come: there may be no end of them. */
export function* gathering(
  results: Iterable<unknown>,
  look: (gathered: readonly unknown[]) => void,
): Generator<unknown> {
  const gathered: unknown[] = []
  for (const result of results) {
    gathered.push(result)
    yield result
  }
  look(gathered)
}

function described(answer: unknown): string {
  if (answer === undefined || answer === null) return String(answer)
  if (typeof answer === 'string') return 'a text'
  return typeof answer === 'object' ? 'an object that cannot be iterated' : `a value of type ${typeof answer}`
}
