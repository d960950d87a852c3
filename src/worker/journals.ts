/**
 * Where the journals of a cluster's workers lie, and which of them a worker reaches (PROTOCOLS 2, S8).
 *
 * J1. Where all workers of a cluster reach one folder, each has its journal there under its name, and reaches all others.
 *     Otherwise it lies in the worker's own folder, and nobody else's is in reach.
 */
import { escapeName, unescapeName } from '../checkpoint/layout.ts'
import type { Disk } from '../env/disk.ts'
import type { JournalReach } from '../ingest/sealed.ts'

export interface JournalsSeams {
  readonly disk: Disk
  readonly worker: string
  /** The worker's own folder. */
  readonly data: string
  /** The folder of all journals (J1), `null` where there is none. */
  readonly shared: string | null
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
    return shared === null ? `${data}/journal` : directoryOf(shared, worker)
  }

  /** Lists the shared folder once more; what cannot be listed now is as it was. */
  list(done: () => void): void {
    const { disk, shared } = this.seams
    if (shared === null) return done()
    disk.list(shared, (error, names) => {
      if (error === null) this.workers = names.map(unescapeName)
      done()
    })
  }

  /** The journals that this worker reaches beside its own; `incarnations` are those of workers that the chain names. */
  reach(incarnations: ReadonlyMap<string, ReadonlySet<string>>): readonly JournalReach[] {
    const { worker: self, shared } = this.seams
    if (shared === null) return []
    const others = new Set([...this.workers, ...incarnations.keys()])
    others.delete(self)
    return Array.from(others, (worker) => ({
      worker,
      directory: directoryOf(shared, worker),
      incarnations: [...(incarnations.get(worker) ?? [])],
    }))
  }
}

function directoryOf(shared: string, worker: string): string {
  return `${shared}/${escapeName(worker)}`
}
