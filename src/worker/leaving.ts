/**
 * What a worker that leaves still has that others would lack (PROTOCOLS 11): of pipelines that run here, what has come
 * in and is in no epoch (`seat/clearance.ts`); of the others, what its journal has, where nobody else reaches that
 * (`seat/leftovers.ts`). Of a worker that is no member none runs: what it has left is all from an earlier life.
 */
import type { Cluster } from '../checkpoint/cluster.ts'
import type { Store } from '../checkpoint/store.ts'
import type { Doorway } from './doorway.ts'
import type { Execution } from './execution/execution.ts'
import type { Residents } from './pipelines/residents.ts'
import { Clearance } from './seat/clearance.ts'
import { Leftovers, type Named } from './seat/leftovers.ts'

export interface LeavingSeams {
  readonly residents: Residents
  readonly doorway: Doorway
  /** Whether other workers reach this one's journal. */
  readonly reached: boolean
  store(): Store
  cluster(): Cluster
}

export class Leaving {
  private readonly seams: LeavingSeams
  private readonly leftovers: Leftovers
  /** While it leaves, in the generation that stands. */
  private clearance: Clearance | null = null

  constructor(seams: LeavingSeams) {
    const { doorway, store } = seams
    this.seams = seams
    this.leftovers = new Leftovers({
      store,
      // Before the door is open nobody knows.
      hasAbove: (isAsked, positionOf) => doorway.door?.hasAbove(isAsked, positionOf) ?? true,
    })
  }

  /** Another generation begins. */
  begin(): void {
    this.clearance = null
  }

  /** `execution` runs here from now on. */
  runs(execution: Execution): void {
    this.clearance?.close(execution)
  }

  /** Takes the next step; whether nothing is left here, beside what moves with its key groups. */
  advance(): boolean {
    const residents = [...this.seams.residents.all.values()]
    // The doors of one that is on its way up are still to open.
    if (residents.some(({ phase }) => phase === 'starting')) return false
    this.clearance ??= new Clearance()
    const running = residents.flatMap(({ phase, execution }) => (phase === 'running' ? execution : []))
    this.leftovers.read(this.others, () => {})
    return this.clearance.advance(running) && this.waitsFor.length === 0
  }

  /** Pipelines that do not run, or make no epoch, which it waits for, as far as that is known. */
  get waitsFor(): readonly string[] {
    return this.leftovers.of(this.others)
  }

  /** Tells which they are once it is known. */
  askWaitsFor(done: (pipelines: readonly string[]) => void): void {
    this.leftovers.read(this.others, () => done(this.waitsFor))
  }

  private get others(): Named {
    const { residents, reached, cluster } = this.seams
    if (reached) return []
    return [...cluster().pipelines].filter(([name]) => {
      const resident = residents.all.get(name)
      if (resident?.phase !== 'running') return true
      // It may have failed on another member.
      const { execution } = resident
      return execution.status.heldBy !== null || this.clearance?.refused.has(execution) === true
    })
  }
}
