/**
 * A pack: what one worker saves of one epoch, in one file (PROTOCOLS 5). All numbers are little-endian.
 *
 *     "potoroo-pack  1\n"                             16 bytes
 *     chunk, chunk, …                                 as they are, one after another
 *     index                                           the pack's name; names of steps; per chunk 15 bytes:
 *                                                     step u16, kind u8, key group u32, length u32, CRC-32 u32
 *     index length u32, index CRC-32 u32, "pack-end"  16 bytes
 *
 * P1. Every byte is covered: chunks by the index, the index by its CRC, which the manifest has too; the rest is
 *     constant.
 * P2. The order of chunks is the order in which they were added.
 */
import { type ByteReader, ByteWriter } from '../base/bytes.ts'

/** `rows`: a source's rows and the like, saved whole in every epoch. */
export type ChunkKind = 'delta' | 'full' | 'rows'

/** One chunk of a pack. */
export interface PackChunk {
  readonly step: string
  readonly keyGroup: number
  readonly kind: ChunkKind
  readonly position: number
  readonly length: number
  readonly crc: number
}

/** Names a finished pack; stands in the manifest. */
export interface PackHandle {
  readonly path: string
  readonly bytes: number
  /** The CRC-32 of its index. */
  readonly crc: number
}

const kinds: readonly ChunkKind[] = ['delta', 'full', 'rows']
const ENTRY_BYTES = 15
export const END_BYTES = 16
export const HEADER = Buffer.from('potoroo-pack  1\n', 'latin1')
const END = Buffer.from('pack-end', 'latin1')

/** The index of a pack of this `name` (the last part of its path). */
export function encodeIndex(name: string, chunks: readonly PackChunk[]): Buffer {
  const steps = new Map<string, number>()
  for (const { step } of chunks) if (!steps.has(step)) steps.set(step, steps.size)
  const writer = new ByteWriter(chunks.length * ENTRY_BYTES + 1024)
  writer.utf8(name)
  writer.varint(steps.size)
  for (const step of steps.keys()) writer.utf8(step)
  writer.varint(chunks.length)
  for (const chunk of chunks) {
    writer.u16(steps.get(chunk.step)!)
    writer.u8(kinds.indexOf(chunk.kind))
    writer.u32(chunk.keyGroup)
    writer.u32(chunk.length)
    writer.u32(chunk.crc)
  }
  return writer.take()
}

/** The chunks of the pack `name`, whose index ends `end` bytes after its start, or why they cannot be. */
export function decodeIndex(reader: ByteReader, name: string, end: number): PackChunk[] | string {
  const found = reader.utf8()
  if (found !== name) return `it is the pack ${found}`
  const steps = Array.from({ length: reader.count(1) }, () => reader.utf8())
  const count = reader.count(ENTRY_BYTES)
  const chunks: PackChunk[] = []
  let position = HEADER.length
  for (let i = 0; i < count; i++) {
    const step = steps[reader.u16()]
    const kind = kinds[reader.u8()]
    const keyGroup = reader.u32()
    const length = reader.u32()
    const crc = reader.u32()
    if (step === undefined || kind === undefined) return 'its index names what is not there'
    chunks.push({ step, keyGroup, kind, position, length, crc })
    position += length
  }
  if (reader.remaining !== 0 || position !== end) return 'its index does not fit its length'
  return chunks
}

/** What stands behind the index. */
export function encodeEnd(indexBytes: number, crc: number): Buffer {
  const end = Buffer.alloc(END_BYTES)
  end.writeUInt32LE(indexBytes, 0)
  end.writeUInt32LE(crc, 4)
  END.copy(end, 8)
  return end
}

/** The length and the CRC-32 of the index, from the last bytes of a pack, or `null` where they are not its end. */
export function decodeEnd(end: Buffer): { readonly indexBytes: number; readonly crc: number } | null {
  if (end.length !== END_BYTES || !end.subarray(8).equals(END)) return null
  return { indexBytes: end.readUInt32LE(0), crc: end.readUInt32LE(4) }
}

/** The name of the pack at `path`, which it keeps when it is linked into a savepoint. */
export function packNameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
