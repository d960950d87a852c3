/**
 * The acked protocol: how a producer hands over records so that none is lost and none counts twice, the same on TCP and
 * in binary WebSocket messages. `docs/acked-protocol.md` explains it with bytes; PROTOCOLS 2 has the rules.
 *
 * Q1. A connection carries one stream. The client begins with `hello`; the server answers with `welcome`, `redirect`
 *     or `refused`, and nothing else comes before.
 * Q2. Batches follow one another without a gap from `resumeAfter + 1`.
 * Q3. A client sends a batch while its credit is above 0, of which it takes the batch's body; so it may go below 0
 *     once.
 * Q4. After `rewind` the server passes over batches until `rewound` has come.
 * Q5. A stream goes on only with a writer that knows the one who brought its last record (`Claim`; decision 0018).
 */
import { ByteReader } from '../base/bytes.ts'
import { crc32 } from '../base/crc.ts'
import { FRAME_HEADER_BYTES, type Frame } from './frame.ts'
import { messageFrame, messageHead } from './message-frame.ts'
import {
  added,
  Catalogue,
  group,
  list,
  type MessageOf,
  message,
  sentence,
  text,
  u8,
  u16,
  u32,
  varint,
} from './schema.ts'

/** The versions of this protocol that are spoken here. */
export const ackedVersions = { newest: 2, oldest: 1 } as const

/** Bytes of a frame beside its records and their lengths. */
const BATCH_FIELD_BYTES = 16
/**
 * Longest body of a batch that every worker takes, however long its records may be; a longer record has one of its own.
 */
export const BATCH_BYTES = 256 << 10
/** Bytes in front of each record. */
export const RECORD_HEAD_BYTES = 4

/** Longest name of a producer, of an incarnation or of a worker, in bytes. */
export const NAME_BYTES = 256
const name = text(NAME_BYTES)
/** Longest name of a source, and longest token, in bytes. */
export const SOURCE_BYTES = 512
export const TOKEN_BYTES = 1024
/** Longest id of a writer, in bytes. */
export const WRITER_BYTES = 64
/** Earlier writers that a hello names at most. */
export const EARLIER_WRITERS = 64
const writer = text(WRITER_BYTES)

const ackedRows = [
  message(1, 'hello', 1, 'The client’s first message: which stream it brings, and from where on it can.', {
    newest: u8,
    oldestVersion: u8,
    producer: name,
    incarnation: name,
    source: text(SOURCE_BYTES),
    oldest: varint,
    token: text(TOKEN_BYTES),
    writer: added(2, writer, ''),
    earlier: added(2, list(group({ writer, last: varint }), EARLIER_WRITERS), []),
    ageMs: added(2, varint, 0),
  }),
  message(2, 'welcome', 1, 'Send from `resumeAfter + 1` on; you may have `credit` bytes on the way.', {
    version: u8,
    worker: name,
    resumeAfter: varint,
    stable: varint,
    credit: u32,
    recordBytes: u32,
    keepAliveMs: u32,
  }),
  message(3, 'redirect', 1, 'Another worker has the stream: connect there.', { worker: name, host: name, port: u16 }),
  message(4, 'refused', 1, 'No, for this reason; worth another try after `retryMs`, or never where that is 0.', {
    code: text(64),
    reason: sentence(1024),
    retryMs: u32,
  }),
  message(
    5,
    'batch',
    1,
    '`count` records, the first of which has the sequence `first`.',
    { first: varint, count: varint },
    {
      lane: 'data',
      body: 'the records, each behind its length as u32',
    },
  ),
  message(6, 'ack', 1, 'All records up to `journaled` are on a disk, up to `stable` in a complete checkpoint.', {
    journaled: varint,
    stable: varint,
  }),
  message(7, 'rewind', 1, 'Records behind `resumeAfter` have to be sent again; the credit is `credit`.', {
    resumeAfter: varint,
    credit: u32,
  }),
  message(8, 'rewound', 1, 'The client goes on behind `resumeAfter`, in answer to `rewind`.', { resumeAfter: varint }),
  message(9, 'credit', 1, '`bytes` more may be on the way.', { bytes: u32 }),
  message(10, 'ping', 1, 'Are you there?', {}),
  message(11, 'pong', 1, 'Yes.', {}),
  message(12, 'end', 1, 'Goodbye: this connection brings nothing more.', {}),
] as const

export const acked = new Catalogue('acked ingest', ackedRows)
const HELLO_TAG = acked.row('hello').tag
export type AckedMessage = MessageOf<(typeof ackedRows)[number]>

/**
 * Who brings a stream, as its hello says. A writer is one opening of an outbox: a copy that is opened is another one.
 * A client of version 1 says nothing, and its records have no writer: ''.
 */
export interface Claim {
  readonly writer: string
  /**
   * Those that may have brought record `oldest - 1` or a later one before, each with the last that it may have brought.
   */
  readonly earlier: readonly { readonly writer: string; readonly last: number }[]
  /** How long ago the first of them began to bring records; 0 where none has. */
  readonly ageMs: number
}

/** Nobody says who brings what. */
export const NO_CLAIM: Claim = { writer: '', earlier: [], ageMs: 0 }

/** Longest payload of a frame when the longest record has `recordBytes`. */
export function ackedFrameBytes(recordBytes: number): number {
  return Math.max(BATCH_BYTES, recordBytes + RECORD_HEAD_BYTES) + BATCH_FIELD_BYTES
}

/** The frame of any message but a batch. */
export function encodeAcked(message: Exclude<AckedMessage, { kind: 'batch' }>): Buffer {
  return messageFrame(acked, message, message.kind === 'hello' ? helloVersion(message.newest) : ackedVersions.newest)
}

/** A hello begins with the newest version that its client speaks, and is written as that one has it. */
function helloVersion(newest: number): number {
  return Math.max(1, Math.min(newest, ackedVersions.newest))
}

/** What stands in front of a batch's `body`, which is made of records behind their lengths. */
export function batchHead(first: number, count: number, body: Uint8Array): Buffer {
  return messageHead(acked, { kind: 'batch', first, count }, ackedVersions.newest, body)
}

/**
 * Whether a connection that begins with `bytes` says hello: somebody speaks this protocol to a source of plain bytes.
 */
export function isHello(bytes: Buffer): boolean {
  if (bytes.length < FRAME_HEADER_BYTES || bytes[FRAME_HEADER_BYTES - 1] !== HELLO_TAG) return false
  const end = FRAME_HEADER_BYTES + bytes.readUInt32LE(4)
  return end <= bytes.length && crc32(bytes.subarray(4, end)) === bytes.readUInt32LE(0)
}

/** What a frame says. For a batch, `body` is where its records begin in the frame's payload, otherwise -1. */
export function readAcked(frame: Frame): { readonly message: AckedMessage; readonly body: number } {
  const reader = new ByteReader(frame.payload)
  const isHello = frame.tag === HELLO_TAG && frame.payload.length > 0
  const written = isHello ? frame.payload[0]! : ackedVersions.newest
  const message = acked.read(frame.tag, reader, helloVersion(written), written)
  return { message, body: message.kind === 'batch' ? reader.at : -1 }
}
