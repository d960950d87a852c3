/**
 * Places that a sink has for itself, such as the files of a path: of two that write there each would take the other's
 * away.
 */
import { fail, type PotorooError } from '../../base/errors.ts'
import { sinkConnector } from '../../connectors/registry.ts'
import type { Plan } from '../../model/plan.ts'

/** Throws `E_SINK_PLACE` where two sinks of `plan` have one place, or one of it and one of `others`. */
export function requirePlaces(plan: Plan, others: readonly Plan[]): void {
  const fault = faultOfPlaces(plan, others)
  if (fault !== null) throw fault
}

/** `E_SINK_PLACE` where two sinks of `plan` have one place, or one of it and one of `others`; else `null`. */
export function faultOfPlaces(plan: Plan, others: readonly Plan[]): PotorooError | null {
  const taken = new Map<string, string>()
  for (const { pipeline, tasks } of [...others, plan]) {
    for (const task of tasks) {
      if (task.kind !== 'sink') continue
      const { kind, place } = sinkConnector(task.sink.kind, task.step)
      if (place === undefined) continue
      const at = place(task.sink)
      const before = taken.get(`${kind} ${at}`)
      const own = `step "${task.step}" of pipeline "${pipeline}"`
      if (before !== undefined && pipeline === plan.pipeline) return fail('E_SINK_PLACE', { own, before, place: at })
      taken.set(`${kind} ${at}`, own)
    }
  }
  return null
}
