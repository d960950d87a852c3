/** Standard input: for pipes. */
import type { Decoder, SourceDescription } from '../../model/connector.ts'
import { utf8 } from '../../model/decoder.ts'
import type { Fields } from '../../model/fields.ts'
import { lines } from '../../model/framing.ts'
import { describeSource, type SourceFormat } from '../options.ts'

/** What the source is called where connectors are told apart. */
export const STANDARD_INPUT = 'standard-input'

export const standardInputFields = {} as const satisfies Fields

/**
 * Reads the standard input of `potoroo run`, which ends when all of it has been taken: lines of UTF-8 text when nothing
 * else is said. What was read is journaled before it counts, so a run that is killed goes on with it.
 *
 * @example p.source('lines', standardInput())
 */
export function standardInput<T = string>(options: SourceFormat<T> = {}): SourceDescription<T> {
  return describeSource('standardInput', STANDARD_INPUT, standardInputFields, options, {
    framing: lines(),
    decode: utf8 as Decoder<T>,
  })
}
