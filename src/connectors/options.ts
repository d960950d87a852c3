/** What the options of all connectors have in common: the ones that are no plain settings, and their checks. */
import type { Decoder, Framing, Settings, SinkDescription, SourceDescription } from '../model/connector.ts'
import { checkSettings, type Fields, type SettingsOf } from '../model/fields.ts'
import { guardDecoder, guardFraming } from '../model/trust.ts'

export interface SourceFormat<T> {
  /** How records are told apart; each source says what holds when it is left out, most often `lines()`. */
  readonly framing?: Framing
  /** What a record's bytes mean; each source says what holds when it is left out, most often `utf8`. */
  readonly decode?: Decoder<T>
}

export interface SinkFormat<T> {
  /** The record's bytes or text. Without a `framing` it is written as it is, end mark and all. */
  readonly encode: (value: T) => string | Uint8Array
  /** The frame that is put around each record. */
  readonly framing?: Framing
}

/** What sinks whose records carry ids may promise. */
export const promiseField = {
  type: 'text',
  choices: ['idempotent', 'at-least-once'],
  default: 'idempotent',
  doc: 'idempotent needs an id on every record; at-least-once is for records without one, such as those of reduce and aggregate',
  example: 'at-least-once',
} as const

/** Makes a source's description of what the user wrote; `others` are the options of it that are no settings. */
export function describeSource<T, const F extends Fields>(
  connector: string,
  kind: string,
  fields: F,
  options: SourceFormat<T>,
  defaults: { readonly framing: Framing; readonly decode: Decoder<T> },
  others: readonly (keyof SourceFormat<T>)[] = ['framing', 'decode'],
): SourceDescription<T> & { readonly settings: SettingsOf<F> } {
  const { settings, faults } = checkSettings(connector, fields, options, others)
  const { framing = defaults.framing, decode = defaults.decode } = options ?? {}
  const more: string[] = []
  if (typeof framing?.scan !== 'function') more.push(`${connector}: framing must be a framing, such as lines()`)
  if (typeof decode?.decode !== 'function') more.push(`${connector}: decode must be a decoder, such as utf8`)
  return {
    role: 'source',
    kind,
    settings: settings as SettingsOf<F> & Settings,
    framing: more.length === 0 ? guardFraming(framing) : defaults.framing,
    decoder: more.length === 0 ? guardDecoder(decode) : defaults.decode,
    faults: [...faults, ...more],
  }
}

/** What a sink gives when something fails. */
export type Gives<T> = Pick<SinkDescription<T>, 'promise' | 'fencing'>

/** Makes a sink's description of what the user wrote; `others` are the options of it that are no settings. */
export function describeSink<T, const F extends Fields>(
  connector: string,
  kind: string,
  fields: F,
  options: SinkFormat<T>,
  gives: Gives<T>,
  others: readonly (keyof SinkFormat<T>)[] = ['framing', 'encode'],
): SinkDescription<T> & { readonly settings: SettingsOf<F> } {
  const { settings, faults } = checkSettings(connector, fields, options, others)
  const { encode, framing = null } = options ?? {}
  const more: string[] = []
  if (typeof encode !== 'function') {
    const what = encode === undefined ? 'encode is missing: give it' : 'encode must be'
    more.push(`${connector}: ${what} a function that makes text or bytes, such as JSON.stringify with framing: lines()`)
  }
  if (framing !== null && typeof framing?.frame !== 'function') more.push(`${connector}: framing must be a framing`)
  else if (framing?.readsOnly) more.push(`${connector}: framing "${framing.kind}" only reads; give it a function frame`)
  return {
    role: 'sink',
    kind,
    settings: settings as SettingsOf<F> & Settings,
    ...gives,
    encode: encode as SinkFormat<T>['encode'],
    framing: framing === null || more.length > 0 ? null : guardFraming(framing),
    faults: [...faults, ...more],
  }
}
