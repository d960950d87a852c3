/** Standard output: for a first look, and for pipes. */
import type { SinkDescription } from '../../model/connector.ts'
import type { Fields } from '../../model/fields.ts'
import { lines } from '../../model/framing.ts'
import { jsonText } from '../json-text.ts'
import { describeSink, type SinkFormat } from '../options.ts'

export const stdoutSinkFields = {} as const satisfies Fields

/**
 * Writes each record as a line to the standard output of the worker. Without an `encode`, text is written as it is and
 * everything else as JSON; a record with a Map, a Set or a bigint in it, for which JSON has no form, is a dead letter.
 * After a recovery records come again.
 *
 * @example .sink('print', stdoutSink())
 */
export function stdoutSink<T>(options: Partial<SinkFormat<T>> = {}): SinkDescription<T> {
  return describeSink<T, typeof stdoutSinkFields>(
    'stdoutSink',
    'stdout',
    stdoutSinkFields,
    { encode: show, framing: lines(), ...options },
    { promise: 'at-least-once', fencing: 'none' },
  )
}

function show(value: unknown): string {
  return typeof value === 'string' ? value : (jsonText(value) ?? String(value))
}
