/** When a system has come to rest. */
import type { Plan } from '../../src/model/plan.ts'
import type { KeyedStore } from '../../src/state/keyed-store.ts'

/** One worker's part in a system. */
interface Part {
  readonly due: number
  readonly stores: ReadonlyMap<string, KeyedStore>
}

/**
 * Whether nothing is left that comes by itself: results, or keys with a time to live, which go where nothing is sent
 * and clocks are right. Where there are such keys sources look at the time for ever, so that something is always due.
 * Files end, and what only they have come to hears of no time any more.
 */
export function isAtRest(plan: Plan, parts: readonly Part[], rightClocks: boolean): boolean {
  const mortal = mortalSteps(plan)
  if (mortal.length === 0) return parts.every(({ due }) => due === Infinity)
  const timed = plan.tasks.filter(({ id, step }) => mortal.includes(step) && hearsTime(plan, id))
  return !rightClocks || parts.every(({ stores }) => timed.every(({ step }) => stores.get(step)?.keys === 0))
}

/** The steps whose keys have a time to live. */
export function mortalSteps({ tasks }: Plan): string[] {
  return tasks.flatMap((task) => (task.kind === 'keyed' && task.keyed.ttlMs !== undefined ? [task.step] : []))
}

/** Whether some step drops keys, by itself or since they have a time to live. */
export function dropsKeys(plan: Plan): boolean {
  return mortalSteps(plan).length > 0 || plan.tasks.some(({ step }) => step.startsWith('forget'))
}

/** Whether a source that does not end stands in front of the task `id`. */
function hearsTime(plan: Plan, id: number): boolean {
  const task = plan.tasks[id]!
  if (task.kind === 'source')
    return task.source.kind !== 'file' || (task.source.settings as { readonly follow?: boolean }).follow === true
  return task.inputs.some((channel) => hearsTime(plan, plan.channels[channel]!.from))
}
