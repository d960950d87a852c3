/** Webhooks as users write them: a sink that posts records to a URL. */
import type { SinkDescription } from '../../model/connector.ts'
import type { Fields, OptionsOf, SettingsOf } from '../../model/fields.ts'
import { lines } from '../../model/framing.ts'
import { jsonText } from '../json-text.ts'
import { describeSink, promiseField, type SinkFormat } from '../options.ts'

export const WEBHOOK = 'webhook'

export const webhookSinkFields = {
  url: { type: 'text', doc: 'where records are posted to', example: 'https://shop.example/orders' },
  records: {
    type: 'integer',
    min: 1,
    max: 10_000,
    default: 1,
    doc: 'records in one request at most: 1 posts each by itself with its id as Idempotency-Key, more are posted as lines',
    example: 500,
  },
  concurrency: {
    type: 'integer',
    min: 1,
    max: 256,
    default: 1,
    doc: 'requests under way at a time; with more than 1 they may arrive in any order',
    example: 8,
  },
  timeoutMs: {
    type: 'integer',
    min: 1,
    max: 3_600_000,
    default: 10_000,
    doc: 'how long a request may take',
    example: 30_000,
  },
  refused: {
    type: 'text',
    choices: ['dead-letter', 'fail'],
    default: 'dead-letter',
    doc: 'what happens to a record that the receiver refuses: it becomes a dead letter, or the pipeline stops, as it does where records have no id (behind reduce and aggregate)',
    example: 'fail',
  },
  promise: promiseField,
  contentType: {
    type: 'text',
    optional: true,
    doc: 'the type of the body; application/json, or application/x-ndjson for several records, when left out',
    example: 'text/plain',
  },
  tokenFile: {
    type: 'text',
    optional: true,
    doc: 'file whose content goes with each request as Authorization: Bearer; read again when it is refused',
    example: '/run/secrets/shop',
  },
} as const satisfies Fields

export type WebhookSinkSettings = SettingsOf<typeof webhookSinkFields>
export type WebhookSinkOptions<T> = OptionsOf<typeof webhookSinkFields> & Partial<Pick<SinkFormat<T>, 'encode'>>

/**
 * Posts every record to a URL, again and again until the receiver has taken it. Each carries an id that stays the same
 * whenever it comes again: a receiver that remembers the ids counts every record once. Records are JSON by default; one
 * with a Map, a Set or a bigint in it, for which JSON has no form, is a dead letter then.
 *
 * @example .sink('orders', webhookSink({ url: 'https://shop.example/orders', tokenFile: '/run/secrets/shop' }))
 */
export function webhookSink<T>(options: WebhookSinkOptions<T>): SinkDescription<T> {
  const alone = (options?.records ?? 1) === 1
  const promise = alone ? (options?.promise ?? 'idempotent') : 'at-least-once'
  const described = describeSink<T, typeof webhookSinkFields>(
    'webhookSink',
    WEBHOOK,
    webhookSinkFields,
    { encode: (value) => jsonText(value) as string, ...options },
    { promise, fencing: 'none' },
    ['encode'],
  )
  const { url, contentType } = described.settings
  const faults = [...(described.faults ?? [])]
  const fault = faultOf(url)
  if (fault !== null) faults.push(fault)
  if (!alone && options?.promise === 'idempotent') {
    faults.push('webhookSink: promise idempotent needs records: 1; several are posted as lines, which have no ids')
  }
  if (contentType !== undefined && !/^[\x20-\x7e]+$/.test(contentType)) {
    faults.push('webhookSink: contentType is no text that a header can carry')
  }
  return { ...described, framing: alone ? null : lines(), apart: true, faults }
}

function faultOf(text: string): string | null {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol)) return 'webhookSink: url begins with http:// or https://'
  return url.username + url.password === '' ? null : 'webhookSink: url holds a secret; put it into a tokenFile'
}
