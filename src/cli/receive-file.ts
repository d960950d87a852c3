/** The file in which `receive` keeps records, each in its frame. */
import { createReadStream, existsSync, truncateSync } from 'node:fs'
import { fail } from '../base/errors.ts'
import { Assembler } from '../connectors/assembler.ts'
import type { Framing } from '../model/connector.ts'
import { RECORD_BYTES } from '../protocol/delivery.ts'

/** Whole records in `path`, from whose end a part of one is cut off. */
export async function recordsIn(path: string, framing: Framing): Promise<number> {
  if (!existsSync(path)) return 0
  let [records, bytes] = [0, 0]
  const assembler = new Assembler(framing, RECORD_BYTES, (_, { count }) => {
    records += count
  })
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    assembler.push(chunk)
    bytes += chunk.length
  }
  if (assembler.pending > 0) truncateSync(path, bytes - assembler.pending)
  return records
}

/**
 * Throws where `record` in its frame reads as another number of records: an inbox goes on by how many there are in the
 * file.
 */
export function requireOne(framing: Framing, record: Buffer): void {
  let records = 0
  const assembler = new Assembler(framing, RECORD_BYTES, (_, { count }) => {
    records += count
  })
  for (const part of framing.frame(record)) assembler.push(Buffer.from(part))
  if (records === 1 && assembler.pending === 0) return
  const reason = `a record of ${record.length} bytes reads as ${records} in the frames of --framing ${framing.kind}`
  throw fail('E_USAGE', { reason: `${reason}: with --inbox choose another one for --out, such as length-prefix` })
}
