/**
 * Reads the chain (PROTOCOLS 1) and folds it; owns what this worker knows of the cluster.
 *
 * A1. Every record is read by its exact name, in order, none left out. `list` is asked only whether the end is one:
 *     what it shows is there, and what it does not show decides nothing.
 * A2. A record is folded, and told to the owner, only after the directory has been made durable, also where this worker
 *     wrote it under an unknown outcome.
 * A3. What is read at n, a record or nothing, counts only if the first record of the era after next is absent, read
 *     after that. Records of an era are removed only once that one stands (`removal.ts`), so a name that was removed is
 *     never taken for a free one, nor what came late to such a name for a record. A reader that finds itself behind
 *     goes on at the beginning of the last era, which holds the cluster.
 * A4. Reading and appending exclude each other: one of them is under way at a time, in the order they were asked.
 */
import { assert } from '../base/assert.ts'
import { fail, PotorooError } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import { type Cluster, emptyCluster } from './cluster.ts'
import { fold } from './fold.ts'
import { CHAIN, chainNumberOf, chainRecord } from './layout.ts'
import { type ChainRecord, type DecodedRecord, decodeRecord } from './record.ts'
import type { SmallStore, StoreDone, StoreDoneVoid } from './store.ts'

/** What the reader tells its owner, in the order of the chain. */
export interface ChainListener {
  /**
   * `record` has been read; `counts` says whether it changed the cluster (`fold.ts`, G1). `cluster` is the state after
   * it.
   */
  onRecord(record: ChainRecord, counts: boolean, cluster: Cluster): void
  /** Records before `cluster.next` have been missed, because they are gone (A3): only the state remains of them. */
  onJump(cluster: Cluster): void
}

/** Names that are read at once at first: mostly one record is new, or none, and the name behind it is the end. */
const FIRST_READS = 2

/** One turn at the chain: calls `release` once when it is over (A4). */
type Turn = (release: () => void) => void

export class ChainReader {
  /** The cluster as all records before `cluster.next` left it. */
  cluster: Cluster = emptyCluster
  /** Nonces of the records that have been read since the last one that began an era, with that one. */
  nonces: string[] = []
  readonly store: SmallStore
  readonly limits: Limits
  private readonly listener: ChainListener
  private readonly turns: Turn[] = []

  constructor(store: SmallStore, limits: Limits, listener: ChainListener) {
    this.store = store
    this.limits = limits
    this.listener = listener
  }

  /**
   * Reads from the beginning of the last era, or from where it is, up to the end of the chain. Answers once the end has
   * been seen (A3); `E_STORE` may be tried again, `E_STORE_DAMAGED` and `E_STORE_VERSION` stay. `begun` is called when
   * it has its turn (A4), before anything is read.
   */
  follow(done: StoreDoneVoid, begun = () => {}): void {
    this.exclusively((release) => {
      begun()
      const end: StoreDoneVoid = (error) => {
        release()
        done(error)
      }
      if (this.cluster.next > 0) this.readOn(FIRST_READS, end)
      else this.jump(0, end)
    })
  }

  /** Within a turn: reads from where it is up to the end of the chain, as `follow` does. */
  readFurther(done: StoreDoneVoid): void {
    this.readOn(FIRST_READS, done)
  }

  /**
   * Follows the chain and sees that what seems to be its end is one: a record behind an absent one says that a record
   * was lost, and with it what has been decided since. `E_STORE_DAMAGED` names it.
   */
  followWhole(done: StoreDoneVoid): void {
    this.follow((error) => {
      if (error) return done(error)
      this.store.list(CHAIN, (failed, names) => {
        if (failed) return done(failed)
        const end = this.cluster.next
        const beyond = names.filter((name) => (chainNumberOf(name) ?? -1) > end)
        if (beyond.length === 0) return done(null)
        this.store.read(chainRecord(end), (unread, bytes) => {
          if (unread) return done(unread)
          // Others have gone on meanwhile; so far, perhaps, that the name has been removed (A3).
          this.isBehind(end, (failed, behind) => {
            if (failed) return done(failed)
            if (bytes !== null || behind) return this.followWhole(done)
            const reason = `it is absent, and ${beyond.at(-1)} stands behind it`
            done(fail('E_STORE_DAMAGED', { path: chainRecord(end), reason }))
          })
        })
      })
    })
  }

  /** Calls `turn` when nothing else is under way at this chain (A4). */
  exclusively(turn: Turn): void {
    this.turns.push(turn)
    if (this.turns.length === 1) this.startTurn()
  }

  private startTurn(): void {
    this.turns[0]?.(() => {
      this.turns.shift()
      this.startTurn()
    })
  }

  /**
   * Within a turn: folds `record`, which stands durably at `cluster.next`, and tells the owner; answers whether it
   * counts.
   */
  accept(record: ChainRecord): boolean {
    assert(record.n === this.cluster.next, 'A1: records are folded in order')
    const { cluster, counts } = fold(this.cluster, record)
    this.cluster = cluster
    if (record.n % this.limits.chainEra === 0) this.nonces = []
    this.nonces.push(record.nonce)
    this.listener.onRecord(record, counts, cluster)
    return counts
  }

  /** Within a turn: record `n` once it is durable, or `null` where nothing stands there. */
  readRecord(n: number, done: StoreDone<ChainRecord | null>): void {
    this.readDecoded(n, (error, decoded) => done(error, decoded?.record ?? null))
  }

