/** Whether what a manifest holds fits the plan that is to go on with it. */
import { fail, type PotorooError } from '../../../base/errors.ts'
import { LETTERS_PART, type Manifest, type PartEntry, type StepEntry } from '../../../checkpoint/manifest.ts'
import type { Place } from '../../../connectors/connector.ts'
import { sinkConnector, sourceConnector } from '../../../connectors/registry.ts'
import type { Plan, TaskPlan } from '../../../model/plan.ts'
import { placesOf } from '../sources/source-parts.ts'

export type KeyedTaskPlan = TaskPlan & { readonly kind: 'keyed' }

export function keyedTasks({ tasks }: Plan): readonly KeyedTaskPlan[] {
  return tasks.filter((task) => task.kind === 'keyed')
}

/** The steps of `plan` that have state, as manifests name them. */
export function stepsOf(plan: Plan): Omit<StepEntry, 'since' | 'older'>[] {
  return keyedTasks(plan).map(entryOf)
}

function entryOf({ step, keyed }: KeyedTaskPlan): Omit<StepEntry, 'since' | 'older'> {
  const as = keyed.kind === 'aggregate' ? { as: keyed.as } : {}
  return { step, kind: keyed.kind, ...as, schema: keyed.schema.version }
}

/**
 * What the parts of the sources and sinks of `plan` are of, by step. Streams of one journal are the same by any
 * connector.
 */
export function connectorsOf({ tasks }: Plan): ReadonlyMap<string, string> {
  const parts = new Map<string, string>()
  for (const task of tasks) {
    const { step } = task
    if (task.kind === 'source') {
      const { family, kind } = sourceConnector(task.source.kind, step)
      parts.set(step, family === 'journaled' ? 'a source with a journal' : `a ${kind} source`)
    } else if (task.kind === 'sink') {
      const { kind, place, parallel } = sinkConnector(task.sink.kind, step)
      const by = parallel(task.sink) ? '' : ', one writer'
      parts.set(step, place === undefined ? `a ${kind} sink` : `a ${kind} sink (${place(task.sink)}${by})`)
    }
  }
  return parts
}

/**
 * What there is of `base` for `plan` to go on with: without the steps in `drop`, which begin in the epoch that follows.
 * `held` are those whose tasks had taken records and not sent them on. Throws `E_STEP_GONE`, `E_STEP_CHANGED`,
 * `E_SCHEMA`, `E_STATE_NEWER` or what a connector says where it does not fit, and `E_STATE_KEY_GROUPS` where it is not
 * shared out among `keyGroups`.
 */
export function fitBase(
  plan: Plan,
  base: Manifest,
  keyGroups: number,
  held: ReadonlySet<string>,
  drop: ReadonlySet<string>,
  warned: (error: PotorooError) => void,
): Manifest {
  if (base.keyGroups !== keyGroups) {
    throw fail('E_STATE_KEY_GROUPS', { pipeline: plan.pipeline, theirs: base.keyGroups, ours: keyGroups })
  }
  const { sources, sinks } = base
  const known = new Set([...[...base.steps, ...sources, ...sinks].map(({ step }) => step), ...held])
  known.delete(LETTERS_PART)
  for (const step of drop) if (!known.has(step)) warned(nothingToDrop(plan, step, known))
  const kept = keptOf(base, drop)
  checkSteps(plan, kept)
  checkParts(plan, kept)
  checkPlaces(plan, kept)
  const waits = [...held].filter((step) => !drop.has(step))
  checkHeld(plan, kept, waits)
  return kept
}

/** `base` without what it has of steps in `drop`; itself where there are none. */
export function keptOf(base: Manifest, drop: ReadonlySet<string>): Manifest {
  if (drop.size === 0) return base
  const { steps, sources, sinks } = base
  const isKept = ({ step }: { readonly step: string }): boolean => !drop.has(step)
  return { ...base, steps: steps.filter(isKept), sources: sources.filter(isKept), sinks: sinks.filter(isKept) }
}

