/**
 * Small objects of the store as text that a person can read: one line that says what it is, then JSON.
 *
 *     potoroo-manifest 1 482 9ae0daaf
 *     {"pipeline":"word-count",…}
 *
 * The numbers are the format version, the bytes of the second line, and the CRC-32 of the line's kind and version and
 * of the JSON. A change of any bit is found; a version that is newer than known is refused by name.
 */
import { crc32 } from '../base/crc.ts'
import { fail, type PotorooError } from '../base/errors.ts'

/** A kind of object, and the newest format version that this program reads and writes. */
export interface Format {
  readonly kind: string
  readonly version: number
}

/** An object's value, or what is wrong with its bytes, or `E_STORE_VERSION` for an intact object of a newer version. */
export type Unsealed<V> =
  | { readonly kind: 'value'; readonly value: V }
  | { readonly kind: 'damaged'; readonly reason: string }
  | { readonly kind: 'newer'; readonly error: PotorooError }

/** `value`, which is plain data (`Json`), as an object of `format`. */
export function seal(format: Format, value: object): Buffer {
  const body = Buffer.from(JSON.stringify(value), 'utf8')
  const title = titleOf(format.kind, format.version)
  return Buffer.concat([Buffer.from(`${title} ${body.length} ${checksum(title, body)}\n`, 'utf8'), body, NEWLINE])
}

/** An object of `format`, made in slices: nothing else goes on while a long one is written down. */
export class Sealing {
  private readonly format: Format
  private readonly texts: Iterator<string>
  private readonly pieces: Buffer[] = []
  private bytes = 0
  private crc: number

  /** `texts`: the JSON of its value, in parts. */
  constructor(format: Format, texts: Iterator<string>) {
    this.format = format
    this.texts = texts
    this.crc = crcOf(titleOf(format.kind, format.version))
  }

  /** Goes on while there is `more` time; answers the object once it is whole. */
  step(more: () => boolean): Buffer | null {
    let text = ''
    for (;;) {
      const { value, done } = this.texts.next()
      if (done === true) break
      text += value
      if (text.length < PIECE) continue
      this.take(text)
      text = ''
      if (!more()) return null
    }
    this.take(text)
    const { kind, version } = this.format
    const head = `${titleOf(kind, version)} ${this.bytes} ${shown(this.crc)}\n`
    return Buffer.concat([Buffer.from(head, 'utf8'), ...this.pieces, NEWLINE])
  }

  private take(text: string): void {
    const piece = Buffer.from(text, 'utf8')
    this.pieces.push(piece)
    this.bytes += piece.length
    this.crc = crc32(piece, this.crc)
  }
}

/** Characters that are made into bytes at a time. */
const PIECE = 64 << 10

/**
 * What the object at `path` holds, whose bytes are `bytes`. Throws nothing. `V` is what programs write as `format`: the
 * checksum vouches for it, and nothing else looks.
 */
export function unseal<V extends object>(format: Format, path: string, bytes: Buffer): Unsealed<V> {
  const end = bytes.indexOf(NEWLINE_CODE)
  const line = bytes.toString('latin1', 0, Math.max(0, end))
  const parts = /^(potoroo-([a-z]+) ([1-9]\d*)) (0|[1-9]\d*) ([0-9a-f]{8})$/.exec(line)
  if (parts === null) return damaged('it does not begin as an object of potoroo does')
  const [, title, kind, version, length, checked] = parts
  const body = bytes.subarray(end + 1, bytes.length - 1)
  if (body.length !== Number(length) || bytes[bytes.length - 1] !== NEWLINE_CODE) return damaged('it is cut short')
  if (checksum(title!, body) !== checked) return damaged('its checksum does not match')
  if (kind !== format.kind) return damaged(`it is a ${kind}, where a ${format.kind} should be`)
  if (Number(version) > format.version) {
    return { kind: 'newer', error: fail('E_STORE_VERSION', { path, version, known: format.version }) }
  }
  return { kind: 'value', value: JSON.parse(body.toString('utf8')) as V }
}

const NEWLINE_CODE = 10
const NEWLINE = Buffer.from([NEWLINE_CODE])

function titleOf(kind: string, version: number): string {
  return `potoroo-${kind} ${version}`
}

function checksum(title: string, body: Buffer): string {
  return shown(crc32(body, crcOf(title)))
}

function shown(crc: number): string {
  return crc.toString(16).padStart(8, '0')
}

/** Titles are few: one for each kind and version, and those of objects that are damaged. */
const titles = new Map<string, number>()
const KNOWN_TITLES = 64

function crcOf(title: string): number {
  const known = titles.get(title)
  if (known !== undefined) return known
  if (titles.size === KNOWN_TITLES) titles.clear()
  const crc = crc32(Buffer.from(title, 'utf8'))
  titles.set(title, crc)
  return crc
}

function damaged(reason: string): Unsealed<never> {
  return { kind: 'damaged', reason }
}
