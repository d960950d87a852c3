/**
 * Commits what the last epoch of a pipeline has promised of which nothing runs any more, where its own writer had no
 * time for it.
 *
 * T1. Only a segment that is still pending is touched: one that is not was committed before, and readers may have it.
 * T2. A growing file that is longer than the commit would make it is left as it is: somebody has gone on with it.
 */
import type { Disk } from '../../env/disk.ts'
import { plainPath } from './find.ts'
import { Landing } from './landing.ts'
import { appendSegments, placeOf } from './publish.ts'
import { RevocableDisk } from './revocable.ts'
import { type Held, PENDING, type SegmentRow } from './segment.ts'

/** Hears how many segments were made visible, and why not all that are pending; `null` where nothing is left. */
type Done = (reason: string | null, shown: number) => void

export class LateCommit {
  private readonly landing: Landing
  private readonly disk: RevocableDisk
  private readonly path: string
  private readonly directory: string

  constructor(disk: Disk, path: string) {
    this.landing = new Landing(disk, plainPath(path))
    this.disk = new RevocableDisk(this.landing)
    this.path = path
    this.directory = placeOf(path).directory
  }

  /** Gives the pending ones of `rows` their visible names. */
  rename(rows: readonly SegmentRow[], done: Done): void {
    const next = (i: number, shown: number): void => {
      const row = rows[i]
      if (row === undefined) {
        if (shown === 0) return done(null, 0)
        this.disk.syncDirectory(this.directory, (error) => done(error?.message ?? null, shown))
        return
      }
      const visible = `${this.directory}/${row.name}`
      this.disk.rename(visible + PENDING, visible, (error) => {
        if (error === null) next(i + 1, shown + 1)
        else if (error.code === 'absent') next(i + 1, shown)
        else done(error.message, shown)
      })
    }
    this.landing.begin(() => next(0, 0))
  }

  /** Appends what `held` lists to the growing file, where any of it is pending. */
  append({ length, segments }: Held, done: Done): void {
    this.landing.begin(() =>
      this.anyPending(segments, (reason, any) => {
        if (!any) return done(reason, 0)
        this.sizeOf(this.path, (unknown, size) => {
          const end = segments.reduce((sum, { bytes }) => sum + bytes, length)
          if (unknown !== null) return done(unknown, 0)
          if (size > end) return done(`${this.path} is longer than that would make it`, 0)
          appendSegments(this.disk, this.path, length, segments, 'keep', (fault) =>
            done(fault?.message ?? null, fault === null ? segments.length : 0),
          )
        })
      }),
    )
  }

  close(): void {
    this.disk.revoke()
    this.landing.leave()
  }

  private anyPending(rows: readonly SegmentRow[], done: (reason: string | null, any: boolean) => void): void {
    const next = (i: number): void => {
      const row = rows[i]
      if (row === undefined) return done(null, false)
      this.disk.open(`${this.directory}/${row.name}${PENDING}`, 'read', (error, file) => {
        if (error === null) file.close(() => done(null, true))
        else if (error.code === 'absent') next(i + 1)
        else done(error.message, false)
      })
    }
    next(0)
  }

  /** The length of the file at `path`: none where it is not there. */
  private sizeOf(path: string, done: (reason: string | null, size: number) => void): void {
    this.disk.open(path, 'read', (error, file) => {
      if (error !== null) return done(error.code === 'absent' ? null : error.message, 0)
      file.size((unknown, size) => {
        file.close(() => {})
        done(unknown?.message ?? null, size)
      })
    })
  }
}
