/**
 * Options that are given by name. Where types are not checked nobody else says that they are none, or that one is
 * misspelt, which would have no effect: state that is to be forgotten would stay for good.
 */
import { fail } from '../base/errors.ts'
import { nearest } from '../base/nearest.ts'

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

/** Throws `E_SETTING` where `given` are no options of the function `owner`, which knows those of `known`. */
export function refuseOptions(owner: string, given: unknown, known: readonly string[]): void {
  if (!isOptions(given)) throw fail('E_SETTING', { reason: `${owner}: ${wantsOptions(given)}` })
  const [unknown] = unknownNames(given, known)
  if (unknown !== undefined) throw fail('E_SETTING', { reason: `${owner}: ${noOption(unknown)}` })
}

export function wantsOptions(given: unknown): string {
  return `its options must be an object, not ${show(given)}`
}

/** What somebody gave, for people: some values cannot become text, and some become too much of it. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)
  if (value === null || typeof value !== 'object') return typeof value === 'function' ? 'a function' : String(value)
  return Array.isArray(value) ? 'an array' : 'an object'
}
