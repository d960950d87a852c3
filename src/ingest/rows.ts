/**
 * Rows of streams, as members report them and manifests keep them.
 *
 * Each member reports the streams that it answers for, those that nobody answers for, and those that it has given away
 * in this generation. So a row is reported twice at times, but never by nobody while a stream changes hands.
 *
 * M1. Within a generation a stream's position only rises, and so does the number of its sessions at one position: of
 *     two rows the greater one is the later one.
 */
import type { StreamRow } from './stream.ts'

/** One row for each stream, of all that the members have reported (M1). */
export function mergeRows(parts: Iterable<readonly StreamRow[]>): StreamRow[] {
  const best = new Map<string, StreamRow>()
  for (const rows of parts) {
    for (const row of rows) {
      const key = `${row[0]}\0${row[1]}`
      const known = best.get(key)
      if (known === undefined || isLater(row, known)) best.set(key, row)
    }
  }
  return [...best.values()]
}

function isLater(a: StreamRow, b: StreamRow): boolean {
  return a[2] === b[2] ? a[4] > b[4] : a[2] > b[2]
}
