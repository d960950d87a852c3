/** CRC-32 (ISO 3309, the polynomial of gzip), by the code of Node's zlib, the one thing taken from it. */
import { crc32 as zlibCrc32 } from 'node:zlib'

/** The CRC-32 of `bytes`; `before` is the CRC of what stood before them. An unsigned 32-bit number. */
export function crc32(bytes: Uint8Array, before = 0): number {
  return zlibCrc32(bytes, before)
}
