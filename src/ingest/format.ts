/**
 * The journal's bytes. A segment is a run of entries, each of them
 *
 *     magic u32 · header CRC u32 · body CRC u32 · body length u32 · first f64 · time f64 · count u32 · segment u32 ·
 *     payload length u32 · key length u16 · kind u8 · writer length u8 · key · writer · body
 *
 * with numbers in little-endian order. The header CRC covers all from the body CRC to the end of the writer, so that
 * damage to a body still leaves its name. A batch's body is its payload and then its cut table: for every record two
 * varints, the bytes between it and the record in front of it, and its length. So replay never asks a framing.
 *
 * F1. An entry is believed only when both CRCs fit and it carries the serial of the segment that it stands in.
 * F2. The key names the stream in full, and the writer who brought these records of it; no entry needs another one to
 *     be understood.
 */
import { assert } from '../base/assert.ts'
import { crc32 } from '../base/crc.ts'
import type { Cuts } from '../model/connector.ts'
import { WRITER_BYTES } from '../protocol/acked.ts'

const MAGIC = 0x314a5450
/** The magic number as it stands in a file: what a search for the next entry looks for. */
export const MAGIC_BYTES: Buffer = Buffer.from('PTJ1', 'latin1')
/** Bytes of an entry in front of its key. */
export const HEADER_BYTES = 48
const CHECKED_FROM = 8
/** Longest stream key, in bytes. */
const KEY_BYTES_MAX = 2048
/** Longest front of an entry: all before its body. */
export const FRONT_BYTES_MAX: number = HEADER_BYTES + KEY_BYTES_MAX + WRITER_BYTES
const VARINT_BYTES_MAX = 5

/** `plain` and `acked` are batches; `opening` begins a segment; `summary` ends one that was closed in order. */
export type EntryKind = 'opening' | 'plain' | 'acked' | 'summary'
const KINDS: readonly EntryKind[] = ['opening', 'plain', 'acked', 'summary']

export interface EntryHeader {
  readonly kind: EntryKind
  /** `source \0 producer \0 incarnation` of a batch; the worker and its incarnation of an opening. */
  readonly key: string
  /** Who brought a batch; '' where nobody said. */
  readonly writer: string
  readonly first: number
  readonly count: number
  readonly time: number
  readonly bodyBytes: number
  readonly payloadBytes: number
  readonly bodyCrc: number
  /** Bytes of the whole entry. */
  readonly bytes: number
}

/** What an entry says of itself before it is written. */
export interface EntryFields {
  readonly kind: EntryKind
  readonly key: Buffer
  readonly writer: string
  readonly first: number
  readonly count: number
  readonly time: number
  readonly segment: number
  readonly payloadBytes: number
  readonly bodyBytes: number
  readonly bodyCrc: number
}

/** Writes header, key and writer at `at` and returns the offset behind them, where the body stands. */
export function writeHeader(into: Buffer, at: number, fields: EntryFields): number {
  const { key, writer } = fields
  into.writeUInt32LE(MAGIC, at)
  into.writeUInt32LE(fields.bodyCrc, at + 8)
  into.writeUInt32LE(fields.bodyBytes, at + 12)
  into.writeDoubleLE(fields.first, at + 16)
  into.writeDoubleLE(fields.time, at + 24)
  into.writeUInt32LE(fields.count, at + 32)
  into.writeUInt32LE(fields.segment, at + 36)
  into.writeUInt32LE(fields.payloadBytes, at + 40)
  into.writeUInt16LE(key.length, at + 44)
  into[at + 46] = KINDS.indexOf(fields.kind)
  key.copy(into, at + HEADER_BYTES)
  const writerAt = at + HEADER_BYTES + key.length
  const writerBytes = writer === '' ? 0 : into.write(writer, writerAt)
  into[at + 47] = writerBytes
  const end = writerAt + writerBytes
  into.writeUInt32LE(crc32(into.subarray(at + CHECKED_FROM, end)), at + 4)
  return end
}

/** A copy of the entry `header` that ends at `end`, for the segment `segment`. */
export function copyEntry(bytes: Buffer, end: number, header: EntryHeader, segment: number): Buffer {
  const copy = Buffer.from(bytes.subarray(end - header.bytes, end))
  copy.writeUInt32LE(segment, 36)
  copy.writeUInt32LE(crc32(copy.subarray(CHECKED_FROM, header.bytes - header.bodyBytes)), 4)
  return copy
}

/** A whole entry in a buffer of its own: for openings and summaries. */
export function makeEntry(kind: EntryKind, key: string, body: Buffer, segment: number): Buffer {
  const keyBytes = Buffer.from(key, 'utf8')
  const entry = Buffer.alloc(HEADER_BYTES + keyBytes.length + body.length)
  const at = writeHeader(entry, 0, {
    kind,
    key: keyBytes,
    writer: '',
    first: 0,
    count: 0,
    time: 0,
    segment,
    payloadBytes: body.length,
    bodyBytes: body.length,
    bodyCrc: crc32(body),
  })
  body.copy(entry, at)
  return entry
}

