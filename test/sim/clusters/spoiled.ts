/** Makes a plan that does not go on with what a manifest has, in one step that has left something there. */
import type { Prng } from '../../../src/base/prng.ts'
import type { Manifest, PartEntry } from '../../../src/checkpoint/manifest.ts'
import { fileSink, generatorSource } from '../../../src/index.ts'
import type { SinkDescription } from '../../../src/model/connector.ts'
import type { KeyedPlan, Plan, TaskPlan } from '../../../src/model/plan.ts'

export interface Spoiled {
  readonly plan: Plan
  /** With what it has to be refused, and for which step. */
  readonly code: 'E_STEP_GONE' | 'E_STEP_CHANGED' | 'E_SCHEMA'
  readonly step: string
}

export function spoiled(plan: Plan, epoch: Manifest, random: Prng): Spoiled {
  const left = plan.tasks.filter((task) => hasLeft(task, epoch))
  const task = left[random.below(left.length)]!
  const { step } = task
  const kinds = task.kind === 'keyed' ? 3 : 2
  const [code, other] = [
    ['E_STEP_GONE', { ...task, step: `${step}-now` }] as const,
    ['E_STEP_CHANGED', exchanged(task)] as const,
    ['E_SCHEMA', newer(task)] as const,
  ][random.below(kinds)]!
  return { plan: { ...plan, tasks: plan.tasks.with(task.id, other) }, code, step }
}

/**
 * Steps with state, files that are being read, and growing files: what these leave they never take back. There is
 * always a step with state.
 */
function hasLeft(task: TaskPlan, { steps, sources, sinks }: Manifest): boolean {
  const { step } = task
  const left = (parts: readonly PartEntry[]): boolean =>
    parts.some((part) => part.step === step && Object.keys(part.snapshot ?? {}).length > 0)
  if (task.kind === 'keyed') return steps.some((entry) => entry.step === step)
  if (task.kind === 'source') return task.source.kind === 'file' && left(sources)
  return task.kind === 'sink' && growing(task.sink) && left(sinks)
}

function growing({ kind, settings }: SinkDescription<unknown>): boolean {
  return kind === 'file' && (settings as { readonly append?: boolean }).append === true
}

function exchanged(task: TaskPlan): TaskPlan {
  if (task.kind === 'keyed') return { ...task, keyed: otherKind(task.keyed) }
  if (task.kind === 'source') return { ...task, source: generatorSource({ value: String, rate: 1 }) }
  return task.kind === 'sink' ? { ...task, sink: fileSink({ path: '/elsewhere', encode: String }) } : task
}

function otherKind({ kind, init, schema }: KeyedPlan): KeyedPlan {
  if (kind === 'aggregate') return { kind: 'mapWithState', init, schema, step: () => undefined }
  return {
    kind: 'aggregate',
    as: 'aggregate',
    init,
    schema,
    add: () => {},
    combine: null,
    result: () => undefined,
    everyMs: 1,
  }
}

function newer(task: TaskPlan): TaskPlan {
  if (task.kind !== 'keyed') return task
  const { version } = task.keyed.schema
  return { ...task, keyed: { ...task.keyed, schema: { version: version + 1 } } }
}
