/**
 * The volume of the store goes away under workers that run, or that of the journals, or both, and an empty mount point
 * stays (decision 0022); after a while it is back.
 *
 * G1. Whoever runs meanwhile takes nothing for absent that is there: all is exact, as ever.
 * G2. Nothing is made under the mount point.
 * G3. Who cannot go on without it, or begins without it, may end, with a word about its disk.
 */
import type { PotorooError } from '../../../src/base/errors.ts'
import { type MemberStation, SHARED } from '../../../src/sim/member-station.ts'
import { STORE } from './chain-watch.ts'

const PLACES = [[`${SHARED}${STORE}`], [`${SHARED}/journals`], [`${SHARED}${STORE}`, `${SHARED}/journals`]]
/** What a worker says (G3). */
const WORDS = new Set(['E_DISK', 'E_STORE', 'E_JOURNAL', 'E_JOURNALS_GONE', 'E_STORE_GONE'])

export class Vanished {
  /** What each has lost. */
  private readonly gone = new Map<MemberStation, readonly string[]>()
  /** The life of each in which something came back last: what it had not found until then it may say afterwards. */
  private readonly back = new Map<MemberStation, number>()
  private readonly excused = new Set<PotorooError>()
  private readonly stations: readonly MemberStation[]

  constructor(stations: readonly MemberStation[]) {
    this.stations = stations
  }

  /** `drawn`: a number that says what goes. */
  vanish(station: MemberStation, drawn: number): string {
    // Whose data folder does not say where it belongs may make a store wherever it looks for one.
    if (this.gone.has(station) || station.worker?.phase !== 'active') return ''
    const paths = PLACES[drawn % PLACES.length]!
    this.gone.set(station, paths)
    for (const path of paths) station.machine.unmount(path)
    return `${station.name} ${paths}`
  }

  come(station: MemberStation): void {
    for (const path of this.gone.get(station) ?? []) station.machine.mount(path)
    if (this.gone.delete(station)) this.back.set(station, station.lives)
  }

  /** A worker has ended with `error`. */
  fell(station: MemberStation, error: PotorooError): void {
    const missed = this.gone.has(station) || this.back.get(station) === station.lives
    if (missed && WORDS.has(error.code)) this.excused.add(error)
  }

  /** Whether it may have ended with `error` (G3). */
  isExcused(error: PotorooError): boolean {
    return this.excused.has(error)
  }

  get complaints(): readonly string[] {
    const places = PLACES.at(-1)!
    return this.stations.flatMap(({ name, machine }) =>
      places.flatMap((path) =>
        machine.volume.exists(path) ? [`${name} has made ${path} under its mount point (G2)`] : [],
      ),
    )
  }
}
