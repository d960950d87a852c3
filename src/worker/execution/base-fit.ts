/** Whether what a manifest holds fits the plan that is to go on with it. */
import { fail, type PotorooError } from '../../base/errors.ts'
import type { Manifest, StepEntry } from '../../checkpoint/manifest.ts'
import type { Plan, TaskPlan } from '../../model/plan.ts'

export type KeyedTaskPlan = TaskPlan & { readonly kind: 'keyed' }

export function keyedTasks({ tasks }: Plan): readonly KeyedTaskPlan[] {
  return tasks.filter((task) => task.kind === 'keyed')
}

/** The steps of `plan` that have state, as manifests name them. */
export function stepsOf(plan: Plan): Omit<StepEntry, 'since'>[] {
  return keyedTasks(plan).map(({ step, keyed }) => ({ step, kind: keyed.kind, schema: keyed.schema.version }))
}

/** The base as if the steps in `drop` had never been: they begin in the epoch that follows. */
export function withoutSteps(
  base: Manifest,
  drop: ReadonlySet<string>,
  warned: (error: PotorooError) => void,
): Manifest {
  const steps = base.steps.map(({ step }) => step)
  const known = steps.length === 0 ? 'there is none' : `there is ${steps.join(', ')}`
  for (const step of drop) {
    if (steps.includes(step)) continue
    warned(fail('E_NO_STEP', { pipeline: base.pipeline, role: 'state of a step', step, known }))
  }
  return { ...base, steps: base.steps.filter(({ step }) => !drop.has(step)) }
}

/** What the program says of such a step: what becomes of a `reduce` and of an `aggregate` is the same. */
function written(kind: string): string {
  return kind === 'aggregate' ? 'reduce or aggregate' : kind
}

/** State is found again by step name, kind and schema version; throws by name for anything else. */
export function checkSteps(plan: Plan, base: Manifest | null): void {
  const { pipeline } = plan
  const now = new Map(keyedTasks(plan).map((task) => [task.step, task]))
  for (const before of base?.steps ?? []) {
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
}
