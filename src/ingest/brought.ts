/**
 * What a request under a key has brought, written down as the writer of its records (`stream.ts`, R5): journals and
 * manifests keep who brought the last record of a stream, and of a request its own contents are all there is to know it
 * by.
 *
 * V1. Other records under numbers that were taken are no repeat. They are told apart for as long as nothing newer was
 *     taken of the stream: the last request, which is the one that a sender without an answer brings again.
 * V2. Only what covers all of that request is compared; whatever else it holds is judged by its numbers alone.
 */
import { crc32 } from '../base/crc.ts'
import type { Cuts } from '../model/connector.ts'

/** How the writer of a request begins: its first number, and how many records it has brought. */
const REQUEST = /^(\d+)\+(\d+)\./

/** The writer of `count` records from `first` on, of which `cuts` finds the first at its index `from`. */
export function writerOf(first: number, count: number, bytes: Buffer, cuts: Cuts, from: number): string {
  const lengths = new DataView(new ArrayBuffer(4 * count))
  let [crc, size] = [0, 0]
  for (let i = 0; i < count; i++) {
    const [start, end] = [cuts.starts[from + i]!, cuts.ends[from + i]!]
    lengths.setUint32(4 * i, end - start, true)
    crc = crc32(bytes.subarray(start, end), crc)
    size += end - start
  }
  return `${first}+${count}.${size}.${crc32(new Uint8Array(lengths.buffer), crc).toString(16)}`
}

/** Whether `writer` stands for one request, and not for a client that brings more. */
export function isOfRequest(writer: string): boolean {
  return REQUEST.test(writer)
}

/**
 * The records that `writer` has brought, where those from `first` on are others under the same numbers; or `null` (V1).
 */
export function contradicted(
  writer: string,
  first: number,
  bytes: Buffer,
  cuts: Cuts,
): { readonly first: number; readonly last: number } | null {
  const found = REQUEST.exec(writer)
  if (found === null) return null
  const [known, count] = [Number(found[1]), Number(found[2])]
  // V2.
  if (first > known || first + cuts.count < known + count) return null
  if (writerOf(known, count, bytes, cuts, known - first) === writer) return null
  return { first: known, last: known + count - 1 }
}
