/**
 * `run --stdin` and `run --stdout`: standard input in place of a pipeline's source, standard output in place of its
 * sinks.
 */
import { fail } from '../base/errors.ts'
import { nullSink } from '../connectors/null/describe.ts'
import { STANDARD_INPUT, standardInput } from '../connectors/standard-input/describe.ts'
import { stdoutSink } from '../connectors/standard-output/describe.ts'
import type { Plan, TaskPlan } from '../model/plan.ts'

/** The source that standard input replaces: the one named, or the only one. */
export function sourceForInput(plan: Plan, named: string | true): string {
  const sources = plan.tasks.filter((task) => task.kind === 'source').map(({ step }) => step)
  const found = named === true ? (sources.length === 1 ? sources[0] : undefined) : sources.find((s) => s === named)
  if (found !== undefined) return found
  const reason = named === true ? 'it has several sources: name one' : `it has no source ${named}`
  throw fail('E_USAGE', { reason: `--stdin: ${reason} (${sources.join(', ')})` })
}

/** `plan` with standard input in place of the source `step`, its framing and decoder as they were. */
export function withInput(plan: Plan, step: string): Plan {
  return mapTasks(plan, (task) => {
    if (task.kind !== 'source' || task.step !== step) return task
    const { framing, decoder } = task.source
    return { ...task, source: standardInput({ framing, decode: decoder }) }
  })
}

/** Whether the source `step` reads standard input. */
export function readsInput(plan: Plan, step: string): boolean {
  return plan.tasks.some((task) => task.kind === 'source' && task.step === step && task.source.kind === STANDARD_INPUT)
}

/** `plan` with standard output in place of every sink, their encoders as they were. */
export function withOutput(plan: Plan): Plan {
  return mapTasks(plan, (task) => {
    if (task.kind !== 'sink' || task.sink.kind === nullSink().kind) return task
    const { encode, framing } = task.sink
    return { ...task, sink: { ...stdoutSink({ encode }), encode, framing } }
  })
}

function mapTasks(plan: Plan, map: (task: TaskPlan) => TaskPlan): Plan {
  return { ...plan, tasks: plan.tasks.map(map) }
}
