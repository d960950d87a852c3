/** Two straightforward interpreters, of graphs and of plans, that must agree on what reaches each sink. */
import type { Decoder, Framing, SinkDescription, SourceDescription } from '../../src/model/connector.ts'
import { utf8 } from '../../src/model/decoder.ts'
import { lines } from '../../src/model/framing.ts'
import type { Graph, Step } from '../../src/model/graph.ts'
import type { ChainPlan, Plan, StepContext } from '../../src/model/plan.ts'

/** A source that nothing reads: a description with a kind and settings of its own. */
export function testSource<T = string>(changes: Partial<SourceDescription<T>> = {}): SourceDescription<T> {
  const framing: Framing = lines()
  return {
    role: 'source',
    kind: 'test',
    settings: {},
    framing,
    decoder: utf8 as Decoder<unknown> as Decoder<T>,
    ...changes,
  }
}

export function testSink<T>(changes: Partial<SinkDescription<T>> = {}): SinkDescription<T> {
  const common = { role: 'sink', kind: 'test', settings: {}, promise: 'at-least-once', fencing: 'none' } as const
  return { ...common, encode: (value) => JSON.stringify(value), framing: null, ...changes }
}

/** What reaches each sink, by its name and in sorted order, when every source gives `inputs[name]`. */
export type Outputs = Record<string, string[]>
type Inputs = Readonly<Record<string, readonly unknown[]>>

export function runGraph(graph: Graph, inputs: Inputs): Outputs {
  const outputs: Outputs = {}
  const emit = (from: number, output: string | undefined, value: unknown): void => {
    for (const [index, step] of graph.steps.entries()) {
      for (const input of step.inputs) {
        if (input.step === from && input.output === output) take(step, index, value)
      }
    }
  }
  const take = (step: Step, index: number, value: unknown): void => {
    if (step.kind === 'sink') (outputs[step.name] ??= []).push(String(value))
    else if (step.kind === 'map') emit(index, undefined, step.fn(value))
    else if (step.kind === 'flatMap') for (const one of step.fn(value)) emit(index, undefined, one)
    else if (step.kind === 'filter') step.fn(value) && emit(index, undefined, value)
    else if (step.kind === 'branch') {
      const hit = Object.entries(step.tests).find(([, test]) => test(value))
      emit(index, hit?.[0] ?? 'rest', value)
    } else if (step.kind === 'mapWithState') {
      const answer = step.options.step(step.options.init(''), value, {} as StepContext)
      if (answer !== undefined) emit(index, undefined, answer)
    } else emit(index, undefined, value)
  }
  for (const [index, step] of graph.steps.entries()) {
    if (step.kind === 'source') for (const value of inputs[step.name] ?? []) emit(index, undefined, value)
  }
  return sorted(outputs)
}

export function runPlan(plan: Plan, inputs: Inputs): Outputs {
  const outputs: Outputs = {}
  const walk = (chain: ChainPlan, value: unknown): void => {
    let values = [value]
    for (const op of chain.ops) {
      if (op.kind === 'map') values = values.map(op.fn)
      else if (op.kind === 'flatMap') values = values.flatMap((one) => [...op.fn(one)])
      else if (op.kind === 'filter') values = values.filter(op.fn)
    }
    for (const one of values) end(chain, one)
  }
  const end = ({ end: to }: ChainPlan, value: unknown): void => {
    if (to.kind === 'forward' || to.kind === 'exchange') arrive(plan.channels[to.channel]!.to, to.channel, value)
    else if (to.kind === 'tee') for (const chain of to.to) walk(chain, value)
    else if (to.kind === 'branch') {
      const hit = to.tests.findIndex((test) => test(value))
      const chain = to.to[hit < 0 ? to.tests.length : hit]
      if (chain) walk(chain, value)
    }
  }
  const arrive = (id: number, channel: number, value: unknown): void => {
    const task = plan.tasks[id]!
    if (task.kind === 'source' || !task.inputs.includes(channel)) throw new Error(`channel ${channel} leads nowhere`)
    if (task.kind === 'sink') (outputs[task.step] ??= []).push(String(value))
    else if (task.kind === 'asyncMap') walk(task.chain, value)
    else if (task.keyed.kind === 'mapWithState') {
      const answer = task.keyed.step(task.keyed.init(''), value, {} as StepContext)
      if (answer !== undefined) walk(task.chain, answer)
    }
  }
  for (const task of plan.tasks) {
    if (task.kind === 'source') for (const value of inputs[task.step] ?? []) walk(task.chain, value)
  }
  return sorted(outputs)
}

function sorted(outputs: Outputs): Outputs {
  return Object.fromEntries(Object.entries(outputs).map(([name, values]) => [name, values.sort()]))
}
