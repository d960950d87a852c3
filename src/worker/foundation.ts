/**
 * What a worker stands on: its data folder, and the store of its cluster.
 *
 * F1. The data folder is locked before anything in it is read, and for as long as the process lives.
 * F2. Key groups and eras of the chain are those that the store was made with, whatever the options say: by other eras
 *     the chain would seem to end where records have been removed.
 * F3. Only a worker whose data folder belongs to no store yet makes one (`belonging.ts`).
 * F4. A store that has gone back behind what the data folder has seen of it is refused (`high-water.ts`).
 * F5. So is a folder of journals that lacks this worker's, which the data folder says to lie there (`seat/journals.ts`,
 *     J3), unless a loss is accepted.
 */
import { fail, type PotorooError } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import { type FileStore, openFileStore } from '../checkpoint/file-store.ts'
import { openCluster } from '../checkpoint/identity.ts'
import { NamedPacks } from '../checkpoint/named-packs.ts'
import { PackIndexes } from '../checkpoint/pack-indexes.ts'
import type { SmallStore } from '../checkpoint/store.ts'
import { makeDurableDirectory } from '../env/directory.ts'
import type { DiskError, Lock } from '../env/disk.ts'
import type { Env } from '../env/env.ts'
import { type Belonging, noteBelonging, readBelonging } from './belonging.ts'
import { HighWater } from './high-water.ts'
import type { WorkerOptions } from './options.ts'
import type { OpenRecords } from './seat/cluster-settings.ts'
import { journalOf } from './seat/journals.ts'

type Done = (error: PotorooError | null) => void

export class Foundation {
  /** Those of the options, with what was fixed when the cluster was made (F2). */
  limits: Limits
  /** Tells the store from all others. */
  storeId = ''
  /** What the manifests name that this process has written, or has read to find what may be removed. */
  readonly named = new NamedPacks()
  /** What is known of packs, for the next generation. */
  readonly indexes = new PackIndexes()
  private readonly env: Env
  private readonly options: WorkerOptions
  /** The store can keep nothing more, or is not answered by any more. */
  private readonly lost: (error: PotorooError) => void
  private lock: Lock | null = null
  private opened: FileStore | null = null
  private apart: ReturnType<OpenRecords> | null = null
  private water: HighWater | null = null
  private opening = false
  /** Told once what is under way has been closed again. */
  private closing: (() => void) | null = null

  constructor(env: Env, options: WorkerOptions, lost: (error: PotorooError) => void) {
    this.env = env
    this.options = options
    this.lost = lost
    this.limits = options.limits
  }

  /** There is one once this is open. */
  get store(): FileStore {
    return this.opened!
  }

  /** The store as the chain and the beats are read and written. */
  get records(): SmallStore {
    return this.apart ?? this.store
  }

  /** How far the chain has been seen with this folder (F4); there is one once this is open. */
  get highWater(): HighWater {
    return this.water!
  }

  /** Makes and locks the folder, opens the store, and reads there, or makes, what the cluster is. */
  open(done: Done): void {
    this.opening = true
    this.begin((error) => {
      const { closing } = this
      this.opening = false
      if (closing !== null) this.close(closing)
      else if (error === null) done(null)
      else this.close(() => done(error))
    })
  }

  private begin(done: Done): void {
    const { data } = this.options
    const { disk } = this.env
    disk.makeDirectory(data, (error) => {
      if (error !== null) return done(failure('making', data, error))
      disk.lock(`${data}/lock`, (error, lock) => {
        if (error?.code === 'locked') return done(fail('E_DATA_LOCKED', { path: data }))
        if (error !== null) return done(failure('locking', data, error))
        this.lock = lock
        readBelonging(disk, data, this.root, (error, belonging) => {
          if (error !== null) done(error)
          else this.openStore(belonging, done)
        })
      })
    })
  }

  /** Lets go of the folder, once nothing is done in it any more; what opens it is answered no more. */
  close(done: () => void): void {
    if (this.opening) {
      this.closing = done
      return
    }
    const release = (): void => {
      this.apart?.close()
      this.lock?.release()
      this.lock = null
      done()
    }
    if (this.water === null) release()
    else this.water.close(release)
  }

  private get root(): string {
    const { data, cluster = null } = this.options
    return cluster?.store ?? `${data}/store`
  }

  /** Opens the store; `known` is that of the data folder, where it belongs to one. */
  private openStore(known: Belonging | null, done: Done): void {
    const { env, options } = this
    const { worker, cluster = null } = options
    // Names temporary files apart; a later incarnation of this process goes on under it.
    const incarnation = env.random.id()
    const opened = (error: PotorooError | null, store: FileStore): void => {
      if (error !== null) return done(error)
      this.opened = store
      const expected = { id: incarnation, name: cluster?.name ?? '', keyGroups: options.keyGroups ?? null }
      openCluster({ store, clock: env.clock, limits: this.limits }, expected, (error, identity) => {
        if (error !== null) return done(error)
        const { keyGroups, chainEra } = identity
        this.storeId = identity.id
        this.limits = { ...this.limits, keyGroups, chainEra }
        this.apart = cluster?.records?.({ worker, incarnation }, { lost: this.lost, ended: this.lost }) ?? null
        this.belong(known, done)
      })
    }
    // One that the folder belongs to was seen a moment ago (`belonging.ts`).
    openFileStore(env, this.root, { worker, incarnation }, opened, this.lost, known !== null)
  }

  /** The store is the one that the data folder belongs to, from now on where it belonged to none (F3). */
  private belong(known: Belonging | null, done: Done): void {
    const { options, root, storeId, env } = this
    const { data, acceptLoss, cluster = null } = options
    if (known !== null && known.store !== storeId) return done(fail('E_STORE_OTHER', { path: root, data }))
    const shared = cluster?.journals ?? null
    const belonging = { store: storeId, ...known, ...(shared === null ? {} : { journals: shared }) }
    this.placeJournal(known, shared, (misplaced) => {
      if (misplaced !== null) return done(misplaced)
      this.water = new HighWater({ env, data, root, noteChainMs: this.limits.noteChainMs, acceptLoss }, belonging)
      if (known !== null && belonging.journals === known.journals) return done(null)
      this.store.makeDurable('', (error) => {
        if (error !== null) done(error)
        else noteBelonging(env.disk, data, belonging, done)
      })
    })
  }

  /** Sees that the journal lies where it lay, or makes its folder where it has not lain there before (F5). */
  private placeJournal(known: Belonging | null, shared: string | null, done: Done): void {
    const { env, options } = this
    const { worker, data, acceptLoss } = options
    if (shared === null) return done(null)
    const path = journalOf(shared, worker)
    const failed = (error: DiskError): PotorooError => fail('E_JOURNAL', { path, reason: error.reason }, error)
    if (acceptLoss || known?.journals !== shared) {
      return makeDurableDirectory(env.disk, path, (error) => done(error && failed(error)))
    }
    env.disk.list(path, (error) => {
      if (error === null) done(null)
      else done(error.code === 'absent' ? fail('E_JOURNALS_GONE', { path, data }) : failed(error))
    })
  }
}

function failure(operation: string, path: string, error: DiskError): PotorooError {
  return fail('E_DISK', { operation, path, reason: error.reason }, error)
}
