/** What is wrong with an object of the store, by name. Damage is reported, never believed and never thrown. */
import type { PotorooError } from '../base/errors.ts'

export interface Damage {
  readonly path: string
  /** The part of a pack that is damaged, `null` for the whole object. */
  readonly part: { readonly step: string; readonly keyGroup: number } | null
  readonly reason: string
}

/** The outcome of reading an object: intact, damaged, or an error that says nothing about the object. */
export type Examined<T> =
  | { readonly kind: 'intact'; readonly value: T }
  | { readonly kind: 'damaged'; readonly damage: Damage }
  | { readonly kind: 'failed'; readonly error: PotorooError }

/** The outcome for an object that is damaged as a whole. */
export function damagedWhole(path: string, reason: string): Examined<never> {
  return { kind: 'damaged', damage: { path, part: null, reason } }
}

/** One clause for a person: what is damaged, and how. */
export function describeDamage({ path, part, reason }: Damage): string {
  const where = part === null ? '' : `, step "${part.step}", key group ${part.keyGroup}`
  return `${path}${where}: ${reason}`
}

/** Clauses of which a sentence names some: a bad disk damages hundreds of objects at once. */
const NAMED = 3

/** What `clauses` say, in one: the first of them, and how many more there are. */
export function inBrief(clauses: readonly string[]): string {
  const more = clauses.length - NAMED
  return [...clauses.slice(0, NAMED), ...(more > 0 ? [`and ${more} more like these`] : [])].join('; ')
}
