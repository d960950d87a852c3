/**
 * Framings: how records are told apart in a run of bytes.
 *
 * G1. A scan depends on the bytes alone, never on how they were cut into chunks: what it leaves is given to it again,
 *     from the same record's first byte, with more behind it. No byte is looked at again for each chunk (`Look`).
 * G2. A record is `recordBytes` long at most; a scan says so as soon as it can know, so nobody buffers more than one
 *     record and its frame.
 * G3. `frame` writes what `scan` reads: a sink's output is a source's input.
 */
import { fail } from '../base/errors.ts'
import { atOnce } from '../base/promise.ts'
import { reasonOf } from '../base/reason.ts'
import type { Cuts, Framing } from './connector.ts'
import { refuseOptions, show } from './options.ts'
import { trust } from './trust.ts'

const NEWLINE = 10
const RETURN = 13
const QUOTE = 34

/**
 * Records shorter than this are found quicker by a loop over bytes than by `indexOf` (measured: 7-15 ns against 21).
 */
const SHORT_LINE = 24

/**
 * Lines that end in `\n` or `\r\n`. The end mark is no part of the record; an empty line is an empty record. At the end
 * of a stream a last line needs no end mark. Frames for output end in `\n`.
 *
 * @example p.source('lines', tcpSource({ port: 7001, framing: lines() }))
 */
export function lines(): Framing {
  return trust({
    kind: 'lines',
    scan(bytes, start, end, cuts, recordBytes) {
      let at = start
      let last = 0
      while (at < end) {
        const newline = last < SHORT_LINE ? shortLine(bytes, at, end) : bytes.indexOf(NEWLINE, at)
        if (newline < 0 || newline >= end) break
        const close = newline > at && bytes[newline - 1] === RETURN ? newline - 1 : newline
        last = close - at
        if (last > recordBytes) throw tooLong(last, recordBytes)
        cuts.add(at, close)
        at = newline + 1
      }
      // One more for a `\r` whose `\n` has not come yet.
      if (end - at > recordBytes + 1) throw tooLong(end - at, recordBytes)
      return at
    },
    finish: (bytes, start, end, cuts, recordBytes) =>
      lastRecord(start, end > start && bytes[end - 1] === RETURN ? end - 1 : end, end, cuts, recordBytes),
    frame: (record) => [record, NEWLINE_BYTES],
    suffix: '\n',
  })
}

const NEWLINE_BYTES = Uint8Array.of(NEWLINE)

/** The offset of the next newline, or -1; looks at a few bytes itself before it asks `indexOf`. */
function shortLine(bytes: Buffer, from: number, end: number): number {
  const stop = Math.min(from + SHORT_LINE + 2, end)
  for (let i = from; i < stop; i++) if (bytes[i] === NEWLINE) return i
  return stop === end ? -1 : bytes.indexOf(NEWLINE, stop)
}

/**
 * Lines as in `lines()`, but a newline between double quotes belongs to the record: CSV files with line breaks in
 * their fields (RFC 4180, section 2.6).
 *
 * @example p.source('rows', fileSource({ path: 'orders.csv', framing: csvLines(), decode: csv() }))
 */
export function csvLines(): Framing {
  return trust({
    ...lines(),
    kind: 'csv-lines',
    scan(bytes, start, end, cuts, recordBytes, look = { bytes: 0, quoted: false }) {
      let at = start
      let { quoted } = look
      for (let i = start + look.bytes; i < end; i++) {
        const byte = bytes[i]
        if (byte === QUOTE) quoted = !quoted
        else if (byte === NEWLINE && !quoted) {
          const close = i > at && bytes[i - 1] === RETURN ? i - 1 : i
          if (close - at > recordBytes) throw tooLong(close - at, recordBytes)
          cuts.add(at, close)
          at = i + 1
        }
      }
      if (end - at > recordBytes + 1) throw tooLong(end - at, recordBytes)
      look.bytes = end - at
      look.quoted = quoted
      return at
    },
  })
}

export interface LengthPrefixOptions {
  /** Bytes of the length, 4 when left out. */
  readonly bytes?: 1 | 2 | 4
  /** Order of the length's bytes, `'big'` (the network's) when left out. */
  readonly endian?: 'big' | 'little'
}

