/** Options of what users write in a pipeline file. */
import { fail } from '../base/errors.ts'
import { isOptions, noOption, unknownNames } from '../base/option-names.ts'

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
