/** What the drivers of a change of owners have of their seat. */
import type { Limits } from '../../base/limits.ts'
import type { MakeRecord } from '../../checkpoint/chain-writer.ts'
import type { Cluster } from '../../checkpoint/cluster.ts'
import type { World } from '../../cluster/generation.ts'
import type { Beating } from '../../cluster/standing.ts'
import type { Clock } from '../../env/clock.ts'
import type { BodyWriter } from '../../transport/peer.ts'
import type { ControlMessage } from '../../transport/wire.ts'
import type { Turns } from '../turns.ts'
import type { SeatWork } from './work.ts'

export interface DriverHost {
  readonly clock: Clock
  readonly limits: Limits
  readonly worker: string
  readonly turns: Turns
  readonly work: Pick<SeatWork, 'requestEpoch' | 'readAhead' | 'forgetAhead' | 'room' | 'running' | 'outdated'>
  cluster(): Cluster
  coordinator(): string
  beating(): Beating
  send(worker: string, message: ControlMessage, body?: BodyWriter): void
  append(make: MakeRecord, done: (appended: boolean) => void): void
  /** What this worker knows, and others by their beats. */
  world(): World
}
