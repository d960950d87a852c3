/** What makes a worker one of several: settings that a worker without a cluster does not have. */
import type { PotorooError } from '../../base/errors.ts'
import type { SmallStore, Writer } from '../../checkpoint/store.ts'
import type { Address } from '../../env/network.ts'
import type { OpenWatch } from './watch.ts'

export interface RecordsEvents {
  /** As `lost` of `FileStore`. */
  lost(error: PotorooError): void
  /** Nothing is answered any more. */
  ended(error: PotorooError): void
}

/** Opens the store once more, for what the worker's life in the cluster rests on. */
export type OpenRecords = (writer: Writer, events: RecordsEvents) => SmallStore & { close(): void }

export interface ClusterSettings {
  /** The cluster's name: workers of another one are refused. */
  readonly name: string
  /** What workers show each other; from a file or the environment. */
  readonly token: string
  /** The checkpoint store that all workers share: a folder that each of them reaches under this path. */
  readonly store: string
  /**
   * A folder that all workers reach, for their journals: what a worker has acknowledged and not fed is then read by the
   * others when it is gone. Without it a journal lies in its worker's own folder, and its tail waits for its worker.
   */
  readonly journals?: string | null
  /** Where this worker takes the others' connections; port 0 draws a free one. */
  readonly listen: Address
  /** The name or address by which the others reach it; where it listens, unless said otherwise. */
  readonly reach?: string
  /** Workers that a new cluster waits for at its first start, as long as `startGraceMs`. */
  readonly expected: number
  /** Heartbeats with a thread of their own; without, they run in the worker's loop. */
  readonly watch?: OpenWatch
  /** The chain and the beats with a thread of their own; without, they are read and written like everything else. */
  readonly records?: OpenRecords
}
