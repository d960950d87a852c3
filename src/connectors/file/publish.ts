/**
 * Makes the segments of complete epochs visible, and takes back those of epochs that never were.
 *
 * B1. Everything here may be done again, after any interruption, with the same outcome: a commit is repeated at every
 *     restore.
 * B2. Only what a snapshot lists is ever made visible.
 * B3. In one growing file, a commit is: write every segment to its place, sync, and only then remove the segments. One
 *     that is gone stands there already, by checksum. One that is not is written once more, whatever can be read there:
 *     a sync may have failed, and what was written before it is on no disk, also when the next sync succeeds. A commit
 *     may be late, in a process that another has followed: all that it writes stands there already, and it takes
 *     nothing away.
 * B4. At a restore, whatever an earlier generation began behind the base is removed, visible or not: its epoch is void,
 *     or of a run that has ended. So is what this writer began in this generation, in an earlier life of its pipeline.
 *     Older segments that nobody lists are removed below the floor only, for another writer may still list them.
 * B5. A restore cuts behind its base only where it goes back behind an epoch that was complete. Otherwise whatever
 *     stands there is of a process that has followed this one, which stood still.
 * B6. A visible segment belongs to its readers, who may take it away. One that is not there under either name was
 *     visible before, for it was durable when it was listed: nothing is missing, as long as the folder is the one in
 *     which it was.
 */
import { crc32 } from '../../base/crc.ts'
import { fail, type PotorooError } from '../../base/errors.ts'
import type { DiskError, File } from '../../env/disk.ts'
import { diskFault } from './fault.ts'
import { splitPath } from './find.ts'
import type { RevocableDisk } from './revocable.ts'
import { PENDING, type SegmentRow, segmentParser } from './segment.ts'

const COPY_BYTES = 1 << 20

type Done = (error: PotorooError | null) => void

/** Calls `next` unless there is an error, which goes to `done`. */
function otherwise(operation: string, done: Done, next: () => void): (error: DiskError | null) => void {
  return (error) => {
    if (error === null) next()
    else done(diskFault(operation, error))
  }
}

/** Gives every segment of `rows` its visible name; answers the names of those that are not there any more (B6). */
export function publishSegments(
  disk: RevocableDisk,
  directory: string,
  rows: readonly SegmentRow[],
  done: (error: PotorooError | null, taken: readonly string[]) => void,
): void {
  const taken: string[] = []
  const next = (i: number): void => {
    const row = rows[i]
    if (row === undefined) {
      if (rows.length === 0) done(null, taken)
      else disk.syncDirectory(directory, (error) => done(error === null ? null : diskFault('sync', error), taken))
      return
    }
    const visible = `${directory}/${row.name}`
    disk.rename(visible + PENDING, visible, (error) => {
      if (error === null) next(i + 1)
      else if (error.code !== 'absent') done(diskFault('rename', error), taken)
      else
        checkPublished(disk, visible, row, (fault, isThere) => {
          if (fault !== null) return done(fault, taken)
          if (!isThere) taken.push(row.name)
          next(i + 1)
        })
    })
  }
  next(0)
}

/** A segment that is not pending was committed before. Answers whether it is there (B6), whole. */
function checkPublished(
  disk: RevocableDisk,
  path: string,
  row: SegmentRow,
  done: (fault: PotorooError | null, isThere: boolean) => void,
): void {
  disk.open(path, 'read', (error, file) => {
    if (error !== null) return done(error.code === 'absent' ? null : diskFault('open', error), false)
    file.size((unknown, size) => {
      file.close(() => {})
      if (unknown !== null) return done(diskFault('measure', unknown), true)
      done(size === row.bytes ? null : fail('E_SEGMENT_GONE', { path, bytes: row.bytes }), true)
    })
  })
}

/**
 * What becomes of bytes that stand behind what is appended: a restore that goes back removes them (B5), nothing else
 * does (B3).
 */
export type Behind = 'cut' | 'keep'

/** Appends `rows` to the file at `path` behind its first `length` bytes (B3). */
export function appendSegments(
  disk: RevocableDisk,
  path: string,
  length: number,
  rows: readonly SegmentRow[],
  behind: Behind,
  done: Done,
): void {
  const { directory } = placeOf(path)
  const end = rows.reduce((sum, row) => sum + row.bytes, length)
  disk.open(path, 'write', (error, file) => {
    if (error !== null) return done(diskFault('open', error))
    const finish: Done = (fault) => file.close(() => done(fault))
    file.size((unknown, size) => {
      if (unknown !== null) return finish(diskFault('measure', unknown))
      if (size < length) return finish(fail('E_FILE_SINK_SHORT', { path, size, length }))
      findKept(file, length, size, rows, (fault, kept) => {
        if (fault !== null) return finish(fault)
        const settle = (): void =>
          file.sync(
            otherwise('sync', finish, () =>
              disk.syncDirectory(
                directory,
                otherwise('sync', finish, () => removeAll(disk, directory, rows, finish)),
              ),
            ),
          )
        copyAll(disk, directory, { to: file, start: length, rows, kept }, (fault) => {
          if (fault !== null) finish(fault)
          else if (size <= end || behind === 'keep') settle()
          else file.truncate(end, otherwise('cut', finish, settle))
        })
      })
    })
  })
}

