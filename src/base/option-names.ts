/**
 * Options that are given by name. Where types are not checked nobody else says that they are none, or that one is
 * misspelt, which would have no effect: state that is to be forgotten would stay for good, and an outbox would be in
 * memory.
 */
import { nearest } from './nearest.ts'

export function isOptions(given: unknown): given is Readonly<Record<string, unknown>> {
  return typeof given === 'object' && given !== null
}

/** The names in `given` that are none of `known`, each with the one that may be meant. */
export function unknownNames(
  given: object,
  known: readonly string[],
): readonly { readonly name: string; readonly meant: string | null }[] {
  return Object.keys(given)
    .filter((name) => !known.includes(name))
    .map((name) => ({ name, meant: nearest(name, known) }))
}

/** `there is no option chekc; did you mean check?` */
export function noOption({ name, meant }: { readonly name: string; readonly meant: string | null }): string {
  return `there is no option ${name}${meant === null ? '' : `; did you mean ${meant}?`}`
}

/** What is wrong with `given` as options of these names; `null`: nothing. */
export function faultOfNames(given: unknown, known: readonly string[]): string | null {
  if (!isOptions(given)) return 'its options must be an object'
  const [unknown] = unknownNames(given, known)
  return unknown === undefined ? null : noOption(unknown)
}