/**
 * Records with their length in front, which does not count its own bytes. Throws `E_SETTING` for another width or
 * order.
 *
 * @example p.source('frames', tcpSource({ port: 7001, framing: lengthPrefix({ bytes: 2, endian: 'little' }), decode: bytes }))
 */
export function lengthPrefix(options: LengthPrefixOptions = {}): Framing {
  refuseOptions('lengthPrefix', options, ['bytes', 'endian'])
  const { bytes: width = 4, endian = 'big' } = options
  if (![1, 2, 4].includes(width) || !['big', 'little'].includes(endian)) {
    throw fail('E_SETTING', {
      reason: `lengthPrefix: a length has 1, 2 or 4 bytes, big or little, not ${show(width)} ${show(endian)}`,
    })
  }
  const read = lengthReader(width, endian)
  return trust({
    kind: `length-prefix ${width} ${endian}`,
    scan(bytes, start, end, cuts, recordBytes) {
      let at = start
      while (end - at >= width) {
        const length = read(bytes, at)
        if (length > recordBytes) throw tooLong(length, recordBytes)
        const next = at + width + length
        if (next > end) break
        cuts.add(at + width, next)
        at = next
      }
      return at
    },
    finish: fragment,
    frame(record) {
      if (record.length >= 2 ** (8 * width)) throw tooLong(record.length, 2 ** (8 * width) - 1)
      const head = new Uint8Array(width)
      for (let i = 0; i < width; i++) head[endian === 'big' ? width - 1 - i : i] = record.length >>> (8 * i)
      return [head, record]
    },
    suffix: null,
  })
}

/** What `wholeMessages` is called where framings are told apart. */
export const WHOLE_MESSAGES = 'message'

/**
 * One record to a message, for connectors whose peers speak in messages. In a run of bytes, on the way to such a
 * connector, each is behind its length.
 */
export function wholeMessages(): Framing {
  return trust({ ...lengthPrefix(), kind: WHOLE_MESSAGES })
}

