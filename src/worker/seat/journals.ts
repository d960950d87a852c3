/**
 * Where the journals of a cluster's workers lie, and their seals in the store (PROTOCOLS 2, S8).
 *
 * J1. Where all workers of a cluster reach one folder, each has its journal there under its name, and reaches all
 *     others. Otherwise it lies in the worker's own folder, and nobody else's is in reach. What else lies in that
 *     folder, as `lost+found` does, is nobody's journal: it would be waited for until it can be read.
 * J2. A seal is always the same object: whoever makes it, and however often, it is there once. That it is there is all
 *     it says, so one that is damaged seals as well.
 * J3. Where the data folder says that the journal lies in that folder (`worker/belonging.ts`) and it does not, the
 *     volume is gone: no folder is made in its place, where the others would not find what is acknowledged, and no
 *     other worker's journal is absent.
 */
import type { PotorooError } from '../../base/errors.ts'
import type { Limits } from '../../base/limits.ts'
import { seal as envelope, type Format } from '../../checkpoint/envelope.ts'
import { escapeName, folderOf, isEscapedName, seal as sealPath, unescapeName } from '../../checkpoint/layout.ts'
import type { Store } from '../../checkpoint/store.ts'
import { writeOnce } from '../../checkpoint/write-once.ts'
import type { Clock } from '../../env/clock.ts'
import type { Disk } from '../../env/disk.ts'
import type { JournalReach, Seals } from '../../ingest/sealed.ts'

const format: Format = { kind: 'seal', version: 1 }

export interface JournalsSeams {
  readonly disk: Disk
  readonly worker: string
  /** The worker's own folder. */
  readonly data: string
  /** The folder of all journals (J1), `null` where there is none. */
  readonly shared: string | null
}

/** Who has been a member, as far as the chain was read. */
export interface Formers {
  /** By worker. */
  readonly incarnations: ReadonlyMap<string, ReadonlySet<string>>
  /**
   * Every generation record after this one has been read; who was a member of it and of those before it may be missing.
   */
  readonly since: number
}

export class Journals {
  private readonly seams: JournalsSeams
  /** Workers that have a journal in the shared folder, as it was last listed. */
  workers: readonly string[] = []

  constructor(seams: JournalsSeams) {
    this.seams = seams
  }

  /** Where this worker's own journal lies. */
  get directory(): string {
    const { data, worker, shared } = this.seams
    return shared === null ? `${data}/journal` : journalOf(shared, worker)
  }

  /** Lists the shared folder once more; what cannot be listed now is as it was. */
  list(done: () => void): void {
    const { disk, shared } = this.seams
    if (shared === null) return done()
    disk.list(shared, (error, names) => {
      if (error === null) this.workers = names.filter(isEscapedName).map(unescapeName)
      done()
    })
  }

  /** The journals in the shared folder, this worker's own first; `formers` are those whom the chain has named. */
  reach({ incarnations, since }: Formers): readonly JournalReach[] {
    const { worker: self, shared } = this.seams
    if (shared === null) return []
    return Array.from(new Set([self, ...this.workers, ...incarnations.keys()]), (worker) => ({
      worker,
      directory: journalOf(shared, worker),
      incarnations: [...(incarnations.get(worker) ?? [])],
      since,
    }))
  }
}

/** Where the journal of `worker` lies in the folder of all of them (J1). */
export function journalOf(shared: string, worker: string): string {
  return `${shared}/${escapeName(worker)}`
}

/** The seals of a cluster, as `incarnation` of `worker` sees them. */
export function sealsOf(
  seams: { readonly store: Store; readonly clock: Clock; readonly limits: Limits },
  worker: string,
  incarnation: string,
): Seals {
  const bytes = envelope(format, {})
  return {
    seal: (other, one, done: (error: PotorooError | null) => void) => {
      const path = sealPath(other, one)
      writeOnce(seams, path, bytes, seams.limits.storeReads, (error) => {
        if (error?.code === 'E_STORE_TAKEN') seams.store.makeDurable(folderOf(path), done)
        else done(error)
      })
    },
    isSealed: (done) => seams.store.read(sealPath(worker, incarnation), (error, found) => done(error, found !== null)),
  }
}
