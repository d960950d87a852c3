/** The seams: all that a worker knows of the world. `env/real` and `sim` are the two implementations. */
import type { Clock } from './clock.ts'
import type { Disk } from './disk.ts'
import type { Http } from './http.ts'
import type { Log } from './log.ts'
import type { Network } from './network.ts'
import type { Random } from './random.ts'

export interface Env {
  readonly clock: Clock
  readonly random: Random
  readonly network: Network
  readonly http: Http
  readonly disk: Disk
  readonly log: Log
}