function nothingToDrop({ pipeline }: Plan, step: string, names: ReadonlySet<string>): PotorooError {
  const known = names.size === 0 ? 'there is none' : `there is ${[...names].join(', ')}`
  return fail('E_NO_STEP', { pipeline, role: 'state of a step', step, known })
}

/** What the program says of such a step: what becomes of a `reduce` and of an `aggregate` is of one kind. */
function written({ kind, as }: Pick<StepEntry, 'kind' | 'as'>): string {
  return as ?? (kind === 'aggregate' ? 'reduce or aggregate' : kind)
}

/** Whether a part says that there is something to go on with. */
function holds({ snapshot }: PartEntry): boolean {
  return snapshot !== null && (typeof snapshot !== 'object' || Object.keys(snapshot).length > 0)
}

/**
 * What a source or a sink has left is for one of its sort; throws by name where there is another, which could not read
 * it.
 */
function checkParts(plan: Plan, { sources, sinks }: Manifest): void {
  const { pipeline } = plan
  const now = connectorsOf(plan)
  for (const part of [...sources, ...sinks]) {
    const { step, of: before } = part
    const there = now.get(step)
    if (before === undefined || there === before || !holds(part)) continue
    if (there === undefined) throw fail('E_STEP_GONE', { pipeline, step })
    throw fail('E_STEP_CHANGED', { pipeline, step, before, now: there })
  }
}

/** Splits stand where the sources of `plan` can go on; throws what their connectors say where they cannot. */
function checkPlaces({ tasks }: Plan, { sources }: Manifest): void {
  for (const task of tasks) {
    if (task.kind !== 'source') continue
    const connector = sourceConnector(task.source.kind, task.step)
    if (connector.family !== 'replayable' || connector.misfit === undefined) continue
    for (const place of placesOf(sources, task.step)?.values() ?? []) {
      const fault = place === null ? null : connector.misfit(task.source, task.step, place as Place)
      if (fault !== null) throw fault
    }
  }
}

/**
 * What tasks of `held` steps had taken and not sent on is for steps of these names and of that sort; throws by name
 * where there is none. Steps with state have been looked at (`checkSteps`); others that hold something make calls.
 */
function checkHeld({ pipeline, tasks }: Plan, { steps }: Manifest, held: readonly string[]): void {
  for (const step of held) {
    if (steps.some((before) => before.step === step)) continue
    const task = tasks.find((one) => one.step === step)
    if (task?.kind === 'keyed') {
      throw fail('E_STEP_CHANGED', { pipeline, step, before: 'asyncMap', now: written(entryOf(task)) })
    }
    if (task?.kind !== 'asyncMap') throw fail('E_STEP_GONE', { pipeline, step })
  }
}

/**
 * State is found again by step name, kind and schema version, the oldest that there may be of it; throws by name for
 * anything else. What a `reduce` has added up is of the kind of an `aggregate`, and for one that takes it by `migrate`.
 */
export function checkSteps(plan: Plan, { steps }: Manifest): void {
  const { pipeline } = plan
  const now = new Map(keyedTasks(plan).map((task) => [task.step, task]))
  for (const before of steps) {
    const task = now.get(before.step)
    if (task === undefined) throw fail('E_STEP_GONE', { pipeline, step: before.step })
    const { version, migrate } = task.keyed.schema
    const entry = entryOf(task)
    const isOther = before.as !== undefined && before.as !== entry.as && before.schema === version
    if (entry.kind !== before.kind || isOther) {
      throw fail('E_STEP_CHANGED', { pipeline, step: task.step, before: written(before), now: written(entry) })
    }
    if (before.schema > version) throw fail('E_STATE_NEWER', { step: task.step, from: before.schema, version })
    const oldest = before.older?.schema ?? before.schema
    if (oldest !== version && migrate === undefined) {
      throw fail('E_SCHEMA', { pipeline, step: task.step, before: oldest, now: version })
    }
  }
}
