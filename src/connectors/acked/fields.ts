/** What sinks have in common that may speak the acknowledged protocol. */
import type { SinkDescription } from '../../model/connector.ts'
import type { Fields, OptionsOf, SettingsOf } from '../../model/fields.ts'
import { RECORD_BYTES } from '../../protocol/delivery.ts'
import { describeSink, type Gives, type SinkFormat } from '../options.ts'

export const ackedSinkFields = {
  protocol: {
    type: 'text',
    choices: ['plain', 'acked'],
    default: 'plain',
    doc: 'plain bytes, or the acknowledged protocol that `receiveAcked` of `potoroo/client` speaks',
    example: 'acked',
  },
  promise: {
    type: 'text',
    choices: ['idempotent', 'at-least-once'],
    optional: true,
    doc: 'with protocol acked; idempotent by default, at-least-once for records without an id, such as those of reduce and aggregate',
    example: 'at-least-once',
  },
  tokenFile: {
    type: 'text',
    optional: true,
    doc: 'with protocol acked: file with the token that the receiver demands; read at every dial',
    example: '/run/secrets/reports',
  },
} as const satisfies Fields

type Options<T> = SinkFormat<T> & Partial<OptionsOf<typeof ackedSinkFields>>
type Described<T, F extends Fields> = SinkDescription<T> & { readonly settings: SettingsOf<F> }

/**
 * The description of a sink that speaks the protocol which its user chose; with plain bytes it `gives` what it says.
 */
export function describeByProtocol<T, const F extends Fields>(
  connector: string,
  kind: string,
  fields: F,
  options: Options<T>,
  gives: Gives<T>,
): Described<T, F> {
  if (options?.protocol === 'acked') return describeAcked(connector, kind, fields, options)
  const described = describeSink(connector, kind, fields, options, gives)
  const faults = (['promise', 'tokenFile'] as const)
    .filter((name) => options?.[name] !== undefined)
    .map((name) => `${connector}: ${name} needs protocol: 'acked'; plain bytes are ${gives.promise}`)
  return { ...described, faults: [...(described.faults ?? []), ...faults] }
}

/** The protocol tells records apart, and carries their ids. */
function describeAcked<T, const F extends Fields>(
  connector: string,
  kind: string,
  fields: F,
  options: Options<T>,
): Described<T, F> {
  const { promise = 'idempotent' } = options
  const described = describeSink(connector, kind, fields, options, { promise, fencing: 'none' })
  const taken = { apart: true, recordBytes: RECORD_BYTES } as const
  if (described.framing === null) return { ...described, ...taken }
  const fault = `${connector}: with protocol acked records are told apart already; leave the framing out`
  return { ...described, ...taken, framing: null, faults: [...(described.faults ?? []), fault] }
}
