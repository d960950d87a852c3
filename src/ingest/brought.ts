/**
 * What a request under a key has brought, written down as the writer of its records (`stream.ts`, R5): journals and
 * manifests keep who brought the last record of a stream, and of a request its own contents are all there is to know it
 * by.
 *
 * V1. Other records under numbers that were taken are no repeat. They are told apart for as long as nothing newer was
 *     taken of the stream: the last request, which is the one that a sender without an answer brings again.
 * V2. Only what covers all of that request is compared, or what begins at its second record; whatever else it holds is
 *     judged by its numbers alone.
 * V3. Who numbers requests in place of records begins at the second record of the last one each time. It would be told
 *     that its new records are repeats, and they would be lost: so that record is compared by itself.
 */
import { crc32 } from '../base/crc.ts'
import type { Cuts } from '../model/connector.ts'

/**
 * The writer of a request: its first number, how many records it has brought, the checksum of them all, and that of the
 * second one, which earlier versions have not written.
 */
const REQUEST = /^(\d+)\+(\d+)\.\d+\.[0-9a-f]+(?:\.([0-9a-f]*))?$/

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
  const second = count > 1 ? checksumOf(bytes, cuts, from + 1) : ''
  return `${first}+${count}.${size}.${crc32(new Uint8Array(lengths.buffer), crc).toString(16)}.${second}`
}

function checksumOf(bytes: Buffer, cuts: Cuts, i: number): string {
  return crc32(bytes.subarray(cuts.starts[i], cuts.ends[i])).toString(16)
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
  const [known, count, second] = [Number(found[1]), Number(found[2]), found[3]]
  const last = known + count - 1
  let same = true
  if (first === known + 1 && first <= last && cuts.count > 0 && second !== undefined) {
    same = checksumOf(bytes, cuts, 0) === second // V3.
  } else if (first <= known && first + cuts.count > last) {
    const whole = writerOf(known, count, bytes, cuts, known - first) // V2.
    same = writer === (second === undefined ? whole.slice(0, whole.lastIndexOf('.')) : whole)
  }
  return same ? null : { first: known, last }
}
