/**
 * Runs a pipeline in the most straightforward way: one record after another, one map per keyed step, sources in the
 * order in which they are given. What an engine does with more workers, barriers and crashes must come to the same.
 */
import type { Key } from '../../src/base/hash.ts'
import { Cuts } from '../../src/model/connector.ts'
import type { Graph, Step } from '../../src/model/graph.ts'
import type { StepContext } from '../../src/model/plan.ts'

/** What comes out of each sink, as text, when the bytes of `inputs` go into the sources one source after another. */
export async function runStraight(
  graph: Graph,
  inputs: readonly (readonly [source: string, bytes: Buffer])[],
): Promise<Map<string, string>> {
  const outputs = new Map<string, string>()
  const states = new Map<Step, Map<Key, object>>()
  const keys = new Map<Step, (value: unknown) => Key>()
  for (const step of graph.steps) if (step.kind === 'keyBy') keys.set(step, step.key)

  const emit = async (from: number, value: unknown, output?: string): Promise<void> => {
    for (const [index, step] of graph.steps.entries()) {
      const reads = step.inputs.some((input) => input.step === from && input.output === output)
      if (reads) await take(index, step, from, value)
    }
  }
  const take = async (index: number, step: Step, from: number, value: unknown): Promise<void> => {
    if (step.kind === 'map') await emit(index, step.fn(value))
    else if (step.kind === 'flatMap') for (const one of step.fn(value)) await emit(index, one)
    else if (step.kind === 'asyncMap') await emit(index, await step.fn(value, new AbortController().signal))
    else if (step.kind === 'keyBy' || step.kind === 'merge') await emit(index, value)
    else if (step.kind === 'branch') {
      const found = Object.entries(step.tests).find(([, test]) => test(value))
      await emit(index, value, found?.[0] ?? 'rest')
    } else if (step.kind === 'mapWithState') {
      const key = keys.get(graph.steps[from]!)!(value)
      const all = states.get(step) ?? new Map<Key, object>()
      states.set(step, all)
      const state = all.get(key) ?? step.options.init(key)
      all.set(key, state)
      const answer = step.options.step(state, value, { key } as StepContext)
      if (answer !== undefined) await emit(index, answer)
    } else if (step.kind === 'sink') {
      const { encode, framing } = step.sink
      const encoded = Buffer.from(encode(value) as string)
      const parts = framing === null ? [encoded] : framing.frame(encoded)
      outputs.set(step.name, (outputs.get(step.name) ?? '') + Buffer.concat(parts).toString())
    } else throw new Error(`a golden pipeline has no ${step.kind}`)
  }
  for (const [name, bytes] of inputs) {
    const index = graph.steps.findIndex((step) => step.kind === 'source' && step.name === name)
    const step = graph.steps[index]
    if (step?.kind !== 'source') throw new Error(`there is no source ${name}`)
    const { framing, decoder } = step.source
    const cuts = new Cuts()
    const end = framing.scan(bytes, 0, bytes.length, cuts, 1 << 20)
    if (end !== bytes.length) throw new Error(`${name} ends inside a record`)
    for (let i = 0; i < cuts.count; i++) await emit(index, decoder.decode(bytes, cuts.starts[i]!, cuts.ends[i]!))
  }
  return outputs
}
