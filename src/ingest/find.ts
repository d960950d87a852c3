/** Finds the segments in a worker's data folder, and what each holds. */
import type { Disk, DiskError, File } from '../env/disk.ts'
import { bodyFits, HEADER_BYTES, readHeader } from './format.ts'
import { SegmentScan } from './scan.ts'
import { type Segment, segmentOfName } from './segment.ts'

type Found = (error: DiskError | null, segments: readonly Segment[]) => void

/** Answers with all segments in serial order, each with its length and ranges. Damage is left to the survey to name. */
export function findSegments(disk: Disk, directory: string, done: Found): void {
  disk.list(directory, (error, names) => {
    if (error !== null) return done(error, [])
    const segments = names.map((name) => segmentOfName(directory, name)).filter((segment) => segment !== null)
    segments.sort((a, b) => a.serial - b.serial || a.version - b.version)
    const there: Segment[] = []
    const next = (index: number): void => {
      const segment = segments[index]
      if (segment === undefined) return done(null, there)
      measure(disk, segment, (error) => {
        // Somebody else who reaches the folder may have trimmed it since it was listed.
        if (error !== null && error.code !== 'absent') return done(error, [])
        if (error === null) there.push(segment)
        next(index + 1)
      })
    }
    next(0)
  })
}

/** Fills in what `segment` holds: from its summary, or by reading it where a crash has left none. */
function measure(disk: Disk, segment: Segment, done: (error: DiskError | null) => void): void {
  disk.open(segment.path, 'read', (error, file) => {
    if (error !== null) return done(error)
    const close = (error: DiskError | null, summarised: boolean): void => {
      file.close(() => {
        if (error !== null) done(error)
        else if (summarised) done(null)
        else readThrough(disk, segment, done)
      })
    }
    file.size((error, size) => {
      segment.bytes = error === null ? size : 0
      if (error !== null) close(error, false)
      else readSummary(file, segment, close)
    })
  })
}

function readSummary(file: File, segment: Segment, done: (error: DiskError | null, found: boolean) => void): void {
  const { bytes: size } = segment
  file.read(Math.max(0, size - 4), 4, (error, tail) => {
    if (error !== null || tail.length < 4) return done(error, false)
    const length = tail.readUInt32LE(0)
    if (length < HEADER_BYTES || length > size - 4) return done(null, false)
    file.read(size - 4 - length, length, (error, entry) => {
      if (error !== null || entry.length < length) return done(error, false)
      const header = readHeader(entry, 0, entry.length, segment.serial)
      const fits = typeof header !== 'string' && header.kind === 'summary' && header.bytes === length
      if (!fits || !bodyFits(entry, length - header.bodyBytes, header)) return done(null, false)
      const rows: [string, number, number][] = JSON.parse(entry.toString('utf8', length - header.bodyBytes))
      for (const [key, last, bytes] of rows) segment.note(key, last, bytes)
      done(null, true)
    })
  })
}

function readThrough(disk: Disk, segment: Segment, done: (error: DiskError | null) => void): void {
  new SegmentScan(disk, segment, {
    wants: () => false,
    entry(header) {
      if (header.kind === 'plain' || header.kind === 'acked') {
        segment.note(header.key, header.first + header.count - 1, header.bytes)
      }
      return true
    },
    damage: () => {},
    torn: () => {},
    done,
  }).start()
}
