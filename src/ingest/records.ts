/** The records of an acked batch: each stands behind its length as u32, the first at the batch's body. */
import { fail } from '../base/errors.ts'
import type { Cuts } from '../model/connector.ts'
import { RECORD_HEAD_BYTES } from '../protocol/acked.ts'

/** Adds the records of a batch to `cuts`; throws `E_ACKED_PROTOCOL` where they do not fill `body` exactly. */
export function cutRecords(body: Buffer, from: number, count: number, recordBytes: number, cuts: Cuts): void {
  let at = from
  for (let i = 0; i < count; i++) {
    if (body.length - at < RECORD_HEAD_BYTES) throw broken(`a batch of ${count} records ends after ${i}`)
    const length = body[at]! + body[at + 1]! * 0x100 + body[at + 2]! * 0x10000 + body[at + 3]! * 0x1000000
    if (length > recordBytes) throw fail('E_RECORD_TOO_LONG', { bytes: length, limit: recordBytes })
    at += RECORD_HEAD_BYTES
    if (length > body.length - at) throw broken(`record ${i} of a batch is longer than the batch`)
    cuts.add(at, at + length)
    at += length
  }
  if (at !== body.length) throw broken(`${body.length - at} bytes follow the last record of a batch`)
}

function broken(reason: string): Error {
  return fail('E_ACKED_PROTOCOL', { reason })
}
