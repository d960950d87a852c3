/** WebSockets as users write them: a source that listens, a sink that dials, a sink that listens. */
import { fail } from '../../base/errors.ts'
import type { Decoder, Framing, SinkDescription, SourceDescription } from '../../model/connector.ts'
import { utf8 } from '../../model/decoder.ts'
import type { Fields, OptionsOf, SettingsOf } from '../../model/fields.ts'
import { wholeMessages } from '../../model/framing.ts'
import { isText } from '../../model/text.ts'
import { guardFraming, trust } from '../../model/trust.ts'
import { ackedSinkFields, describeByProtocol } from '../acked/fields.ts'
import { describeSink, describeSource, type SinkFormat, type SourceFormat } from '../options.ts'
import { tcpServerSinkFields, tcpSourceFields } from '../tcp/describe.ts'
import { originsField, placed } from '../web.ts'

/** What source and sink are called where connectors are told apart, and the sink that listens. */
export const WEBSOCKET = 'websocket'
export const WEBSOCKET_SERVER = 'websocket-server'

const place = {
  path: { type: 'text', default: '/', doc: 'path of the URL at which it is found', example: '/orders' },
  origins: originsField,
} as const satisfies Fields

const messages = {
  type: 'text',
  choices: ['text', 'binary'],
  default: 'text',
  doc: 'which kind of message is sent',
  example: 'binary',
} as const

export const webSocketSourceFields = {
  port: tcpSourceFields.port,
  host: tcpSourceFields.host,
  ...place,
  protocol: tcpSourceFields.protocol,
  idleMs: tcpSourceFields.idleMs,
} as const satisfies Fields

export type WebSocketSourceSettings = SettingsOf<typeof webSocketSourceFields>
export type WebSocketSourceOptions<T> = OptionsOf<typeof webSocketSourceFields> & SourceFormat<T>

/**
 * Listens for WebSockets and takes records from everyone who connects: each message is one, text or binary. With a
 * `framing` a message holds any number of whole records.
 *
 * @example p.source('clicks', webSocketSource({ port: 7001, path: '/clicks', decode: json<Click>() }))
 */
export function webSocketSource<T = string>(options: WebSocketSourceOptions<T>): SourceDescription<T> {
  const described = describeSource('webSocketSource', WEBSOCKET, webSocketSourceFields, options, {
    framing: wholeMessages(),
    decode: utf8 as Decoder<T>,
  })
  return placed('webSocketSource', described)
}

export const webSocketSinkFields = {
  url: { type: 'text', doc: 'WebSocket to dial, ws: or wss:', example: 'ws://reports.internal:7002/in' },
  messages,
  ...ackedSinkFields,
} as const satisfies Fields

export type WebSocketSinkSettings = SettingsOf<typeof webSocketSinkFields>
export type WebSocketSinkOptions<T> = OptionsOf<typeof webSocketSinkFields> & SinkFormat<T>

/**
 * Dials a WebSocket, again and again until somebody is there, and sends to it: each record is a message, or with a
 * `framing` each batch is one. While nobody is there a bounded queue fills, then the pipeline waits. Best effort: what
 * the system has taken is lost if the connection breaks, and the batch in which it broke comes again. With `protocol:
 * 'acked'` it speaks to `receiveAcked` of `potoroo/client`, and each record is taken once.
 *
 * @example .sink('totals', webSocketSink({ url: 'ws://127.0.0.1:7002/', encode: (row) => JSON.stringify(row) }))
 */
export function webSocketSink<T>(options: WebSocketSinkOptions<T>): SinkDescription<T> {
  const form = options?.protocol === 'acked' ? options : framed(options)
  const described = describeByProtocol('webSocketSink', WEBSOCKET, webSocketSinkFields, form, bestEffort)
  const url = URL.parse(described.settings.url)
  if ((url?.protocol === 'ws:' || url?.protocol === 'wss:') && url.hash === '') return described
  const fault = `webSocketSink: url must be a URL that begins with ws: or wss: and has no # in it, not ${JSON.stringify(options?.url)}`
  return { ...described, faults: [...(described.faults ?? []), fault] }
}

export const webSocketServerSinkFields = {
  port: tcpServerSinkFields.port,
  host: tcpServerSinkFields.host,
  ...place,
  messages,
  slow: tcpServerSinkFields.slow,
  queueBytes: tcpServerSinkFields.queueBytes,
  subscribers: tcpServerSinkFields.subscribers,
} as const satisfies Fields

export type WebSocketServerSinkSettings = SettingsOf<typeof webSocketServerSinkFields>
export type WebSocketServerSinkOptions<T> = OptionsOf<typeof webSocketServerSinkFields> & SinkFormat<T>

/**
 * Listens for WebSockets and sends every record to everyone who is connected at the time: each as a message, or with a
 * `framing` each batch as one. Best effort: a subscriber sees what is sent while it is there and reads fast enough.
 *
 * @example .sink('live', webSocketServerSink({ port: 7003, encode: (row) => JSON.stringify(row) }))
 */
export function webSocketServerSink<T>(options: WebSocketServerSinkOptions<T>): SinkDescription<T> {
  const form = framed(options)
  const described = describeSink('webSocketServerSink', WEBSOCKET_SERVER, webSocketServerSinkFields, form, bestEffort)
  return placed('webSocketServerSink', described)
}

const bestEffort = { promise: 'best-effort', fencing: 'none' } as const

function framed<O extends SinkFormat<never> & { readonly messages?: 'text' | 'binary' | undefined }>(options: O): O {
  const framing = options?.framing ?? wholeMessages()
  return { ...options, framing: options?.messages === 'binary' ? framing : textual(framing) }
}

/**
 * Refuses what is no text: a peer closes where a text message holds it, and would be sent it again on each connection.
 */
function textual(given: Framing): Framing {
  if (typeof given.frame !== 'function') return given
  const framing = guardFraming(given)
  return trust({
    ...framing,
    frame(record) {
      const bytes = Buffer.from(record.buffer, record.byteOffset, record.length)
      if (isText(bytes, 0, bytes.length)) return framing.frame(record)
      throw fail('E_MESSAGE_TEXT', { bytes: record.length })
    },
  })
}
