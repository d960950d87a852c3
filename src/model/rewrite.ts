/** A plan with other functions in place of those that its user wrote: tasks, channels and names stay as they are. */
import type { Key } from '../base/hash.ts'
import type { SinkDescription, SourceDescription } from './connector.ts'
import type { ChainEnd, ChainOp, ChainPlan, KeyedPlan, Plan, TaskPlan } from './plan.ts'

type AsyncCall = Extract<TaskPlan, { kind: 'asyncMap' }>['fn']

/** What takes the place of each function; `step` is the name of its step. */
export interface Rewriter {
  source(step: string, source: SourceDescription<unknown>): SourceDescription<unknown>
  sink(step: string, sink: SinkDescription<unknown>): SinkDescription<unknown>
  op(op: ChainOp): ChainOp
  /** What says by which key a record goes on. */
  key(step: string, fn: (value: unknown) => Key): (value: unknown) => Key
  /** What says whether a record goes into `output`. */
  choice(step: string, output: string, fn: (value: unknown) => boolean): (value: unknown) => boolean
  keyed(step: string, keyed: KeyedPlan): KeyedPlan
  call(step: string, fn: AsyncCall): AsyncCall
}

export function rewritePlan(plan: Plan, by: Rewriter): Plan {
  return { ...plan, tasks: plan.tasks.map((task) => rewriteTask(task, by)) }
}

function rewriteTask(task: TaskPlan, by: Rewriter): TaskPlan {
  const { step } = task
  switch (task.kind) {
    case 'source':
      return { ...task, source: by.source(step, task.source), chain: rewriteChain(task.chain, by) }
    case 'keyed':
      return { ...task, keyed: by.keyed(step, task.keyed), chain: rewriteChain(task.chain, by) }
    case 'asyncMap':
      return { ...task, fn: by.call(step, task.fn), chain: rewriteChain(task.chain, by) }
    case 'sink':
      return { ...task, sink: by.sink(step, task.sink) }
  }
}

function rewriteChain({ ops, end }: ChainPlan, by: Rewriter): ChainPlan {
  return { ops: ops.map((op) => by.op(op)), end: rewriteEnd(end, by) }
}

function rewriteEnd(end: ChainEnd, by: Rewriter): ChainEnd {
  switch (end.kind) {
    case 'forward':
    case 'drop':
      return end
    case 'exchange':
      return { ...end, key: by.key(end.step, end.key) }
    case 'tee':
      return { ...end, to: end.to.map((chain) => rewriteChain(chain, by)) }
    case 'branch':
      return {
        ...end,
        tests: end.tests.map((test, i) => by.choice(end.step, end.outputs?.[i] ?? `test ${i + 1}`, test)),
        to: end.to.map((chain) => chain && rewriteChain(chain, by)),
      }
  }
}
