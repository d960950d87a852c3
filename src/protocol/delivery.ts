/**
 * The protocol of acked sinks: how a pipeline hands records over so that none is lost, and none counts twice for a
 * receiver that remembers. The mirror of `acked.ts`, the same on TCP and in binary WebSocket messages.
 * `docs/acked-sinks.md` explains it with bytes.
 *
 * Q1. The sink dials, and a connection carries what one writer sends. The sink begins with `hello`; the receiver
 *     answers with `welcome` or `refused`, and nothing else comes before.
 * Q2. Batches follow one another without a gap from `resumeAfter + 1`, or from the first that is not acknowledged where
 *     the receiver knows nothing of the session.
 * Q3. A sink sends a batch while its credit is above 0, of which it takes the batch's body; so it may go below 0 once.
 * Q4. Sequences are the session's, and say only how far the receiver has come. A record's name is its id (PROTOCOLS 8).
 */
import { ByteReader, type ByteWriter } from '../base/bytes.ts'
import { TOKEN_BYTES } from './acked.ts'
import type { Frame } from './frame.ts'
import { messageFrame, messageHead } from './message-frame.ts'
import { Catalogue, type MessageOf, message, sentence, text, u8, u32, varint } from './schema.ts'

/** The versions of this protocol that are spoken here. */
export const deliveryVersions = { newest: 1, oldest: 1 } as const

/** The code of a refusal where a later generation of the pipeline writes already: the sink's worker will hear of it. */
export const STALE = 'E_STALE'

/** Bytes of a frame beside its records, their ids and lengths. */
const BATCH_FIELD_BYTES = 32
/** The longest id: names of steps and splits stand in it, each letter as up to nine. */
const ID_BYTES = 16 << 10
/** Bytes of the longest batch of short records. */
const BATCH_BYTES = 8 << 20

/** The longest record that a receiver takes, in bytes: it says to no sink how much that is. */
export const RECORD_BYTES = 8 << 20

const name = text(256)

const deliveryRows = [
  message(1, 'hello', 1, 'The sink’s first message: who writes what, and since which epoch.', {
    newest: u8,
    oldestVersion: u8,
    pipeline: name,
    step: name,
    history: name,
    writer: name,
    session: name,
    generation: varint,
    base: varint,
    token: text(TOKEN_BYTES),
  }),
  message(2, 'welcome', 1, 'Send from `resumeAfter + 1` on; you may have `credit` bytes on the way.', {
    version: u8,
    receiver: name,
    resumeAfter: varint,
    credit: u32,
    keepAliveMs: u32,
  }),
  message(4, 'refused', 1, 'No, for this reason; worth another try after `retryMs`, or never where that is 0.', {
    code: text(64),
    reason: sentence(1024),
    retryMs: u32,
  }),
  message(
    5,
    'batch',
    1,
    '`count` records, the first of which has the sequence `first`, sent since the barrier of epoch `after`.',
    { first: varint, count: varint, after: varint },
    { lane: 'data', body: 'the records, each as its id (text) and then its bytes behind their length as u32' },
  ),
  message(6, 'ack', 1, 'All records up to `through` are in the receiver’s keeping.', { through: varint }),
  message(7, 'floor', 1, 'Nothing that was sent after an epoch below `epoch` ever comes again.', { epoch: varint }),
  message(9, 'credit', 1, '`bytes` more may be on the way.', { bytes: u32 }),
  message(10, 'ping', 1, 'Are you there?', {}),
  message(11, 'pong', 1, 'Yes.', {}),
  message(12, 'end', 1, 'Goodbye: this connection brings nothing more.', {}),
] as const

export const delivery = new Catalogue('acked sinks', deliveryRows)
const HELLO_TAG = delivery.row('hello').tag
export type DeliveryMessage = MessageOf<(typeof deliveryRows)[number]>
export type Hello = Extract<DeliveryMessage, { kind: 'hello' }>

/** Longest payload of a frame when the longest record has `recordBytes`. */
export function deliveryFrameBytes(recordBytes: number): number {
  return BATCH_BYTES + recordBytes + ID_BYTES + BATCH_FIELD_BYTES
}

/** The frame of any message but a batch. */
export function encodeDelivery(message: Exclude<DeliveryMessage, { kind: 'batch' }>): Buffer {
  return messageFrame(delivery, message, deliveryVersions.newest)
}

/** What stands in front of a batch's `body` (`appendRecord`). */
export function deliveryHead(first: number, count: number, after: number, body: Uint8Array): Buffer {
  return messageHead(delivery, { kind: 'batch', first, count, after }, deliveryVersions.newest, body)
}

/** Adds a record to the body of a batch. */
export function appendRecord(writer: ByteWriter, id: string, bytes: Uint8Array): void {
  writer.utf8(id)
  writer.u32(bytes.length)
  writer.bytes(bytes)
}

/** Reads a body of `count` records; the bytes that `onRecord` gets are a view. */
export function readRecords(
  body: ByteReader,
  count: number,
  onRecord: (id: string, bytes: Buffer, i: number) => void,
): void {
  for (let i = 0; i < count; i++) {
    const id = body.utf8(ID_BYTES)
    onRecord(id, body.bytes(body.u32()), i)
  }
  body.finish()
}

/** What a frame says; for a batch, `body` stands at its first record. */
export function readDelivery(frame: Frame): { readonly message: DeliveryMessage; readonly body: ByteReader } {
  const body = new ByteReader(frame.payload)
  const { newest } = deliveryVersions
  // A hello begins with the newest version that its sink speaks, and is written as that one has it.
  const written = frame.tag === HELLO_TAG ? (frame.payload[0] ?? newest) : newest
  return { message: delivery.read(frame.tag, body, newest, written), body }
}
