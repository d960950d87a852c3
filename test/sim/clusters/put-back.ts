/**
 * Puts an older store back under a cluster, as somebody does who has lost the volume: a snapshot of it is taken at some
 * moment while all work on, and put in its place later, when all workers have died. Journals and outputs, data folders
 * and producers are those of the day. What is judged:
 *
 * K1. A worker whose data folder has noted a record that the store lacks, or another one in its place, does not go on
 *     with it: it ends with `E_STORE_BACK`. No other one does.
 * K2. Who has ended so is started once with the loss accepted (`start`), by a person who has read what it says; and
 *     goes on. That it was accepted stands nowhere: who dies before the next epoch counts, and finds that its journal
 *     lacks records, asks for these, and is answered the same.
 * K3. Generations are numbered behind all that there were before (`ChainWatch.putBack`, W5).
 *
 * Only the store goes back. Where journals reach back to the snapshot (`config.ts`), what producers had acknowledged is
 * there in the end, once, and so is everything in files; where they do not, what is lost is named (`losses.ts`). What a
 * reader saw may be gone for a while.
 */
import { PotorooError } from '../../../src/base/errors.ts'
import { decodeRecord } from '../../../src/checkpoint/record.ts'
import { Backup } from '../../../src/sim/backup.ts'
import type { MemberStation } from '../../../src/sim/member-station.ts'
import { DATA } from '../../../src/sim/station.ts'
import type { Volume } from '../../../src/sim/volume.ts'
import type { Machine } from '../../../src/sim/world.ts'
import { CHAIN, type ChainWatch, STORE } from './chain-watch.ts'

/** What a data folder says that it has seen (`src/worker/belonging.ts`). */
interface Seen {
  readonly n: number
  readonly nonce: string
}

export class PutBack {
  readonly complaints: string[] = []
  /** How often a store has been put back. */
  times = 0
  private readonly volume: Volume
  private readonly chain: ChainWatch
  private backup: Backup | null = null
  /** Epochs that had counted when the backup was made. */
  private atBackup = 0
  /** The length of the chain in the backup. */
  private length = 0
  /**
   * What the data folders of those had noted that the store lacked when it was last put back before they went on: the
   * nonce.
   */
  private readonly lacking = new Map<MemberStation, string>()
  /** Workers that may not go on without a word, and the lives that each had had by then (K1). */
  private readonly owing = new Map<MemberStation, number>()
  /** Who has accepted the loss of the store that was put back last, and how many epochs had counted then (K2). */
  private readonly accepting = new Map<MemberStation, number>()

  constructor(volume: Volume, chain: ChainWatch) {
    this.volume = volume
    this.chain = chain
  }

  get hasBackup(): boolean {
    return this.backup !== null
  }

  /**
   * Whether the store has gone on since the backup, and the data folders of all `stations` that live say so, where they
   * do not at once (`noteChainMs`): who has not noted what is lost cannot miss it.
   */
  isBehind(stations: readonly MemberStation[], noteMs: number): boolean {
    if (this.chain.epochs <= this.atBackup) return false
    const live = stations.filter(({ process }) => process !== null)
    return noteMs <= 1 || live.every(({ machine }) => (seenBy(machine)?.n ?? -1) >= this.length)
  }

  /** Makes a backup of the store, in place of one that there is. */
  save(): void {
    this.backup = new Backup(this.volume, STORE)
    this.atBackup = this.chain.epochs
    this.length = this.chain.length
  }

  /** Puts the backup back under `stations`, all of which are dead. */
  putBack(stations: readonly MemberStation[]): void {
    this.backup!.putBack()
    this.times++
    this.chain.putBack()
    this.owing.clear()
    this.accepting.clear()
    for (const station of stations) {
      if (!this.lacks(station)) continue
      this.owing.set(station, station.lives)
      this.lacking.set(station, seenBy(station.machine)!.nonce)
    }
  }

  /** `station` has ended with `error`: whether somebody starts it with the loss accepted (K2). */
  fell(station: MemberStation, error: PotorooError): boolean {
    if (this.asksAgain(station, error)) return true
    if (error.code !== 'E_STORE_BACK') return false
    if (!this.lacks(station))
      this.complaints.push(`${station.name} refuses a store that has what it has seen: ${error}`)
    this.owing.delete(station)
    this.accepting.set(station, this.chain.epochs)
    return true
  }

  /** Whether `station` has ended with `error` because of a loss that it has been told to accept (K2). */
  asksAgain(station: MemberStation, { code }: PotorooError): boolean {
    return code === 'E_RESTORE' && this.accepting.get(station) === this.chain.epochs
  }

  /** K1: who is at work has accepted it, or has seen nothing that is not there. */
  look(): void {
    for (const [{ name, worker, accepted }, lives] of this.owing) {
      if (worker?.phase !== 'active' || accepted > lives) continue
      this.complaints.push(`${name} goes on with a store that lacks what it has seen`)
      this.owing.clear()
      return
    }
  }

  /**
   * Whether the store lacks what the data folder of `station` has seen. What it lacked when it was put back it lacks
   * still, also where nobody can tell by the store any more: the record is removed with its era, of an older or of
   * another history.
   */
  private lacks(station: MemberStation): boolean {
    const seen = seenBy(station.machine)
    if (seen === null) return false
    if (this.lacking.get(station) === seen.nonce) return true
    const path = `${CHAIN}/${String(seen.n).padStart(10, '0')}`
    const record = read(this.volume, path)
    // Removed with its era, where the chain is longer than that.
    if (record === null) return seen.n >= this.chain.length
    const decoded = decodeRecord(path, seen.n, record)
    return decoded instanceof PotorooError || decoded.record.nonce !== seen.nonce
  }
}

function seenBy({ volume }: Machine): Seen | null {
  const bytes = read(volume, `${DATA}/member`)
  return bytes === null ? null : ((JSON.parse(bytes.toString().split('\n')[1]!) as { seen?: Seen }).seen ?? null)
}

function read(volume: Volume, path: string): Buffer | null {
  const inode = volume.open(path, 'read')
  return 'sync' in inode ? inode.read(0, inode.size) : null
}