  /**
   * Within a turn: the nonce of the record that was read at `n`, as the era after says, for what stands there now may
   * be removed, or have come late (A3); `null` where nobody knows.
   */
  nonceOf(n: number, done: StoreDone<string | null>): void {
    const { chainEra } = this.limits
    this.readDecoded((Math.floor(n / chainEra) + 1) * chainEra, (error, next) => {
      const known = next?.nonces[n % chainEra]
      if (error || known !== undefined) return done(error, known ?? null)
      this.readRecord(n, (failed, record) => done(failed, record?.nonce ?? null))
    })
  }

  private readDecoded(n: number, done: StoreDone<DecodedRecord | null>): void {
    const path = chainRecord(n)
    this.store.read(path, (error, bytes) => {
      if (error || bytes === null) return done(error, null)
      this.store.makeDurable(CHAIN, (failed) => {
        if (failed) return done(failed, null)
        const decoded = decodeRecord(path, n, bytes)
        if (decoded instanceof PotorooError) done(decoded, null)
        else done(null, decoded)
      })
    })
  }

  /** Within a turn: whether the chain is so far beyond `n` that names around it may have been removed (A3). */
  isBehind(n: number, done: StoreDone<boolean>): void {
    this.hasBegun(Math.floor(n / this.limits.chainEra) + 2, done)
  }

  /** Within a turn: goes on at the beginning of the last era, which is not before that of record `from`, to the end. */
  jump(from: number, done: StoreDoneVoid): void {
    this.findLastEra(Math.floor(from / this.limits.chainEra), (error, era) => {
      if (error || era === null) return done(error)
      this.readDecoded(era * this.limits.chainEra, (failed, decoded) => {
        if (failed) return done(failed)
        if (!decoded?.before) return this.jumpOn(era * this.limits.chainEra, done)
        if (decoded.record.n > this.cluster.next) {
          this.cluster = decoded.before
          this.listener.onJump(this.cluster)
        }
        this.readOn(FIRST_READS, done)
      })
    })
  }

  /** Record `n` does not hold the cluster: it is over (`removal.ts`, X4), or damaged. */
  private jumpOn(n: number, done: StoreDoneVoid): void {
    this.isBehind(n, (error, behind) => {
      if (error) done(error)
      else if (behind) this.jump(n, done)
      else done(fail('E_STORE_DAMAGED', { path: chainRecord(n), reason: 'it does not begin an era' }))
    })
  }

  /**
   * Reads from `cluster.next` on, `window` records at a time at first: the first name with nothing behind it is the
   * end.
   */
  private readOn(window: number, done: StoreDoneVoid): void {
    const from = this.cluster.next
    const count = Math.min(window, this.limits.chainReads)
    this.readWindow(from, count, (error, found) => {
      if (error) return done(error)
      this.isBehind(from, (failed, behind) => {
        if (failed) return done(failed)
        if (behind) return this.jump(from, done)
        if (found.length === 0) return done(null)
        this.take(found, (broken) => {
          if (broken || found.length < count) done(broken)
          else this.readOn(2 * window, done)
        })
      })
    })
  }

  /** Makes the records durable that `found` are, decodes and accepts them. */
  private take(found: readonly Buffer[], done: StoreDoneVoid): void {
    const first = this.cluster.next
    const decoded = found.map((bytes, i) => decodeRecord(chainRecord(first + i), first + i, bytes))
    this.store.makeDurable(CHAIN, (failed) => {
      if (failed) return done(failed)
      for (const one of decoded) {
        if (one instanceof PotorooError) return done(one)
        this.accept(one.record)
      }
      done(null)
    })
  }

  /** Reads `count` names at once; answers those from `from` on up to the first that is absent. */
  private readWindow(from: number, count: number, done: StoreDone<readonly Buffer[]>): void {
    const found: (Buffer | null)[] = new Array(count).fill(null)
    let open = count
    let broken: PotorooError | null = null
    for (let i = 0; i < count; i++) {
      this.store.read(chainRecord(from + i), (error, bytes) => {
        broken ??= error
        if (error === null) found[i] = bytes
        if (--open > 0) return
        const end = found.indexOf(null)
        done(broken, (end < 0 ? found : found.slice(0, end)) as readonly Buffer[])
      })
    }
  }

  /**
   * The last era that has begun, from era `from` on, or `null` where that one has not: by doubling steps, then halving.
   */
  private findLastEra(from: number, done: StoreDone<number | null>): void {
    const search = (known: number, step: number, doubling: boolean): void => {
      if (step < 1) done(null, known)
      else advance(known, step, doubling)
    }
    const advance = (known: number, step: number, doubling: boolean): void => {
      this.hasBegun(known + step, (error, begun) => {
        if (error) return done(error, null)
        const grow = begun && doubling
        search(begun ? known + step : known, grow ? 2 * step : step / 2, grow)
      })
    }
    this.hasBegun(from, (error, begun) => {
      if (error || !begun) return done(error, null)
      search(from, 1, true)
    })
  }

  private hasBegun(era: number, done: StoreDone<boolean>): void {
    this.store.read(chainRecord(era * this.limits.chainEra), (error, bytes) => done(error, bytes !== null))
  }
}
