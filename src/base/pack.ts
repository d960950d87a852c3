/**
 * MessagePack: the one file that imports msgpackr.
 *
 * Only the self-contained form is used: plain maps, and no table of structures shared between messages, so that every
 * record can be read by itself and by any other implementation. Of the format's own making: `-0` becomes `0`.
 */
import { type Options, Packr, Unpackr } from 'msgpackr'

export interface Packer {
  /** The value as MessagePack. Throws for what the format cannot hold. */
  pack(value: unknown): Uint8Array
  /**
   * The one value in `bytes` from `start` to `end`, sharing no memory with them. Throws when it is damaged or not
   * alone.
   */
  unpack(bytes: Uint8Array, start: number, end: number): unknown
}

/** Makes a packer. 64-bit integers are read as numbers where that is exact, and as `bigint` otherwise. */
export function makePacker(): Packer {
  const writer = new Packr({ useRecords: false, variableMapSize: true })
  // `auto` is a value that msgpackr knows and its types do not.
  const integers = 'auto' as unknown as NonNullable<Options['int64AsType']>
  const reader = new Unpackr({ useRecords: false, mapsAsObjects: true, copyBuffers: true, int64AsType: integers })
  return {
    pack: (value) => writer.pack(value),
    unpack: (bytes, start, end) => reader.unpack(bytes as Buffer, { start, end }),
  }
}
