/** A sink that swallows everything: for measuring, and for pipelines that are run for their state. */
import type { SinkDescription } from '../../model/connector.ts'
import type { Fields } from '../../model/fields.ts'
import { describeSink } from '../options.ts'

export const nullSinkFields = {} as const satisfies Fields

/**
 * Encodes every record, counts it and drops it. Without an `encode` nothing is encoded either.
 *
 * @example .sink('nowhere', nullSink())
 */
export function nullSink<T = unknown>(
  options: { readonly encode?: (value: T) => string | Uint8Array } = {},
): SinkDescription<T> {
  return describeSink<T, typeof nullSinkFields>(
    'nullSink',
    'null',
    nullSinkFields,
    { encode: () => '', ...options },
    {
      promise: 'transactional',
      fencing: 'epoch',
    },
  )
}
