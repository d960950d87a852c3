/** What stands in the files of an inbox (`disk-inbox.ts`): rows, each a frame. */
import { ByteReader } from '../../base/bytes.ts'
import { messageFrame, messageHead } from '../../protocol/message-frame.ts'
import { Catalogue, f64, list, type MessageOf, message, text, varint } from '../../protocol/schema.ts'
import type { FoundFrame } from '../folder.ts'

/** Ids in one frame. */
export const IDS = 10_000
/** The longest frame without a body: ids. */
const FRAME_BYTES = 1 << 30
/** Files of version 1 do not say how far they are synced. */
const VERSION = 2
const SYNCED = 5

const name = text(256)
const ids = list(text(16 << 10), IDS)

const rows = [
  message(1, 'stream', 1, 'How a stream stands.', {
    stream: varint,
    pipeline: name,
    step: name,
    history: name,
    generation: varint,
    base: varint,
    floor: varint,
    heardMs: f64,
  }),
  message(
    2,
    'batch',
    1,
    'Records, the first of which has the sequence `first`, and ids that have come again.',
    { stream: varint, after: varint, first: varint, count: varint, again: ids },
    { body: 'the records' },
  ),
  message(3, 'loose', 1, 'Ids that come again some time.', { stream: varint, ids }),
  message(4, 'handled', 1, 'Everything up to `sequence` was handed over.', { sequence: varint }),
  message(SYNCED, 'synced', 2, 'Of this file everything before `bytes` is on the disk.', { bytes: varint }),
] as const
const catalogue = new Catalogue('inbox', rows)

export type Row = MessageOf<(typeof rows)[number]>

/** The row of a frame; what follows it in `body` is left there. */
export function readRow(tag: number, body: ByteReader): Row {
  return catalogue.read(tag, body, VERSION)
}

/** A row without a body. */
export function rowFrame(row: Row): Buffer {
  return messageFrame(catalogue, row, VERSION, FRAME_BYTES)
}

/** What stands in front of the body of a row. */
export function headOfRow(row: Row, body: Uint8Array): Uint8Array {
  return messageHead(catalogue, row, VERSION, body)
}

/** How far a file is on the disk, as one of its frames says; -1: that one says nothing of it. */
export function syncedIn({ tag, payload }: FoundFrame): number {
  if (tag !== SYNCED) return -1
  const row = readRow(tag, new ByteReader(payload))
  return row.kind === 'synced' ? row.bytes : -1
}
