/**
 * Which store a worker's data folder belongs to, as the folder says.
 *
 *     member     potoroo-member 1 …   {"store":"<id>"}
 *
 * B1. A folder that belongs to a store opens no other one, and makes none: an empty folder in its place may be where a volume
 *     is to be mounted. Nothing is written there before that is known.
 * B2. It says so once the store's own record is durable, and before anything else is made of that store: a worker that was a
 *     member has a folder that says so.
 */
import { fail, type PotorooError } from '../base/errors.ts'
import { type Format, seal, unseal } from '../checkpoint/envelope.ts'
import { CLUSTER } from '../checkpoint/layout.ts'
import type { Disk, DiskError, DoneVoid } from '../env/disk.ts'

const format: Format = { kind: 'member', version: 1 }

/** Answers the id of the store that the folder `data` belongs to, or `null`; `E_STORE_GONE` where there is none at `root`. */
export function readBelonging(
  disk: Disk,
  data: string,
  root: string,
  done: (error: PotorooError | null, store: string | null) => void,
): void {
  const path = fileIn(data)
  const failed = (error: DiskError): void =>
    done(fail('E_DISK', { operation: 'reading', path: error.path, reason: error.reason }, error), null)
  disk.readFile(path, (error, bytes) => {
    if (error !== null) return error.code === 'absent' ? done(null, null) : failed(error)
    const unsealed = unseal(format, path, bytes)
    if (unsealed.kind === 'newer') return done(unsealed.error, null)
    if (unsealed.kind === 'damaged') return done(fail('E_STORE_DAMAGED', { path, reason: unsealed.reason }), null)
    const { store } = unsealed.value as { readonly store: string }
    disk.readFile(`${root}/${CLUSTER}`, (error) => {
      if (error === null) done(null, store)
      else if (error.code === 'absent') done(fail('E_STORE_GONE', { path: root, data }), null)
      else failed(error)
    })
  })
}

/** Notes that the folder `data` belongs to `store`, for good (B2). */
export function noteBelonging(
  disk: Disk,
  data: string,
  store: string,
  done: (error: PotorooError | null) => void,
): void {
  const path = fileIn(data)
  const fresh = `${path}.new`
  const end: DoneVoid = (error) =>
    done(error && fail('E_DISK', { operation: 'writing', path, reason: error.reason }, error))
  disk.open(fresh, 'write', (error, file) => {
    if (error !== null) return end(error)
    // A life that ended here may have left something in it, never longer than this.
    file.write([seal(format, { store })], 0, (error) => {
      if (error !== null) return file.close(() => end(error))
      file.sync((error) =>
        file.close(() => {
          if (error !== null) return end(error)
          disk.rename(fresh, path, (error) => {
            if (error !== null) end(error)
            else disk.syncDirectory(data, end)
          })
        }),
      )
    })
  })
}

function fileIn(data: string): string {
  return `${data}/member`
}
