/**
 * Says whose output the files of a path are: those of one store.
 *
 * Generations and epochs are counted by each store for itself. Another one would take these files for remains of its
 * own past and remove them at a restore, or put files of the same names in their place.
 *
 * M1. The mark is a file beside the output. Its name tells the store, and stands there before any segment does; nobody
 *     but a person removes it.
 * M2. Where there is no mark the place is taken: nothing is there, or what an earlier version wrote, which made none.
 * M3. Who has made a mark looks again. Of two that come at one time one goes on at most.
 */

import { fail, type PotorooError } from '../../base/errors.ts'
import { percents } from '../../base/file-name.ts'
import type { DiskError, File } from '../../env/disk.ts'
import { diskFault } from './fault.ts'
import { splitPath } from './find.ts'
import { placeOf } from './publish.ts'
import type { RevocableDisk } from './revocable.ts'

/** Who writes to a place. */
export interface Owner {
  /** The id of the store; empty where a version made it that gave none. */
  readonly store: string
  readonly pipeline: string
  readonly step: string
}

type Done = (fault: PotorooError | null) => void

/** The name of a mark, behind that of what it marks: as with output that is not committed, readers pass it over. */
const MARK = /\.owner-[\w%-]+\.pending$/

/** What is read of a mark, at most. */
const MARK_BYTES = 4096

/** Whether `name` is that of a mark of any sink. */
export function isMark(name: string): boolean {
  return MARK.test(name)
}

/** Takes the files of `path` for `owner`, where `names` are in its folder: `E_SINK_OWNER` where they are another's. */
export function claimPlace(
  disk: RevocableDisk,
  path: string,
  names: readonly string[],
  owner: Owner,
  done: Done,
): void {
  const { name: marked } = splitPath(path)
  const own = `${marked}.owner-${owner.store.replace(/[^\w-]+/g, percents)}.pending`
  const { directory } = placeOf(path)
  const refuse = (others: string): void => {
    readMark(disk, `${directory}/${others}`, (theirs) => {
      const { pipeline, step } = owner
      done(fail('E_SINK_OWNER', { step, pipeline, path, theirs, mark: `${directory}/${others}` }))
    })
  }
  const othersIn = (all: readonly string[]): string | undefined =>
    all.find((name) => name !== own && isMark(name) && name.replace(MARK, '') === marked)
  const others = othersIn(names)
  if (others !== undefined) return refuse(others)
  if (owner.store === '' || names.includes(own)) return done(null)
  makeMark(disk, `${directory}/${own}`, owner, (error) => {
    // What it was used for goes on without, as before there were marks: the next start makes one.
    if (error?.code === 'full') return done(null)
    if (error !== null) return done(diskFault('mark', error))
    disk.list(directory || '/', (unlisted, now) => {
      if (unlisted !== null) return done(diskFault('list', unlisted))
      const late = othersIn(now)
      if (late === undefined) done(null)
      else refuse(late)
    })
  })
}

/** Makes the mark at `path`, durably. Other workers of the cluster may do so at the same time, with the same bytes. */
function makeMark(disk: RevocableDisk, path: string, owner: Owner, done: (error: DiskError | null) => void): void {
  disk.open(path, 'write', (error, file) => {
    if (error !== null) return done(error)
    const finish = (failed: DiskError | null): void => file.close(() => done(failed))
    file.write([Buffer.from(`${nameOf(owner)}\n`)], 0, (unwritten) => {
      if (unwritten !== null) return finish(unwritten)
      file.sync((unsynced) => {
        if (unsynced !== null) finish(unsynced)
        else disk.syncDirectory(placeOf(path).directory || '/', finish)
      })
    })
  })
}

/** What the mark at `path` says of its owner. */
function readMark(disk: RevocableDisk, path: string, found: (theirs: string) => void): void {
  const unknown = 'a pipeline'
  disk.open(path, 'read', (error, file: File) => {
    if (error !== null) return found(unknown)
    file.read(0, MARK_BYTES, (unread, bytes) => {
      file.close(() => {})
      found(unread === null && bytes.length > 0 ? bytes.toString().trim() : unknown)
    })
  })
}

function nameOf({ pipeline, step }: Owner): string {
  return `step "${step}" of pipeline "${pipeline}"`
}
