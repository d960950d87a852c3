/** HTTP as users write it: a source that takes what is posted to it. */
import type { Decoder, SourceDescription } from '../../model/connector.ts'
import { json } from '../../model/decoder.ts'
import type { Fields, OptionsOf, SettingsOf } from '../../model/fields.ts'
import { lines } from '../../model/framing.ts'
import { describeSource, type SourceFormat } from '../options.ts'
import { originsField, placed } from '../web.ts'

export const HTTP_SOURCE = 'http'

export const httpSourceFields = {
  port: { type: 'integer', min: 0, max: 65_535, doc: 'port to listen on; 0 takes a free one', example: 8080 },
  host: {
    type: 'text',
    default: '127.0.0.1',
    doc: 'address to listen on; 0.0.0.0 for every network',
    example: '0.0.0.0',
  },
  path: { type: 'text', default: '/', doc: 'the path that records are posted to', example: '/orders' },
  origins: originsField,
  answer: {
    type: 'text',
    choices: ['journaled', 'stable'],
    default: 'journaled',
    doc: 'when a request is answered: when its records are on the disk, or in a complete checkpoint; `?answer=stable` chooses for one request',
    example: 'stable',
  },
  bad: {
    type: 'text',
    choices: ['refuse', 'dead-letter'],
    default: 'refuse',
    doc: 'what happens to a record that the decoder refuses: its request is refused, or it becomes a dead letter',
    example: 'dead-letter',
  },
} as const satisfies Fields

export type HttpSourceSettings = SettingsOf<typeof httpSourceFields>
export type HttpSourceOptions<T> = OptionsOf<typeof httpSourceFields> & Pick<SourceFormat<T>, 'decode'>

/**
 * Listens for POST requests: one record as `application/json`, `text/plain` or `application/octet-stream`, or one per
 * line as `application/x-ndjson`. A request is taken whole or not at all, and answered when its records are safe.
 * Records are JSON by default.
 *
 * @example p.source('orders', httpSource({ port: 8080, path: '/orders', decode: json<Order>() }))
 */
export function httpSource<T = unknown>(options: HttpSourceOptions<T>): SourceDescription<T> {
  // The type of a request says how its records are told apart.
  const described = describeSource(
    'httpSource',
    HTTP_SOURCE,
    httpSourceFields,
    options,
    { framing: lines(), decode: json<T>() as Decoder<T> },
    ['decode'],
  )
  return placed('httpSource', described)
}
