/**
 * `explain`: a pipeline as plain data for people and programs. Text and diagrams are drawn from it; the JSON is a
 * public format.
 *
 * X1. Nothing of a user's functions is in it, no setting whose name says that it is a secret, and nobody's name and
 *     password in a URL.
 */
import type { Milliseconds } from '../base/time.ts'
import type { Settings, SinkPromise } from './connector.ts'
import type { Finding } from './finding.ts'
import type { Graph, Parameters } from './graph.ts'
import { mayPreAggregate } from './lower.ts'
import type { ChainPlan, ChannelPlan, KeyedPlan, TaskPlan } from './plan.ts'
import { plan } from './planner.ts'
import { validate } from './validate.ts'

export interface Explanation {
  readonly pipeline: string
  readonly parameters: Parameters
  readonly tasks: readonly ExplainedTask[]
  readonly warnings: readonly Finding[]
}

export type ExplainedTask = { readonly id: number; readonly step: string } & (
  | {
      readonly kind: 'source'
      readonly connector: string
      readonly settings: Settings
      readonly framing: string
      readonly decoder: string
      readonly chain: ExplainedChain
    }
  | {
      readonly kind: 'keyed'
      readonly operator: KeyedPlan['kind']
      readonly schemaVersion: number
      readonly ttlMs: Milliseconds | null
      /** `null`: answers each record. */
      readonly everyMs: Milliseconds | null
      /** Workers may add up before they send. */
      readonly preAggregates: boolean
      readonly chain: ExplainedChain
    }
  | {
      readonly kind: 'asyncMap'
      readonly concurrency: number
      readonly timeoutMs: Milliseconds
      readonly chain: ExplainedChain
    }
  | {
      readonly kind: 'sink'
      readonly connector: string
      readonly settings: Settings
      readonly framing: string | null
      readonly promise: SinkPromise
      readonly fencing: 'epoch' | 'none'
    }
)

/** Fused steps, and where their records go. */
export interface ExplainedChain {
  readonly steps: readonly { readonly kind: string; readonly step: string }[]
  readonly end: ExplainedEnd
}

export type ExplainedEnd =
  | { readonly kind: 'forward'; readonly to: number }
  /** Records travel to the worker that owns their key. */
  | { readonly kind: 'exchange'; readonly step: string; readonly to: number }
  | { readonly kind: 'tee'; readonly to: readonly ExplainedChain[] }
  | {
      readonly kind: 'branch'
      readonly step: string
      readonly to: readonly { readonly output: string; readonly chain: ExplainedChain | null }[]
    }
  | { readonly kind: 'drop' }

/** Explains `graph`. Throws `E_PIPELINE` with every fault where it cannot be planned. */
export function explain(graph: Graph): Explanation {
  const { tasks, channels } = plan(graph)
  return {
    pipeline: graph.name,
    parameters: hideSecrets(graph.parameters),
    tasks: tasks.map((task) => explainTask(task, channels)),
    warnings: validate(graph).warnings,
  }
}

function explainTask(task: TaskPlan, channels: readonly ChannelPlan[]): ExplainedTask {
  const { id, step } = task
  if (task.kind === 'sink') {
    const { kind: connector, settings, framing, promise, fencing } = task.sink
    const framed = framing === null ? null : framing.kind
    return { id, step, kind: 'sink', connector, settings: hideSecrets(settings), framing: framed, promise, fencing }
  }
  const chain = explainChain(task.chain, channels)
  if (task.kind === 'source') {
    const { kind: connector, settings, framing, decoder } = task.source
    const formats = { framing: framing.kind, decoder: decoder.kind }
    return { id, step, kind: 'source', connector, settings: hideSecrets(settings), ...formats, chain }
  }
  if (task.kind === 'asyncMap') {
    return { id, step, kind: 'asyncMap', concurrency: task.concurrency, timeoutMs: task.timeoutMs, chain }
  }
  const { keyed } = task
  return {
    id,
    step,
    kind: 'keyed',
    operator: keyed.kind,
    schemaVersion: keyed.schema.version,
    ttlMs: keyed.ttlMs ?? null,
    everyMs: keyed.kind === 'aggregate' ? keyed.everyMs : null,
    preAggregates: mayPreAggregate(keyed),
    chain,
  }
}

function explainChain(chain: ChainPlan, channels: readonly ChannelPlan[]): ExplainedChain {
  const inner = (part: ChainPlan) => explainChain(part, channels)
  const steps = chain.ops.map(({ kind, step }) => ({ kind, step }))
  const { end } = chain
  switch (end.kind) {
    case 'forward':
      return { steps, end: { kind: 'forward', to: channels[end.channel]!.to } }
    case 'exchange':
      return { steps, end: { kind: 'exchange', step: end.step, to: channels[end.channel]!.to } }
    case 'tee':
      return { steps, end: { kind: 'tee', to: end.to.map(inner) } }
    case 'branch': {
      const to = end.to.map((part, i) => ({
        output: end.outputs?.[i] ?? String(i),
        chain: part === null ? null : inner(part),
      }))
      return { steps, end: { kind: 'branch', step: end.step, to } }
    }
    case 'drop':
      return { steps, end }
  }
}

const SECRET = /secret|password|token|credential|private/i
/** Name and password in a URL. */
const WHO = /^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i

/** `values` with `***` for what must not be shown (X1). */
export function hideSecrets<V extends Settings | Parameters>(values: V): V {
  const shown = Object.entries(values).map(([name, value]) => [
    name,
    SECRET.test(name) && value ? '***' : hideWho(value),
  ])
  return Object.fromEntries(shown) as V
}

function hideWho<T>(value: T): T | string {
  return typeof value === 'string' ? value.replace(WHO, '$1***@') : value
}
