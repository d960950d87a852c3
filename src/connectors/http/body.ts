/**
 * The body of a request: bytes as they come, and the records in them.
 *
 * B1. A body is looked at whole before any of it is taken: one record that is none refuses all of them, and is named.
 *     Without a decoder only its length can be wrong.
 */
import { fail, type PotorooError } from '../../base/errors.ts'
import { reasonOf } from '../../base/reason.ts'
import { Cuts, type Decoder } from '../../model/connector.ts'
import { lines } from '../../model/framing.ts'

/** Bytes that a body begins with, whatever its length is said to be. */
const FIRST = 4096

/** Gathers a body. It grows with what has come, never with what was announced. */
export class Body {
  length = 0
  private buffer: Buffer = Buffer.alloc(0)

  /** Bytes that it holds. */
  get size(): number {
    return this.buffer.length
  }

  get bytes(): Buffer {
    return this.buffer.subarray(0, this.length)
  }

  push(chunk: Buffer): void {
    const length = this.length + chunk.length
    if (length > this.buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(FIRST, length, 2 * this.buffer.length))
      this.buffer.copy(grown, 0, 0, this.length)
      this.buffer = grown
    }
    chunk.copy(this.buffer, this.length)
    this.length = length
  }
}

const line = lines()

/**
 * The records in `body`, without empty lines. Throws `E_HTTP_RECORD` for the first that `decoder` does not take (B1).
 */
export function recordsOf(
  body: Buffer,
  format: 'one' | 'lines',
  decoder: Decoder<unknown> | null,
  recordBytes: number,
): Cuts {
  const found = new Cuts()
  if (format === 'one') found.add(0, body.length)
  else cutLines(body, found, recordBytes)
  const { starts, ends } = found
  const cuts = new Cuts()
  for (let i = 0; i < found.count; i++) {
    const [start, end] = [starts[i]!, ends[i]!]
    if (start === end && format === 'lines') continue
    try {
      if (end - start > recordBytes) throw fail('E_RECORD_TOO_LONG', { bytes: end - start, limit: recordBytes })
      // What is made here is not kept: it would live until the write is done, and cost more than being made again.
      if (decoder !== null && decoder.takes?.(body, start, end) !== true) decoder.decode(body, start, end)
    } catch (error) {
      throw refused(i + 1, error)
    }
    cuts.add(start, end)
  }
  return cuts
}

function cutLines(body: Buffer, found: Cuts, recordBytes: number): void {
  try {
    const end = line.scan(body, 0, body.length, found, recordBytes)
    line.finish(body, end, body.length, found, recordBytes)
  } catch (error) {
    throw refused(found.count + 1, error)
  }
}

function refused(line: number, error: unknown): PotorooError {
  return fail('E_HTTP_RECORD', { line, reason: reasonOf(error) }, error)
}
