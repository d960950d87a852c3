/**
 * The planner: a graph becomes tasks and channels. P1-P4 of plan.ts are its promises.
 *
 * Tasks are the sources, the steps with state, the calls that wait and the sinks; all else is fused into the chain of
 * the task before it. A task's chain is found by walking from its step along the consumers until every path has ended
 * at a channel.
 *
 * Q1. Tasks are numbered in the order in which their steps were written; a step's inputs are written before it
 *     (`graph.ts`, H1), so P3 of `plan.ts` holds. Channels are numbered in the order in which the chains reach them.
 * Q2. The same graph gives the same plan on every worker.
 */
import { assert } from '../base/assert.ts'
import { fail } from '../base/errors.ts'
import type { Graph, Input, Step } from './graph.ts'
import { isKeyed, type KeyedStep, lowerAsync, lowerKeyed } from './lower.ts'
import type { ChainEnd, ChainOp, ChainPlan, ChannelPlan, Plan, TaskPlan } from './plan.ts'
import { refuseFaults } from './validate.ts'

/**
 * Fused steps in one plan, after what follows a merge has been copied into each of its inputs. Each of a row of them is
 * a call within the one before, of which a stack holds several thousand.
 */
const STEPS_MAX = 2000

type TaskStep = Extract<Step, { kind: 'source' | 'asyncMap' | 'sink' }> | KeyedStep

/** Cuts `graph` into tasks and channels. Throws `E_PIPELINE` with every fault, or `E_PLAN_TOO_LARGE`. */
export function plan(graph: Graph): Plan {
  refuseFaults(graph)
  return new Planner(graph).plan()
}

class Planner {
  private readonly graph: Graph
  /** Who reads each output of each step, in the order in which they were written. */
  private readonly consumers = new Map<string, number[]>()
  private readonly taskIds = new Map<Step, number>()
  private readonly channels: ChannelPlan[] = []
  private walked = 0
  /** The task whose chain is being walked. */
  private task = 0

  constructor(graph: Graph) {
    this.graph = graph
    for (const [index, step] of graph.steps.entries()) {
      if (isTask(step)) this.taskIds.set(step, this.taskIds.size)
      for (const input of step.inputs) {
        const readers = this.consumers.get(outputName(input))
        if (readers === undefined) this.consumers.set(outputName(input), [index])
        else readers.push(index)
      }
    }
  }

  plan(): Plan {
    const tasks: TaskPlan[] = []
    for (const [index, step] of this.graph.steps.entries()) {
      if (!isTask(step)) continue
      this.task = tasks.length
      tasks.push(this.taskOf(step, this.task, step.kind === 'sink' ? null : this.follow({ step: index })))
    }
    assert(
      this.channels.every((channel) => channel.from < channel.to),
      'P3: every channel leads from a lower id to a higher one',
    )
    return { pipeline: this.graph.name, tasks, channels: this.channels }
  }

  /** Tasks come after everything that feeds them (Q1), so all inputs of `id` are known here. */
  private taskOf(step: TaskStep, id: number, chain: ChainPlan | null): TaskPlan {
    const inputs = this.channels.filter((channel) => channel.to === id).map((channel) => channel.id)
    const { name } = step
    if (step.kind === 'sink') return { id, step: name, kind: 'sink', inputs, sink: step.sink }
    assert(chain !== null, 'P2: a task that is no sink has a chain')
    if (step.kind === 'source') return { id, step: name, kind: 'source', source: step.source, chain }
    if (step.kind === 'asyncMap') {
      return { id, step: name, kind: 'asyncMap', inputs, fn: step.fn, ...lowerAsync(step.options), chain }
    }
    return { id, step: name, kind: 'keyed', inputs, keyed: lowerKeyed(step), chain }
  }

  /** The chain that begins at an output: nobody, one consumer, or a tee. */
  private follow(output: Input): ChainPlan {
    const consumers = this.consumers.get(outputName(output)) ?? []
    if (consumers.length === 0) return { ops: [], end: { kind: 'drop' } }
    if (consumers.length === 1) return this.enter(consumers[0]!)
    return { ops: [], end: { kind: 'tee', to: consumers.map((consumer) => this.enter(consumer)) } }
  }

  /** The chain that begins with the step at `index`. */
  private enter(index: number): ChainPlan {
    const step = this.graph.steps[index]!
    if (++this.walked > STEPS_MAX) {
      throw fail('E_PLAN_TOO_LARGE', { pipeline: this.graph.name, limit: STEPS_MAX })
    }
    if (step.kind === 'merge') return this.follow({ step: index })
    if (step.kind === 'branch') return { ops: [], end: this.branch(step, index) }
    if (step.kind === 'keyBy') return this.exchanges(step, index)
    if (isTask(step)) return { ops: [], end: { kind: 'forward', channel: this.channel(step, 'forward') } }
    const op: ChainOp = { kind: step.kind, step: step.name, fn: step.fn } as ChainOp
    const rest = this.follow({ step: index })
    return { ops: [op, ...rest.ops], end: rest.end }
  }

  private branch(step: Extract<Step, { kind: 'branch' }>, index: number): ChainEnd {
    const outputs = [...Object.keys(step.tests), 'rest']
    const to = outputs.map((output) => {
      const heard = this.consumers.has(outputName({ step: index, output }))
      return heard ? this.follow({ step: index, output }) : null
    })
    return { kind: 'branch', step: step.name, outputs, tests: Object.values(step.tests), to }
  }

  /** Every step that reads a keyed stream has an exchange of its own. */
  private exchanges(step: Extract<Step, { kind: 'keyBy' }>, index: number): ChainPlan {
    const readers = this.consumers.get(outputName({ step: index })) ?? []
    const chains = readers.map((at): ChainPlan => {
      const reader = this.graph.steps[at]!
      assert(isTask(reader), 'Q2: a keyed stream is read by steps with state only')
      const channel = this.channel(reader, 'exchange')
      return { ops: [], end: { kind: 'exchange', channel, step: step.name, key: step.key } }
    })
    return chains.length === 1 ? chains[0]! : { ops: [], end: { kind: 'tee', to: chains } }
  }

  /** The channel from the task that is being walked to `to`: one, however many ways lead there (`plan.ts`, P4). */
  private channel(to: TaskStep, kind: 'forward' | 'exchange'): number {
    const [from, target] = [this.task, this.taskIds.get(to)!]
    const known = this.channels.find((channel) => channel.from === from && channel.to === target)
    if (known !== undefined) return known.id
    const id = this.channels.length
    this.channels.push({ id, from, to: target, kind })
    return id
  }
}

function isTask(step: Step): step is TaskStep {
  return step.kind === 'source' || step.kind === 'asyncMap' || step.kind === 'sink' || isKeyed(step)
}

function outputName({ step, output }: Input): string {
  return output === undefined ? String(step) : `${step} ${output}`
}
