/**
 * Makes durable what an earlier incarnation, or another worker, has left in a segment, before it is relied on.
 *
 * H1. A sync alone is no proof: that of the process which wrote it may have failed, and then the next one succeeds
 *     though nothing has come to the disk (`env/disk.ts`, K3). So what is needed is written once more, and then synced.
 * H2. Whole entries only, each where it stands and as it stands: nothing that anybody has made durable, or is about to
 *     read, becomes other than it was.
 */
import type { Disk, DiskError, File } from '../env/disk.ts'
import type { EntryHeader } from './format.ts'
import { SegmentScan } from './scan.ts'
import type { Needed } from './survey.ts'

/** Neighbouring entries in one window of the scan, from `begin` to `end`, which stand at `at` in the file. */
interface Run {
  readonly bytes: Buffer
  readonly begin: number
  end: number
  readonly at: number
}

/**
 * Writes again and syncs the entries that are `wanted`; answers whether what they hold survives a loss of power now.
 */
export function harden(
  disk: Disk,
  needed: Needed,
  wanted: (header: EntryHeader) => boolean,
  done: (hardened: boolean) => void,
): void {
  disk.open(needed.segment.path, 'update', (error, file) => {
    if (error !== null) return done(false)
    rewrite(disk, file, needed, wanted, (error) => {
      const close = (error: DiskError | null): void => file.close(() => done(error === null))
      if (error !== null) close(error)
      else file.sync(close)
    })
  })
}

function rewrite(
  disk: Disk,
  file: File,
  { segment, from }: Needed,
  wanted: (header: EntryHeader) => boolean,
  done: (error: DiskError | null) => void,
): void {
  let run: Run | null = null
  const write = ({ bytes, begin, end, at }: Run, then: () => void): void =>
    file.write([bytes.subarray(begin, end)], at, (error) => {
      if (error === null) return then()
      scan.cancel()
      done(error)
    })
  const scan = new SegmentScan(
    disk,
    segment,
    {
      wants: wanted,
      entry(header, bytes, bodyAt, at) {
        if (bytes === null) return true
        const end = bodyAt + header.bodyBytes
        const begin = end - header.bytes
        const before: Run | null = run
        if (before?.bytes === bytes && before.end === begin) {
          before.end = end
          return true
        }
        run = { bytes, begin, end, at }
        if (before === null) return true
        write(before, () => scan.resume())
        return false
      },
      // The survey reports it.
      damage: () => {},
      torn: () => {},
      done(error) {
        if (error !== null || run === null) done(error)
        else write(run, () => done(null))
      },
    },
    from,
  )
  scan.start()
}