/**
 * Reads the header at `at`, of which `end - at` bytes are at hand. `'short'`: more bytes are needed to tell;
 * `'damaged'`: no entry of segment `segment` begins here.
 */
export function readHeader(bytes: Buffer, at: number, end: number, segment: number): EntryHeader | 'short' | 'damaged' {
  if (end - at >= 4 && bytes.readUInt32LE(at) !== MAGIC) return 'damaged'
  if (end - at < HEADER_BYTES) return 'short'
  const keyBytes = bytes.readUInt16LE(at + 44)
  const writerBytes = bytes[at + 47]!
  const kind = KINDS[bytes[at + 46]!]
  if (keyBytes > KEY_BYTES_MAX || writerBytes > WRITER_BYTES || kind === undefined) return 'damaged'
  const keyAt = at + HEADER_BYTES
  const writerAt = keyAt + keyBytes
  const bodyAt = writerAt + writerBytes
  if (end < bodyAt) return 'short'
  if (crc32(bytes.subarray(at + CHECKED_FROM, bodyAt)) !== bytes.readUInt32LE(at + 4)) return 'damaged'
  if (bytes.readUInt32LE(at + 36) !== segment) return 'damaged'
  const bodyBytes = bytes.readUInt32LE(at + 12)
  return {
    kind,
    key: bytes.toString('utf8', keyAt, writerAt),
    writer: writerBytes === 0 ? '' : bytes.toString('utf8', writerAt, bodyAt),
    first: bytes.readDoubleLE(at + 16),
    count: bytes.readUInt32LE(at + 32),
    time: bytes.readDoubleLE(at + 24),
    bodyBytes,
    payloadBytes: bytes.readUInt32LE(at + 40),
    bodyCrc: bytes.readUInt32LE(at + 8),
    bytes: bodyAt - at + bodyBytes,
  }
}

/** Whether the body at `at` is the one that `header` was written for (F1). */
export function bodyFits(bytes: Buffer, at: number, header: EntryHeader): boolean {
  return crc32(bytes.subarray(at, at + header.bodyBytes)) === header.bodyCrc
}

/** Bytes of `value` as a varint. */
export function varintBytes(value: number): number {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  if (value < 0x200000) return 3
  return value < 0x10000000 ? 4 : VARINT_BYTES_MAX
}

/**
 * Writes the cut table of `count` records from `from` on in `cuts`, whose payload begins at `payloadAt` of the same
 * buffer, and returns the offset behind it.
 */
export function writeTable(
  into: Buffer,
  at: number,
  cuts: Cuts,
  from: number,
  count: number,
  payloadAt: number,
): number {
  const { starts, ends } = cuts
  let before = payloadAt
  for (let i = from; i < from + count; i++) {
    const start = starts[i]!
    const end = ends[i]!
    at = writeVarint(into, writeVarint(into, at, start - before), end - start)
    before = end
  }
  return at
}

/** Adds the records of a batch to `cuts`: the payload is at `payloadAt`, its table at `at`. */
export function readTable(bytes: Buffer, at: number, end: number, count: number, payloadAt: number, cuts: Cuts): void {
  let before = payloadAt
  const varint = (): number => {
    let value = 0
    let unit = 1
    for (let i = 0; i < VARINT_BYTES_MAX && at < end; i++) {
      const byte = bytes[at++]!
      value += (byte & 0x7f) * unit
      if (byte < 0x80) return value
      unit *= 128
    }
    assert(false, 'F1: a body whose CRC fits has a whole cut table')
  }
  for (let i = 0; i < count; i++) {
    const start = before + varint()
    before = start + varint()
    cuts.add(start, before)
  }
}

function writeVarint(into: Buffer, at: number, value: number): number {
  while (value >= 0x80) {
    into[at++] = (value & 0x7f) | 0x80
    value >>>= 7
  }
  into[at++] = value
  return at
}

/** The key of a stream: what names it in the journal and in the tables. */
export function streamKey(source: string, producer: string, incarnation: string): string {
  return `${source}\0${producer}\0${incarnation}`
}

/** Whether the stream `key` is one of `source`: of hundreds of thousands nothing is made to find that out. */
export function isOfSource(key: string, source: string): boolean {
  return key.length > source.length && key.charCodeAt(source.length) === 0 && key.startsWith(source)
}

/** The source in a stream's key. */
export function sourceOfKey(key: string): string {
  return key.slice(0, key.indexOf('\0'))
}

/** The three names in a stream's key. */
export function partsOfKey(key: string): { source: string; producer: string; incarnation: string } {
  const [source = '', producer = '', incarnation = ''] = key.split('\0')
  return { source, producer, incarnation }
}
