/** What a worker shows of its seat. Whoever reads it changes nothing. */
import type { MembershipState } from '../../cluster/membership-state.ts'
import type { LeaseKeeper } from './lease-keeper.ts'
import type { MembershipDriver } from './membership-driver.ts'
import type { Neighbours } from './neighbours.ts'
import type { Presences, Standstills } from './presences.ts'
import type { Change, RescaleDriver } from './rescale-driver.ts'
import type { StoreTrouble, StoreTroubles } from './store-trouble.ts'
import type { Watch } from './watch.ts'

export interface SeatStatus {
  /** How far the worker has come in its cluster. */
  readonly phase: MembershipState['phase'] | 'closed'
  /** Whether it waits until it has nothing that others would lack. */
  readonly isLeaving: boolean
  /** Whether no newer generation stood a short while ago than the one that it has read (PROTOCOLS 7). */
  readonly holdsLease: boolean
  /** The other workers that it is linked with. */
  readonly peers: Neighbours['status']
  /** Whom this worker hears, and whose loops stand still; `null` before anybody can hear it. */
  readonly heard: Pick<Watch, 'beat' | 'gone' | 'stuck'> | null
  /** Whether this worker, the coordinator, changes who owns what. */
  readonly rescaling: boolean
  /** How far that has come. */
  readonly change: Change
  /** What keeps this worker from its store; `null` where nothing does. */
  readonly storeTrouble: StoreTrouble | null
  /** How often and for how long its loop has stood still. */
  readonly standstills: Standstills
  /** What came on its links and was no frame. */
  readonly damagedFrames: number
}

/** Of a worker that has no seat yet. */
export const noSeat: SeatStatus = {
  phase: 'closed',
  isLeaving: false,
  holdsLease: false,
  peers: [],
  heard: null,
  rescaling: false,
  change: { phase: 'stopped', waits: [] },
  storeTrouble: null,
  standstills: { times: 0, totalMs: 0, last: null },
  damagedFrames: 0,
}

export interface SeatParts {
  readonly membership: MembershipDriver
  readonly leases: LeaseKeeper
  readonly presences: Presences
  readonly rescale: RescaleDriver
  readonly troubles: StoreTroubles
}

/** The status of the seat that `parts` belong to, as it is whenever it is read. */
export function statusOf({ membership, leases, presences, rescale, troubles }: SeatParts): SeatStatus {
  return {
    get phase() {
      return membership.state.phase
    },
    get isLeaving() {
      return membership.isLeaving
    },
    get holdsLease() {
      return leases.held
    },
    get peers() {
      return presences.current?.neighbours.status ?? []
    },
    get heard() {
      return presences.current?.watch ?? null
    },
    get rescaling() {
      return rescale.busy
    },
    get change() {
      return rescale.change
    },
    get storeTrouble() {
      return troubles.worst
    },
    get standstills() {
      return presences.standstills
    },
    get damagedFrames() {
      return presences.damagedFrames
    },
  }
}