/** How many of `rows` stand in the file already. */
function findKept(
  file: File,
  length: number,
  size: number,
  rows: readonly SegmentRow[],
  done: (fault: PotorooError | null, kept: number) => void,
): void {
  const next = (i: number, at: number): void => {
    const row = rows[i]
    if (row === undefined || at + row.bytes > size) {
      done(null, i)
      return
    }
    checksum(file, at, row.bytes, (fault, crc) => {
      if (fault !== null) return done(fault, 0)
      if (crc === row.crc) next(i + 1, at + row.bytes)
      else done(null, i)
    })
  }
  next(0, length)
}

function checksum(
  file: File,
  at: number,
  bytes: number,
  done: (fault: PotorooError | null, crc: number) => void,
): void {
  const next = (offset: number, crc: number): void => {
    if (offset === bytes) {
      done(null, crc)
      return
    }
    file.read(at + offset, Math.min(COPY_BYTES, bytes - offset), (error, block) => {
      if (error !== null) return done(diskFault('read', error), 0)
      if (block.length === 0) return done(null, -1)
      next(offset + block.length, crc32(block, crc))
    })
  }
  next(0, 0)
}

/** What goes from segments into the file that grows. */
interface Copying {
  readonly to: File
  /** Where the first row begins in it. */
  readonly start: number
  readonly rows: readonly SegmentRow[]
  /** How many of the rows stand there already: their segments may be gone (B3). */
  readonly kept: number
}

/** Copies the segments of all rows out of `directory`. */
function copyAll(disk: RevocableDisk, directory: string, { to, start, rows, kept }: Copying, done: Done): void {
  const next = (i: number, at: number): void => {
    const row = rows[i]
    if (row === undefined) return done(null)
    const path = `${directory}/${row.name}${PENDING}`
    disk.open(path, 'read', (error, from) => {
      if (error?.code === 'absent' && i < kept) return next(i + 1, at + row.bytes)
      if (error?.code === 'absent') return done(fail('E_SEGMENT_GONE', { path, bytes: row.bytes }))
      if (error !== null) return done(diskFault('open', error))
      copy(from, to, at, row, (fault) => {
        from.close(() => {})
        if (fault === null) next(i + 1, at + row.bytes)
        else done(fault)
      })
    })
  }
  next(0, start)
}

function copy(from: File, to: File, at: number, row: SegmentRow, done: Done): void {
  const next = (offset: number, crc: number): void => {
    if (offset === row.bytes) {
      const damaged = crc === row.crc ? null : fail('E_SEGMENT_GONE', { path: from.path, bytes: row.bytes })
      done(damaged)
      return
    }
    from.read(offset, Math.min(COPY_BYTES, row.bytes - offset), (error, block) => {
      if (error !== null) return done(diskFault('read', error))
      if (block.length === 0) return done(fail('E_SEGMENT_GONE', { path: from.path, bytes: row.bytes }))
      to.write(
        [block],
        at + offset,
        otherwise('write', done, () => next(offset + block.length, crc32(block, crc))),
      )
    })
  }
  next(0, 0)
}

function removeAll(disk: RevocableDisk, directory: string, rows: readonly SegmentRow[], done: Done): void {
  const next = (i: number): void => {
    const row = rows[i]
    if (row === undefined) {
      done(null)
      return
    }
    disk.remove(
      `${directory}/${row.name}${PENDING}`,
      otherwise('remove', done, () => next(i + 1)),
    )
  }
  next(0)
}

/** Which segments a sweep removes. */
export interface Sweep {
  /** Only segments of generations before this one; of this one, those of `writer` where it is named. */
  readonly generation: number
  readonly writer: string | null
  /** Those of epochs behind this one, pending or visible (B4). */
  readonly above: number
  /** Pending ones of epochs before this one. */
  readonly below: number
}

/** Removes the segments of `path` that `sweep` names. */
export function sweepSegments(disk: RevocableDisk, path: string, sweep: Sweep, done: Done): void {
  const { directory } = placeOf(path)
  const parse = segmentParser(path)
  disk.list(directory, (error, names) => {
    if (error !== null) return done(diskFault('list', error))
    const dead = names.filter((name) => {
      const parts = parse(name)
      if (parts === null || parts.generation > sweep.generation) return false
      if (parts.generation === sweep.generation && parts.writer !== sweep.writer) return false
      return parts.epoch > sweep.above || (parts.pending && parts.epoch < sweep.below)
    })
    const next = (i: number): void => {
      const name = dead[i]
      if (name === undefined) {
        done(null)
        return
      }
      disk.remove(
        `${directory}/${name}`,
        otherwise('remove', done, () => next(i + 1)),
      )
    }
    next(0)
  })
}

/** The directory of `path`, in a form to which a name can be added behind a slash. */
export function placeOf(path: string): { readonly directory: string } {
  const { directory } = splitPath(path)
  return { directory: directory === '/' ? '' : directory }
}
