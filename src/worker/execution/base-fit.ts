/** Whether what a manifest holds fits the plan that is to go on with it. */
import { fail, type PotorooError } from '../../base/errors.ts'
import { LETTERS_PART, type Manifest, type PartEntry, type StepEntry } from '../../checkpoint/manifest.ts'
import { sinkConnector, sourceConnector } from '../../connectors/registry.ts'
import type { Plan, TaskPlan } from '../../model/plan.ts'

export type KeyedTaskPlan = TaskPlan & { readonly kind: 'keyed' }

export function keyedTasks({ tasks }: Plan): readonly KeyedTaskPlan[] {
  return tasks.filter((task) => task.kind === 'keyed')
}

/** The steps of `plan` that have state, as manifests name them. */
export function stepsOf(plan: Plan): Omit<StepEntry, 'since'>[] {
  return keyedTasks(plan).map(({ step, keyed }) => ({ step, kind: keyed.kind, schema: keyed.schema.version }))
}

/** What the parts of the sources and sinks of `plan` are of, by step. Streams of one journal are the same by any connector. */
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

/** The base as if the steps in `drop` had never been: they begin in the epoch that follows. */
export function withoutSteps(
  base: Manifest,
  drop: ReadonlySet<string>,
  warned: (error: PotorooError) => void,
): Manifest {
  if (drop.size === 0) return base
  const named = new Set([...base.steps, ...base.sources, ...base.sinks].map(({ step }) => step))
  named.delete(LETTERS_PART)
  const steps = [...named]
  const known = steps.length === 0 ? 'there is none' : `there is ${steps.join(', ')}`
  for (const step of drop) {
    if (steps.includes(step)) continue
    warned(fail('E_NO_STEP', { pipeline: base.pipeline, role: 'state of a step', step, known }))
  }
  const isKept = ({ step }: { readonly step: string }): boolean => !drop.has(step)
  const { sources, sinks } = base
  return { ...base, steps: base.steps.filter(isKept), sources: sources.filter(isKept), sinks: sinks.filter(isKept) }
}

/** What the program says of such a step: what becomes of a `reduce` and of an `aggregate` is the same. */
function written(kind: string): string {
  return kind === 'aggregate' ? 'reduce or aggregate' : kind
}

/** Whether a part says that there is something to go on with. */
function holds({ snapshot }: PartEntry): boolean {
  return snapshot !== null && (typeof snapshot !== 'object' || Object.keys(snapshot).length > 0)
}

/** What a source or a sink has left is for one of its sort; throws by name where there is another, which could not read it. */
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

/** What tasks of `held` steps had taken and not sent on is for steps of these names; throws by name where one is gone. */
export function checkHeld({ pipeline, tasks }: Plan, held: Iterable<string>, drop: ReadonlySet<string>): void {
  for (const step of held) {
    const task = tasks.find((one) => one.step === step)
    if (task?.kind === 'asyncMap' || task?.kind === 'keyed' || drop.has(step)) continue
    throw fail('E_STEP_GONE', { pipeline, step })
  }
}

/** State is found again by step name, kind and schema version, and what connectors left by step name; throws by name for anything else. */
export function checkSteps(plan: Plan, base: Manifest | null): void {
  if (base === null) return
  const { pipeline } = plan
  const now = new Map(keyedTasks(plan).map((task) => [task.step, task]))
  for (const before of base.steps) {
    const task = now.get(before.step)
    if (task === undefined) throw fail('E_STEP_GONE', { pipeline, step: before.step })
    const { kind, schema } = task.keyed
    if (kind !== before.kind) {
      throw fail('E_STEP_CHANGED', { pipeline, step: task.step, before: written(before.kind), now: written(kind) })
    }
    if (schema.version !== before.schema && schema.migrate === undefined) {
      throw fail('E_SCHEMA', { pipeline, step: task.step, before: before.schema, now: schema.version })
    }
  }
  checkParts(plan, base)
}