function lengthReader(width: 1 | 2 | 4, endian: 'big' | 'little'): (bytes: Buffer, at: number) => number {
  if (width === 1) return (bytes, at) => bytes[at]!
  if (width === 2) {
    if (endian === 'big') return (bytes, at) => (bytes[at]! << 8) | bytes[at + 1]!
    return (bytes, at) => bytes[at]! | (bytes[at + 1]! << 8)
  }
  if (endian === 'big') {
    return (bytes, at) => ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  }
  return (bytes, at) => (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
}

/**
 * Records of exactly `size` bytes, with nothing between them. Throws `E_SETTING` where `size` is not a whole number
 * above 0.
 *
 * @example p.source('samples', tcpSource({ port: 7001, framing: fixedSize(8), decode: bytes }))
 */
export function fixedSize(size: number): Framing {
  if (!Number.isSafeInteger(size) || size < 1)
    throw fail('E_SETTING', { reason: `fixedSize(${show(size)}): not a size` })
  return trust({
    kind: `fixed-size ${size}`,
    scan(_bytes, start, end, cuts, recordBytes) {
      if (size > recordBytes) throw tooLong(size, recordBytes)
      let at = start
      for (; at + size <= end; at += size) cuts.add(at, at + size)
      return at
    },
    finish: fragment,
    frame(record) {
      if (record.length !== size) {
        throw fail('E_FRAMING', { offset: 0, reason: `a record of ${record.length} bytes where each has ${size}` })
      }
      return [record]
    },
    suffix: null,
  })
}

export interface CustomFramingOptions {
  /** Shown by `explain`, and part of the pipeline's identity: change it when the framing changes. */
  readonly name: string
  /**
   * Finds the record that begins at `start`. Returns where it starts and ends without its frame, and where the next one
   * begins (after `start`), or `null` when more bytes are needed. Must depend on these bytes alone. To refuse bytes,
   * throw. The bytes in front of `looked` were there when `next` last asked for more: search for an end mark from
   * there.
   */
  readonly next: (
    bytes: Buffer,
    start: number,
    end: number,
    looked: number,
  ) => { readonly start: number; readonly end: number; readonly next: number } | null
  /** Puts a record into its frame, for sinks. Without it the framing is for sources only. */
  readonly frame?: (record: Uint8Array) => readonly Uint8Array[]
  /** Whether the bytes that are left when the stream ends are a record; else they are an incomplete one. */
  readonly endsWithStream?: boolean
}

/**
 * A framing of your own. Throws `E_SETTING` where it has no name, no `next`, or an unknown option. Reading fails with
 * `E_RECORD_TOO_LONG` for a record over `limits.recordBytes`, and with `E_FRAMING` where `next` throws, returns
 * something else, or points outside of the bytes.
 *
 * @example
 * customFraming({
 *   name: 'semicolons',
 *   next: (bytes, start, end, looked) => {
 *     const at = bytes.indexOf(';', looked)
 *     return at < 0 || at >= end ? null : { start, end: at, next: at + 1 }
 *   },
 *   frame: (record) => [record, Buffer.from(';')],
 * })
 */
export function customFraming(options: CustomFramingOptions): Framing {
  if (typeof options?.name !== 'string' || typeof options.next !== 'function') {
    throw fail('E_SETTING', { reason: 'customFraming has a name and a function next' })
  }
  refuseOptions('customFraming', options, ['name', 'next', 'frame', 'endsWithStream'])
  return trust({
    kind: `custom ${options.name}`,
    ...(options.frame === undefined ? { readsOnly: true } : {}),
    scan(bytes, start, end, cuts, recordBytes, look = { bytes: 0, quoted: false }) {
      let at = start
      while (at < end) {
        const found = nextOf(options, bytes, start, at, end, at === start ? start + look.bytes : at)
        if (found === null) break
        if (found.end - found.start > recordBytes) throw tooLong(found.end - found.start, recordBytes)
        const inside = at <= found.start && found.start <= found.end && found.end <= found.next
        if (!inside || found.next <= at || found.next > end) {
          throw fail('E_FRAMING', { offset: at - start, reason: `framing "${options.name}" points outside its bytes` })
        }
        cuts.add(found.start, found.end)
        at = found.next
      }
      // A frame may be larger than its record, but not without bound.
      if (end - at > 2 * recordBytes + 1024) throw tooLong(end - at, recordBytes)
      look.bytes = end - at
      return at
    },
    finish: (bytes, start, end, cuts, recordBytes) =>
      options.endsWithStream === true
        ? lastRecord(start, end, end, cuts, recordBytes)
        : fragment(bytes, start, end, cuts, recordBytes),
    frame: (record) => framed(options, record),
    suffix: null,
  })
}

/** What `next` answers, which is user code: it throws, or forgets its answer, or gives half a place. */
function nextOf(options: CustomFramingOptions, bytes: Buffer, start: number, at: number, end: number, looked: number) {
  const refused = (reason: string, cause?: unknown) =>
    fail('E_FRAMING', { offset: at - start, reason: `framing "${options.name}"${reason}` }, cause)
  let found: ReturnType<CustomFramingOptions['next']>
  try {
    found = atOnce(options.next(bytes, at, end, looked))
  } catch (error) {
    throw refused(`: ${reasonOf(error)}`, error)
  }
  if (found === null) return null
  if ([found?.start, found?.end, found?.next].every(Number.isSafeInteger)) return found
  throw refused(' answers neither null nor whole numbers start, end and next')
}

/** What `frame` answers, which is user code as well. */
function framed({ name, frame }: CustomFramingOptions, record: Uint8Array): readonly Uint8Array[] {
  const refused = (what: string) => fail('E_FRAMING', { offset: 0, reason: `framing "${name}" ${what}` })
  if (frame === undefined) throw refused('has no frame function, so it only reads')
  const parts: unknown = atOnce(frame(record))
  // Bytes of their own: it may use the same head for the next record.
  if (Array.isArray(parts) && parts.every((part) => part instanceof Uint8Array)) return [Buffer.concat(parts)]
  throw refused('answers no list of bytes where it frames a record')
}

/** For framings where what is left at the end of a stream is part of a record. */
function fragment(_bytes: Buffer, start: number, end: number, _cuts: Cuts, _recordBytes: number): boolean {
  return start === end
}

/** For framings where it is a record, which ends at `close`. */
function lastRecord(start: number, close: number, end: number, cuts: Cuts, recordBytes: number): true {
  if (close - start > recordBytes) throw tooLong(close - start, recordBytes)
  if (end > start) cuts.add(start, close)
  return true
}

function tooLong(bytes: number, limit: number): Error {
  return fail('E_RECORD_TOO_LONG', { bytes, limit })
}
