/**
 * How far the chain has been read by workers with one data folder, as that folder says: so a store that is put back
 * from a backup is not taken for the one that the folder, its journal, producers and outputs have gone on with.
 *
 * H1. A record is noted once it has been read in the chain, where it is durable: a store that lacks it has gone back.
 *     The note lags by `limits.noteChainMs` at most, so a backup younger than that passes unseen; a generation is noted
 *     at once, also one that began while this worker was away. Nothing is noted of a store before it has been checked
 *     (H2): one that is refused would be accepted the next time.
 * H2. A store that has gone back is refused, unless a loss is accepted. What has been removed from the chain since is
 *     known by the era after it (`checkpoint/record.ts`, R2).
 * H3. Where it is accepted, the next generation is numbered above all that the folder has seen
 *     (`cluster/generation.ts`, J5), and above one more, which may have begun unseen: segments of outputs are told
 *     apart by these numbers. So at least one number is left out, even where only epochs are lost: the gap says that
 *     there were some (`checkpoint/fold.ts`, G3).
 */
import { fail, type PotorooError } from '../base/errors.ts'
import type { ChainReader } from '../checkpoint/chain-reader.ts'
import type { Cluster } from '../checkpoint/cluster.ts'
import type { ChainRecord } from '../checkpoint/record.ts'
import type { Env } from '../env/env.ts'
import { type Belonging, noteBelonging, type Seen } from './belonging.ts'

type Done = (error: PotorooError | null) => void

export interface HighWaterOptions {
  readonly env: Pick<Env, 'clock' | 'disk' | 'log'>
  readonly data: string
  /** Where the store lies. */
  readonly root: string
  readonly noteChainMs: number
  readonly acceptLoss: boolean
}

export class HighWater {
  private readonly options: HighWaterOptions
  private readonly belonging: Belonging
  /** The greatest generation that there may have been, as far as the folder tells (H3). */
  private seen: number
  private notedMs: number
  private checked = false
  private busy = false
  /** The last record that was read, where it has not been noted. */
  private last: Seen | null = null
  private closing: (() => void) | null = null

  constructor(options: HighWaterOptions, belonging: Belonging) {
    this.options = options
    this.belonging = belonging
    this.seen = belonging.seen?.generation ?? 0
    this.notedMs = options.env.clock.monotonic()
  }

  get generation(): number {
    return this.seen
  }

  /** The chain has been read to its end: `E_STORE_BACK` where the store is older than what the folder has seen (H2). */
  check(chain: ChainReader, done: Done): void {
    const { seen } = this.belonging
    if (seen === undefined) return this.pass(chain, done)
    if (seen.n >= chain.cluster.next) return this.wentBack(seen, chain.cluster, done)
    chain.exclusively((release) =>
      chain.nonceOf(seen.n, (error, nonce) => {
        release()
        if (error !== null) done(error)
        else if (nonce === null || nonce === seen.nonce) this.pass(chain, done)
        else this.wentBack(seen, chain.cluster, done)
      }),
    )
  }

  /** The store has what the folder has seen, and perhaps more: the last record that was read before this says what. */
  private pass({ cluster, nonces }: ChainReader, done: Done): void {
    const nonce = nonces.at(-1)
    this.checked = true
    if (nonce !== undefined) this.read({ n: cluster.next - 1, nonce }, cluster)
    done(null)
  }

  private wentBack(seen: Seen, { next, generation }: Cluster, done: Done): void {
    const { data, root, acceptLoss, env } = this.options
    const facts = { end: next - 1, generation, seen: seen.n, before: seen.generation }
    const error = fail('E_STORE_BACK', { path: root, data, ...facts })
    if (!acceptLoss) return done(error)
    env.log.warn('store.back', { error: error.code, message: error.message })
    // Where others have gone on with it already, they have left that number out.
    this.seen = Math.max(this.seen + 1, generation)
    // The folder says so from the next record on: until then the loss is asked about again.
    this.notedMs = Number.NEGATIVE_INFINITY
    this.checked = true
    done(null)
  }

  /** `record` has been read in the chain (H1). */
  read({ n, nonce }: Pick<ChainRecord, 'n' | 'nonce'>, { generation }: Cluster): void {
    this.last = { n, nonce, generation }
    this.note()
  }

  /** Notes the last record that was read, where that is due. */
  private note(): void {
    const { env, data, noteChainMs } = this.options
    const { last } = this
    const now = env.clock.monotonic()
    if (last === null || !this.checked || this.busy || this.closing !== null) return
    if (last.generation <= this.seen && now - this.notedMs < noteChainMs) return
    this.busy = true
    this.notedMs = now
    this.last = null
    this.seen = Math.max(this.seen, last.generation)
    // H3, also in the next life.
    const seen = { ...last, generation: this.seen }
    noteBelonging(env.disk, data, { ...this.belonging, seen }, (error) => {
      this.busy = false
      if (error !== null) env.log.warn('store.note', { error: error.code, message: error.message })
      this.note()
      this.closing?.()
    })
  }

  /** Answers once nothing of it is under way. */
  close(done: () => void): void {
    this.closing = done
    if (!this.busy) done()
  }
}
