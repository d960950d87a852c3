/** What sinks have in common that may speak the acknowledged protocol. */
import type { SinkDescription } from '../../model/connector.ts'
import type { Fields, SettingsOf } from '../../model/fields.ts'
import { describeSink, promiseField, type SinkFormat } from '../options.ts'

export const ackedSinkFields = {
  protocol: {
    type: 'text',
    choices: ['plain', 'acked'],
    default: 'plain',
    doc: 'plain bytes, or the acknowledged protocol that `receiveAcked` of `potoroo/client` speaks',
    example: 'acked',
  },
  promise: promiseField,
  tokenFile: {
    type: 'text',
    optional: true,
    doc: 'with protocol acked: file with the token that the receiver wants to be shown; read at every dial',
    example: '/run/secrets/reports',
  },
} as const satisfies Fields

/** The description of an acked sink: the protocol tells records apart, and carries their ids. */
export function describeAcked<T, const F extends Fields>(
  connector: string,
  kind: string,
  fields: F,
  options: SinkFormat<T> & { readonly promise?: 'idempotent' | 'at-least-once' | undefined },
): SinkDescription<T> & { readonly settings: SettingsOf<F> } {
  const { promise = 'idempotent' } = options
  const described = describeSink(connector, kind, fields, options, { promise, fencing: 'none' })
  if (described.framing === null) return { ...described, apart: true }
  const fault = `${connector}: with protocol acked records are told apart already; leave the framing out`
  return { ...described, framing: null, apart: true, faults: [...(described.faults ?? []), fault] }
}
