/**
 * Makes visible what the sinks of drained pipelines have of their last epoch, where the worker died that was to do it,
 * between the record of that epoch and the commit (PROTOCOLS 8): of what is drained nothing runs in any generation, so
 * no restore does it.
 *
 * F1. Only what the last epoch lists counts, and only of a pipeline that the chain says was drained with it.
 * F2. What a worker has saved is its own to show while it has the pipeline here (`residents.ts`, R2), and else that of
 *     the member which would take it over (`execution/restore/takers.ts`, K1).
 * F3. One at a time, once a generation has begun: nobody waits for it.
 * F4. It is over before anything of the pipeline begins here again.
 */
import { fail, type PotorooError } from '../../base/errors.ts'
import type { Limits } from '../../base/limits.ts'
import { type Cluster, lastEpoch, type PipelineEntry } from '../../checkpoint/cluster.ts'
import type { Examined } from '../../checkpoint/damage.ts'
import { decodeManifest, LETTERS_PART, type Manifest, type PartEntry } from '../../checkpoint/manifest.ts'
import { examine } from '../../checkpoint/patience.ts'
import type { Store } from '../../checkpoint/store.ts'
import { sinkConnector } from '../../connectors/registry.ts'
import type { Env } from '../../env/env.ts'
import type { Plan, TaskPlan } from '../../model/plan.ts'
import type { Generation } from '../execution/generation.ts'
import { takerOf } from '../execution/restore/takers.ts'
import type { LoadPlan } from './resident.ts'
import type { Roster } from './roster.ts'

export interface LastOutputSeams {
  readonly env: Env
  readonly load: LoadPlan
  cluster(): Cluster
  store(): Store
  limits(): Limits
}

/** What is being done, for one pipeline. */
interface Turn {
  readonly name: string
  readonly entry: PipelineEntry
  readonly manifest: string
  /** Ends what a connector does for it. */
  close(): void
}

type SinkTask = TaskPlan & { readonly kind: 'sink' }

export class LastOutput {
  private readonly seams: LastOutputSeams
  private readonly roster: Roster
  private generation: Generation | null = null
  /** Those that are still to be looked at, the next one last. */
  private queue: string[] = []
  private turn: Turn | null = null
  /** The manifests of which nothing is left to show, by pipeline. */
  private readonly shown = new Map<string, string>()

  constructor(seams: LastOutputSeams, roster: Roster) {
    this.seams = seams
    this.roster = roster
  }

  /** `generation` has begun (F3). */
  begin(generation: Generation): void {
    this.close()
    this.generation = generation
    this.queue = [...this.seams.cluster().pipelines].flatMap(([name, { drained }]) => (drained ? [name] : []))
    this.next()
  }

  /** The pipeline is not what it was (F4). */
  drop(name: string): void {
    this.shown.delete(name)
    this.queue = this.queue.filter((one) => one !== name)
    if (this.turn?.name !== name) return
    this.turn.close()
    this.next()
  }

  close(): void {
    this.queue = []
    this.turn?.close()
    this.turn = null
    this.generation = null
  }

  private next(): void {
    const turn = this.nextTurn()
    this.turn = turn
    if (turn === null) return
    this.read(turn, (examined) => {
      // A damaged one is told of by whoever needs it.
      if (examined.kind === 'intact') this.look(turn, examined.value.sinks.filter(this.isOurs(turn)))
      else this.next()
    })
  }

  /** Passes over those of which nothing is left to show: of a thousand they may be all. */
  private nextTurn(): Turn | null {
    for (let name = this.queue.pop(); name !== undefined; name = this.queue.pop()) {
      const entry = this.seams.cluster().pipelines.get(name)
      const last = entry?.drained === true ? lastEpoch(entry) : null
      if (last === null || this.shown.get(name) === last.manifest) continue
      return { name, entry: entry!, manifest: last.manifest, close: () => {} }
    }
    return null
  }

  /** Reads the manifest of `turn`, again where that fails, until it is over. */
  private read(turn: Turn, done: (examined: Examined<Manifest>) => void): void {
    const { manifest: path } = turn
    const { env, limits } = this.seams
    const store = this.seams.store()
    const look = (answer: (examined: Examined<Manifest>) => void): void => {
      if (this.turn !== turn) return
      store.read(path, (error, bytes) => answer(error ? { kind: 'failed', error } : decodeManifest(path, bytes)))
    }
    examine({ store, clock: env.clock, limits: limits() }, path, look, (examined) => {
      if (this.turn === turn) done(examined)
    })
  }

  /** F2. */
  private isOurs({ name, entry }: Turn): (part: PartEntry) => boolean {
    const generation = this.generation!
    const self = generation.members[generation.self]!.worker
    const isHere = this.roster.all.get(name)?.run === entry.run
    return ({ step, worker, snapshot }) =>
      step !== LETTERS_PART &&
      snapshot !== null &&
      takerOf(generation, worker) === generation.self &&
      !(isHere && worker === self)
  }

  private look(turn: Turn, parts: readonly PartEntry[]): void {
    const { name, entry } = turn
    if (parts.length === 0) return this.over(turn)
    this.seams.load(name, entry, (error, loaded) => {
      if (this.turn !== turn) return
      if (loaded !== null) return this.show(turn, sinksOf(loaded.plan), parts)
      this.tell(name, parts[0]!.step, error!.message)
      this.next()
    })
  }

  /** Lets the connectors of `tasks` show what they have in `parts`, one behind the other. */
  private show(turn: Turn, [task, ...others]: readonly SinkTask[], parts: readonly PartEntry[]): void {
    if (task === undefined) return this.over(turn)
    const snapshots = parts.filter(({ step }) => step === task.step).map(({ snapshot }) => snapshot)
    const { finish } = sinkConnector(task.sink.kind, task.step)
    if (finish === undefined || snapshots.length === 0) return this.show(turn, others, parts)
    const { env } = this.seams
    turn.close = finish(task.sink, env, snapshots, (reason, count) => {
      if (this.turn !== turn) return
      if (count > 0) env.log.info('output.shown', { pipeline: turn.name, step: task.step, count })
      if (reason === null) return this.show(turn, others, parts)
      this.tell(turn.name, task.step, reason)
      this.next()
    })
  }

  private over({ name, manifest }: Turn): void {
    this.shown.set(name, manifest)
    this.next()
  }

  private tell(pipeline: string, step: string, reason: string): void {
    const { code, message, remedy }: PotorooError = fail('E_OUTPUT_LEFT', { pipeline, step, reason })
    this.seams.env.log.warn('pipeline.warning', { pipeline, error: code, message, remedy })
  }
}

function sinksOf({ tasks }: Plan): readonly SinkTask[] {
  return tasks.filter((task) => task.kind === 'sink')
}
