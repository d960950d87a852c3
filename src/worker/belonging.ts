/**
 * Which store a worker's data folder belongs to, as the folder says.
 *
 *     member     potoroo-member 1 …   {"store":"<id>","journals":"<folder>","seen":{…}}
 *
 * B1. A folder that belongs to a store opens no other one, and makes none: an empty folder in its place may be where a
 *     volume is to be mounted. Nothing is written there before that is known.
 * B2. It says so once the store's own record is durable, and before anything else is made of that store: a worker that
 *     was a member has a folder that says so.
 */
import { fail, type PotorooError } from '../base/errors.ts'
import { type Format, seal, unseal } from '../checkpoint/envelope.ts'
import { CLUSTER } from '../checkpoint/layout.ts'
import type { Disk, DiskError, DoneVoid } from '../env/disk.ts'

export interface Belonging {
  /** The id of the store. */
  readonly store: string
  /**
   * The folder of all journals in which this worker's lies, where there is one (`seat/journals.ts`, J3); earlier
   * releases do not say.
   */
  readonly journals?: string
  /** How far its chain has been read by workers with this folder (`high-water.ts`), where that was noted. */
  readonly seen?: Seen
}

/** A record of the chain, and the greatest generation that was seen up to then. */
export interface Seen {
  readonly n: number
  readonly nonce: string
  readonly generation: number
}

const format: Format = { kind: 'member', version: 1 }

/**
 * Answers what the folder `data` belongs to, `null` for nothing; `E_STORE_GONE` where there is no store at `root`,
 * `E_MEMBER_DAMAGED` where nobody can say whether it is the one.
 */
export function readBelonging(
  disk: Disk,
  data: string,
  root: string,
  done: (error: PotorooError | null, belonging: Belonging | null) => void,
): void {
  const path = belongingFile(data)
  const failed = (error: DiskError): void =>
    done(fail('E_DISK', { operation: 'reading', path: error.path, reason: error.reason }, error), null)
  disk.readFile(path, (error, bytes) => {
    if (error !== null) return error.code === 'absent' ? done(null, null) : failed(error)
    const unsealed = unseal<Belonging>(format, path, bytes)
    if (unsealed.kind === 'newer') return done(unsealed.error, null)
    if (unsealed.kind === 'damaged') {
      return done(fail('E_MEMBER_DAMAGED', { path, reason: unsealed.reason, store: root }), null)
    }
    const belonging = unsealed.value
    disk.readFile(`${root}/${CLUSTER}`, (error) => {
      if (error === null) done(null, belonging)
      else if (error.code === 'absent') done(fail('E_STORE_GONE', { path: root, data }), null)
      else failed(error)
    })
  })
}

/** Notes that the folder `data` belongs to a store, for good (B2), in place of what it said before. */
export function noteBelonging(
  disk: Disk,
  data: string,
  belonging: Belonging,
  done: (error: PotorooError | null) => void,
): void {
  const path = belongingFile(data)
  const fresh = `${path}.new`
  const end: DoneVoid = (error) =>
    done(error && fail('E_DISK', { operation: 'writing', path, reason: error.reason }, error))
  disk.open(fresh, 'write', (error, file) => {
    if (error !== null) return end(error)
    const bytes = seal(format, belonging)
    const settle = (error: DiskError | null): void => {
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
    }
    file.write([bytes], 0, (error) => {
      // A life that ended here may have left more in it, where it had seen something of the chain.
      if (error !== null || (belonging.seen ?? belonging.journals) === undefined) settle(error)
      else file.truncate(bytes.length, settle)
    })
  })
}

/** The file that says so in a data folder; every one that a worker has used has it. */
export function belongingFile(data: string): string {
  return `${data}/member`
}
