/** TCP as users write it: a source that listens, a sink that dials, a sink that listens. */
import type { Decoder, SinkDescription, SourceDescription } from '../../model/connector.ts'
import { utf8 } from '../../model/decoder.ts'
import type { Fields, OptionsOf, SettingsOf } from '../../model/fields.ts'
import { lines } from '../../model/framing.ts'
import { ackedSinkFields, describeByProtocol } from '../acked/fields.ts'
import { describeSink, describeSource, type SinkFormat, type SourceFormat } from '../options.ts'

export const TCP_SERVER = 'tcp-server'

export const tcpSourceFields = {
  port: { type: 'integer', min: 0, max: 65_535, doc: 'port to listen on; 0 takes a free one', example: 7001 },
  host: {
    type: 'text',
    default: '127.0.0.1',
    doc: 'address to listen on; 0.0.0.0 for every network',
    example: '0.0.0.0',
  },
  protocol: {
    type: 'text',
    choices: ['plain', 'acked'],
    default: 'plain',
    doc: 'plain bytes, or the acknowledged protocol that `potoroo/client` speaks',
    example: 'plain',
  },
  idleMs: {
    type: 'integer',
    min: 0,
    default: 0,
    doc: 'closes a connection that sends nothing for that long; 0 means never',
    example: 60_000,
  },
} as const satisfies Fields

export type TcpSourceSettings = SettingsOf<typeof tcpSourceFields>
export type TcpSourceOptions<T> = OptionsOf<typeof tcpSourceFields> & SourceFormat<T>

/**
 * Listens on a TCP port and takes records from everyone who connects: lines of UTF-8 text by default.
 *
 * @example p.source('lines', tcpSource({ port: 7001 }))
 */
export function tcpSource<T = string>(options: TcpSourceOptions<T>): SourceDescription<T> {
  return describeSource('tcpSource', 'tcp', tcpSourceFields, options, { framing: lines(), decode: utf8 as Decoder<T> })
}

export const tcpSinkFields = {
  port: { type: 'integer', min: 1, max: 65_535, doc: 'port to dial', example: 7002 },
  host: { type: 'text', default: '127.0.0.1', doc: 'host to dial', example: 'reports.internal' },
  ...ackedSinkFields,
} as const satisfies Fields

export type TcpSinkSettings = SettingsOf<typeof tcpSinkFields>
export type TcpSinkOptions<T> = OptionsOf<typeof tcpSinkFields> & SinkFormat<T>

/**
 * Dials a program that listens, again and again until it is there, and writes to it. While nobody is there a bounded
 * queue fills, then the pipeline waits. Best effort: what the system has taken is lost if the connection breaks, and
 * the batch in which it broke comes again. With `protocol: 'acked'` it speaks to `receiveAcked` of `potoroo/client`,
 * and each record is taken once.
 *
 * @example .sink('totals', tcpSink({ port: 7002, encode: (row) => `${row.word} => ${row.total}\n` }))
 */
export function tcpSink<T>(options: TcpSinkOptions<T>): SinkDescription<T> {
  return describeByProtocol('tcpSink', 'tcp', tcpSinkFields, options, { promise: 'best-effort', fencing: 'none' })
}

export const tcpServerSinkFields = {
  port: { type: 'integer', min: 0, max: 65_535, doc: 'port to listen on; 0 takes a free one', example: 7003 },
  host: {
    type: 'text',
    default: '127.0.0.1',
    doc: 'address to listen on; 0.0.0.0 for every network',
    example: '0.0.0.0',
  },
  slow: {
    type: 'text',
    choices: ['drop', 'wait'],
    default: 'drop',
    doc: 'what happens to a subscriber that reads too slowly: it is dropped, or the pipeline waits for it',
    example: 'wait',
  },
  queueBytes: {
    type: 'integer',
    min: 1024,
    default: 1 << 20,
    doc: 'how many bytes a subscriber may fall behind',
    example: 8 << 20,
  },
  subscribers: { type: 'integer', min: 1, default: 100, doc: 'subscribers at a time, at most', example: 10 },
} as const satisfies Fields

export type TcpServerSinkSettings = SettingsOf<typeof tcpServerSinkFields>
export type TcpServerSinkOptions<T> = OptionsOf<typeof tcpServerSinkFields> & SinkFormat<T>

/**
 * Listens on a TCP port and writes every record to everyone who is connected at the time. Best effort: a subscriber
 * sees what is written while it is there and reads fast enough. `potoroo receive tcp://127.0.0.1:7003` is such a one.
 *
 * @example .sink('live', tcpServerSink({ port: 7003, framing: lines(), encode: (row) => JSON.stringify(row) }))
 */
export function tcpServerSink<T>(options: TcpServerSinkOptions<T>): SinkDescription<T> {
  return describeSink('tcpServerSink', TCP_SERVER, tcpServerSinkFields, options, {
    promise: 'best-effort',
    fencing: 'none',
  })
}
