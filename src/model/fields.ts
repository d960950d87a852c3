/**
 * How a connector declares its settings: one row per field, from which its options' types, the checks, the defaults and
 * the documentation come.
 *
 * F1. Checking never throws: faults are collected as sentences, so that one `potoroo check` names all of them.
 * F2. A setting that is wrong is replaced by its example, so that what follows may rely on the types.
 */
import { isOptions, noOption, unknownNames } from '../base/option-names.ts'
import { show, wantsOptions } from './options.ts'

interface Row<Type extends string, T> {
  readonly type: Type
  /** One sentence without its full stop, such as `port to listen on`. */
  readonly doc: string
  readonly example: T
  /** What holds when the user says nothing. A field with neither `default` nor `optional` is required. */
  readonly default?: T
  readonly optional?: true
}

/** One setting. Names of numbers that are durations end in `Ms`, sizes in `Bytes`. */
export type Field =
  | (Row<'text', string> & { readonly choices?: readonly string[] })
  | (Row<'integer' | 'number', number> & { readonly min?: number; readonly max?: number })
  | Row<'boolean', boolean>

/** A connector's settings by name, in the order in which documents show them. */
export type Fields = Readonly<Record<string, Field>>

type Value<F extends Field> = F extends { readonly choices: readonly (infer C)[] }
  ? C
  : F extends { readonly type: 'text' }
    ? string
    : F extends { readonly type: 'boolean' }
      ? boolean
      : number

type Omittable<F extends Fields> = {
  [N in keyof F]: F[N] extends { readonly default: unknown } | { readonly optional: true } ? N : never
}[keyof F]

/** What the user may write for `F`: fields with a default or marked optional may be left out. */
export type OptionsOf<F extends Fields> = { readonly [N in Exclude<keyof F, Omittable<F>>]: Value<F[N]> } & {
  readonly [N in Omittable<F>]?: Value<F[N]> | undefined
}

/** The settings after defaults: only optional fields can still be `undefined`. */
export type SettingsOf<F extends Fields> = {
  readonly [N in keyof F]: F[N] extends { readonly optional: true } ? Value<F[N]> | undefined : Value<F[N]>
}

/** Settings with defaults filled in, and what is wrong with them as sentences that begin with the connector's name. */
export interface CheckedSettings<F extends Fields> {
  readonly settings: SettingsOf<F>
  readonly faults: readonly string[]
}

/**
 * Checks `options` against `fields`. `others` are the names of options that are no settings (a framing, a function),
 * which the connector checks itself. `connector` is the function that the user called, such as `tcpSource`.
 */
export function checkSettings<const F extends Fields>(
  connector: string,
  fields: F,
  options: object,
  others: readonly string[] = [],
): CheckedSettings<F> {
  const given = isOptions(options) ? options : {}
  const settings: Record<string, unknown> = {}
  const faults: string[] = given === options ? [] : [`${connector}: ${wantsOptions(options)}`]
  for (const [name, field] of Object.entries(fields)) {
    const value = given[name] ?? field.default
    const fault = value === undefined ? missing(field) : faultOf(field, value)
    if (fault !== null) faults.push(`${connector}: ${name} ${fault}`)
    settings[name] = fault === null ? value : field.example
  }
  for (const unknown of unknownNames(given, [...Object.keys(fields), ...others])) {
    faults.push(`${connector}: ${noOption(unknown)}`)
  }
  return { settings: settings as SettingsOf<F>, faults }
}

function missing(field: Field): string | null {
  return field.optional ? null : `is required: ${field.doc}, such as ${JSON.stringify(field.example)}`
}

/** What is wrong with `value`, as the end of a sentence, or `null`. */
function faultOf(field: Field, value: unknown): string | null {
  const wanted = `must be ${describeField(field)}, not ${show(value)}`
  if (field.type === 'boolean') return typeof value === 'boolean' ? null : wanted
  if (field.type === 'text') {
    if (typeof value !== 'string' || value === '') return wanted
    return field.choices === undefined || field.choices.includes(value) ? null : wanted
  }
  if (typeof value !== 'number' || !Number.isFinite(value)) return wanted
  if (field.type === 'integer' && !Number.isSafeInteger(value)) return wanted
  return value < (field.min ?? -Infinity) || value > (field.max ?? Infinity) ? wanted : null
}

/** What a field takes, for people: `a whole number from 1 to 65535`. */
export function describeField(field: Field): string {
  if (field.type === 'boolean') return 'true or false'
  if (field.type === 'text') {
    if (field.choices === undefined) return 'a text'
    return field.choices.map((choice) => `'${choice}'`).join(' or ')
  }
  const noun = field.type === 'integer' ? 'a whole number' : 'a number'
  const { min, max } = field
  if (min !== undefined && max !== undefined) return `${noun} from ${min} to ${max}`
  if (min !== undefined) return `${noun} of at least ${min}`
  return max === undefined ? noun : `${noun} of at most ${max}`
}
