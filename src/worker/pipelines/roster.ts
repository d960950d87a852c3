/** Which pipelines are on a worker, by their names and by the numbers of their runs. It decides nothing. */
import type { PotorooError } from '../../base/errors.ts'
import type { PipelineEntry } from '../../checkpoint/cluster.ts'
import type { Resident } from './resident.ts'

/** A pipeline whose program cannot be loaded here. */
interface Unloaded {
  readonly entry: PipelineEntry
  readonly error: PotorooError
}

export class Roster {
  readonly all = new Map<string, Resident>()
  readonly unloaded = new Map<string, Unloaded>()
  /** Those that have an execution in the generation that stands, by the number of their run. */
  private readonly runs = new Map<number, Resident>()

  /** Another generation begins, in which nothing has an execution yet. */
  turn(): void {
    this.runs.clear()
  }

  /** Has an execution in the generation that stands. */
  add(resident: Resident): void {
    this.all.set(resident.name, resident)
    this.runs.set(resident.run, resident)
  }

  remove(resident: Resident): void {
    this.all.delete(resident.name)
    this.runs.delete(resident.run)
  }

  clear(): void {
    this.all.clear()
    this.runs.clear()
    this.unloaded.clear()
  }

  /** All that have an execution in the generation that stands. */
  get launched(): readonly Resident[] {
    return [...this.runs.values()]
  }

  /** That of a run in the generation that stands. */
  of(run: number): Resident | null {
    return this.runs.get(run) ?? null
  }

  /** Why a run does not go on here in the generation that stands, or `null`. */
  errorOf(run: number): PotorooError | null {
    const resident = this.runs.get(run)
    if (resident !== undefined) return resident.phase === 'failed' ? resident.error : null
    for (const { entry, error } of this.unloaded.values()) if (entry.run === run) return error
    return null
  }

  /** The number of the record that what is here of `name` came by; `null` where nothing of `run` is. */
  submitted(name: string, run: number): number | null {
    const known = this.all.get(name) ?? this.unloaded.get(name)?.entry
    return known?.run === run ? known.submitted : null
  }
}
