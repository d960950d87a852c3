/**
 * A worker's door as its incarnations come and go: each has a journal and seals of its own.
 *
 * W1. The door of an incarnation is open before anybody hears of it (`seat/seat.ts`, S2), and shut before there is
 *     another.
 * W2. A worker whose journal nobody else could seal has no seals to ask for.
 */
import type { PotorooError } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import type { Store } from '../checkpoint/store.ts'
import { homeOf } from '../cluster/splits.ts'
import type { Env } from '../env/env.ts'
import { Ages } from '../ingest/ages.ts'
import { Door } from '../ingest/door.ts'
import type { DoorGeneration } from '../ingest/generation.ts'
import type { Seals } from '../ingest/sealed.ts'
import type { Generation, Links } from './execution/generation.ts'
import { takerOf } from './execution/restore/takers.ts'
import type { WorkerOptions } from './options.ts'
import { type Formers, Journals, sealsOf } from './seat/journals.ts'

export interface DoorwaySeams {
  readonly env: Env
  readonly options: WorkerOptions
  limits(): Limits
  store(): Store
  /** Whether a source may be opened again: what the journal has of others goes. */
  isKept(id: string): boolean
  /** A seal was seen on the journal of this incarnation. */
  sealed(): void
}

export class Doorway {
  /** `null` where there is no incarnation. */
  door: Door | null = null
  private readonly seams: DoorwaySeams
  private readonly journals: Journals
  /** As this incarnation makes and sees them (W2). */
  private seals: Seals | null = null
  private closed = false
  private readonly ages: Ages

  constructor(seams: DoorwaySeams) {
    const { env, options } = seams
    const { worker, data, cluster } = options
    this.seams = seams
    this.ages = new Ages(env.clock)
    this.journals = new Journals({ disk: env.disk, worker, data, shared: cluster?.journals ?? null })
  }

  /** Workers whose journals this one reaches. */
  get workers(): readonly string[] {
    return this.journals.workers
  }

  /** Opens the door of an incarnation, whose first generation will be `first` or a later one. */
  open(incarnation: string, first: number, done: (error: PotorooError | null) => void): void {
    const { seams, journals } = this
    const { env, options, isKept, sealed } = seams
    const { worker, cluster = null } = options
    const { directory } = journals
    const limits = seams.limits()
    this.seals =
      cluster === null ? null : sealsOf({ store: seams.store(), clock: env.clock, limits }, worker, incarnation)
    const seals = this.seals === null ? {} : { seals: this.seals }
    const isPlaced = (cluster?.journals ?? null) !== null
    const own = {
      env,
      limits,
      directory,
      isPlaced,
      worker,
      incarnation,
      first,
      isKept,
      ages: this.ages,
      onSealed: () => sealed(),
      ...seals,
    }
    Door.open(own, (error, door) => {
      if (this.closed) return door?.endWithProcess(() => {})
      this.door = door
      journals.list(() => done(error))
    })
  }

  /** Another generation begins; `formers` are those whom the chain has named as members. */
  enter(generation: Generation, links: Links, formers: Formers): void {
    const { number, coordinator, members, placement } = generation
    const own: DoorGeneration = {
      ...{ number, coordinator, members: members.map(({ worker }) => worker) },
      homeOf: (home, stream) => homeOf(placement, members, home, { pipeline: '', ...stream }),
      takerOf: (worker) => members[takerOf(generation, worker)]!.worker,
      send: (worker, message) => links.send(worker, message),
    }
    this.door!.enter(own, this.journals.reach(formers))
    this.journals.list(() => {})
  }

  /** Whether a seal stands on the journal of this incarnation; no answer where that cannot be read now. */
  isSealed(done: (sealed: boolean) => void): void {
    if (this.seals === null) done(false)
    else this.seals.isSealed((error, sealed) => error === null && done(sealed))
  }

  /** Shuts the door of the incarnation that ends. */
  shut(done: () => void): void {
    const { door } = this
    this.door = null
    if (door === null) done()
    else door.close(done)
  }

  /** Shuts it for good, also one that is still to open; the process ends, whatever the disk does. */
  close(done: () => void): void {
    this.closed = true
    if (this.door === null) done()
    else this.door.endWithProcess(done)
  }
}
