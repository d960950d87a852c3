/** Messages of the protocols that are spoken outside the cluster, as frames: generation and sequence are 0. */
import { ByteWriter } from '../base/bytes.ts'
import { beginFrame, endFrame, endHead } from './frame.ts'
import type { Catalogue, MessageOf, Row } from './schema.ts'

/** Fields of a message take no more: what is longer is a body. */
export const FIELD_BYTES = 64 << 10

/** The frame of a message without a body; throws `E_FRAME_TOO_LONG` beyond `payloadBytes`. */
export function messageFrame<R extends Row>(
  catalogue: Catalogue<R>,
  message: MessageOf<R>,
  version: number,
  payloadBytes: number = FIELD_BYTES,
): Buffer {
  const writer = new ByteWriter(1024)
  beginFrame(writer)
  catalogue.write(writer, message, version)
  return endFrame(writer, catalogue.row(message.kind).tag, 0, 0, payloadBytes)
}

/** What stands in front of a message's `body`, frame header and fields: the two are written one behind the other. */
export function messageHead<R extends Row>(
  catalogue: Catalogue<R>,
  message: MessageOf<R>,
  version: number,
  body: Uint8Array,
): Buffer {
  const writer = new ByteWriter(64)
  beginFrame(writer)
  catalogue.write(writer, message, version)
  return endHead(writer, catalogue.row(message.kind).tag, body)
}
