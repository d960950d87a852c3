/** Waiting for the store's callbacks in tests. */
import type { PotorooError } from '../../src/base/errors.ts'
import { type Limits, makeLimits } from '../../src/base/limits.ts'
import { type FileStore, openFileStore } from '../../src/checkpoint/file-store.ts'
import type { Store } from '../../src/checkpoint/store.ts'
import { calm, type DiskWeather } from '../../src/sim/weather.ts'
import { type Machine, type SimProcess, World } from '../../src/sim/world.ts'
import { call, type Fixture } from '../env/fixture.ts'

/** The value of an operation; throws its error. */
export async function value<T>(
  on: Fixture,
  begin: (done: (error: PotorooError | null, value: T) => void) => void,
): Promise<T> {
  const [error, result] = await call<[PotorooError | null, T]>(on, (report) => begin((e, v) => report([e, v])))
  if (error !== null) throw error
  return result
}

/** Waits for an operation without a value; throws its error. */
export async function finished(
  on: Fixture,
  begin: (done: (error: PotorooError | null) => void) => void,
): Promise<void> {
  const error = await call<PotorooError | null>(on, begin)
  if (error !== null) throw error
}

/** A simulated machine with one process, and what drives it without promises. */
export class Sim {
  readonly world: World
  readonly machine: Machine
  readonly limits: Limits
  process: SimProcess

  constructor(seed = 1, disk: Partial<DiskWeather> = {}, limits: Partial<Limits> = {}) {
    this.world = new World(seed, { ...calm, disk: { ...calm.disk, ...disk } })
    this.machine = this.world.machine('m')
    this.process = this.machine.start('w')
    this.limits = makeLimits(limits)
  }

  get clock() {
    return this.process.env.clock
  }

  /** What `begin` reports, after as much simulated time as it takes. */
  await<T>(begin: (report: (value: T) => void) => void): T {
    let reported: { readonly value: T } | null = null
    begin((value) => {
      reported = { value }
    })
    if (!this.world.runUntil(() => reported !== null, this.world.now + 3_600_000)) throw new Error('it never happens')
    return (reported as unknown as { readonly value: T }).value
  }

  /** The value of an operation; throws its error. */
  value<T>(begin: (done: (error: PotorooError | null, value: T) => void) => void): T {
    const [error, result] = this.await<[PotorooError | null, T]>((report) => begin((e, v) => report([e, v])))
    if (error !== null) throw error
    return result
  }

  /** Waits for an operation without a value; answers its error. */
  end(begin: (done: (error: PotorooError | null) => void) => void): PotorooError | null {
    return this.await(begin)
  }

  /** The store of worker `w` in the folder `store`, as soon as the disk lets it be opened. */
  open(): FileStore {
    const { env } = this.process
    const self = { worker: 'w', incarnation: env.random.id() }
    for (;;) {
      const store = this.await<FileStore | null>((report) =>
        openFileStore(env, 'store', self, (error, opened) => report(error === null ? opened : null)),
      )
      if (store !== null) return store
    }
  }

  /** What stands at `path`, or `null`. */
  read(store: Store, path: string): Buffer | null {
    return this.value<Buffer | null>((done) => store.read(path, done))
  }
}
