/**
 * Places that a sink or a source has for itself: of two sinks that write the files of a path each would take the
 * other's away, and where workers share ports, two sources that listen on one would share out what comes.
 */
import { showAddress } from '../../base/address.ts'
import { fail, type PotorooError } from '../../base/errors.ts'
import type { Cluster, PipelineEntry, SinkPlace } from '../../checkpoint/cluster.ts'
import { placesOf } from '../../checkpoint/fold.ts'
import { sinkConnector, sourceConnector } from '../../connectors/registry.ts'
import type { Address } from '../../env/network.ts'
import type { Plan, TaskPlan } from '../../model/plan.ts'

/** Throws what `faultOfPlaces` answers. */
export function requirePlaces(plan: Plan, others: readonly Plan[], listening?: readonly Plan[]): void {
  const fault = faultOfPlaces(plan, others, listening)
  if (fault !== null) throw fault
}

/**
 * `E_SINK_PLACE` where two sinks of `plan` write to one place, or one of it and one of `others`, and `E_SOURCE_PLACE`
 * where two sources listen at one, or one of it and one of `listening`; else `null`.
 */
export function faultOfPlaces(
  plan: Plan,
  others: readonly Plan[],
  listening: readonly Plan[] = others,
): PotorooError | null {
  return faultOfSinks(holderOf(plan), others.map(holderOf)) ?? faultOfSources(plan, listening)
}

/** `E_SINK_PLACE` where one of `places` is another pipeline's, as the chain says of those that `count`; else `null`. */
export function faultOfHeld(
  { pipelines }: Cluster,
  pipeline: string,
  places: readonly SinkPlace[],
  count: (entry: PipelineEntry) => boolean = () => true,
): PotorooError | null {
  const others = [...pipelines].filter(([name, entry]) => name !== pipeline && count(entry))
  const holders = others.map(([name, entry]) => ({ pipeline: name, places: placesOf(entry) }))
  return faultOfSinks({ pipeline, places }, holders)
}

/** Where the sinks of a program write, each for itself. */
export function sinkPlaces({ tasks }: Plan): readonly SinkPlace[] {
  return tasks.flatMap((task) => {
    if (task.kind !== 'sink') return []
    const { step } = task
    const { kind, place } = sinkConnector(task.sink.kind, step)
    return place === undefined ? [] : { step, kind, at: place(task.sink) }
  })
}

/** A pipeline, and what it has for itself. */
interface Holder {
  readonly pipeline: string
  readonly places: readonly SinkPlace[]
}

function holderOf(plan: Plan): Holder {
  return { pipeline: plan.pipeline, places: sinkPlaces(plan) }
}

function faultOfSinks(holder: Holder, others: readonly Holder[]): PotorooError | null {
  const taken = new Map<string, string>()
  for (const { pipeline, places } of [...others, holder]) {
    for (const { step, kind, at } of places) {
      const before = taken.get(`${kind} ${at}`)
      const own = nameOf(pipeline, step)
      if (before !== undefined && pipeline === holder.pipeline) return fail('E_SINK_PLACE', { own, before, place: at })
      taken.set(`${kind} ${at}`, own)
    }
  }
  return null
}

function faultOfSources(plan: Plan, others: readonly Plan[]): PotorooError | null {
  const taken: { readonly at: Address; readonly own: string }[] = []
  for (const { pipeline, task } of tasksOf([...others, plan])) {
    const at = listensAt(task)
    if (at === null) continue
    const before = taken.find((other) => isOnePlace(other.at, at))?.own
    const own = nameOf(pipeline, task.step)
    if (before !== undefined && pipeline === plan.pipeline)
      return fail('E_SOURCE_PLACE', { own, before, place: showAddress(at) })
    taken.push({ at, own })
  }
  return null
}

function tasksOf(plans: readonly Plan[]) {
  return plans.flatMap(({ pipeline, tasks }) => tasks.map((task) => ({ pipeline, task })))
}

function nameOf(pipeline: string, step: string): string {
  return `step "${step}" of pipeline "${pipeline}"`
}

/** Where people say that `task` listens; `null` where it does not, or at a free port. */
function listensAt(task: TaskPlan): Address | null {
  if (task.kind !== 'source') return null
  const connector = sourceConnector(task.source.kind, task.step)
  const at = connector.family === 'journaled' ? connector.at?.(task.source) : undefined
  return at === undefined || at.port === 0 ? null : at
}

/** Hosts that mean all addresses of a machine. */
const EVERYWHERE: ReadonlySet<string> = new Set(['', '0.0.0.0', '::'])

function isOnePlace(a: Address, b: Address): boolean {
  const hostOf = ({ host }: Address): string => (host === 'localhost' ? '127.0.0.1' : host)
  return a.port === b.port && (hostOf(a) === hostOf(b) || EVERYWHERE.has(a.host) || EVERYWHERE.has(b.host))
}
