/**
 * Where the order of records matters, and nothing fixes it.
 *
 * Records of one split with one key keep their order; records of several splits meet in an order that differs from run
 * to run. A step whose answers depend on it may answer otherwise after a recovery, and an idempotent sink, which keeps
 * the first record it sees of each id, may then hold answers of both attempts (PROTOCOLS 8). What a step emits by time
 * stems from no single record and has no id at all: a sink that promises one may not stand behind it.
 */
import type { Finding } from './finding.ts'
import type { Graph, Step } from './graph.ts'

/** A fault for each idempotent sink behind a step that emits by time. */
export function idFaults(graph: Graph): readonly Finding[] {
  return graph.steps.flatMap((sink) => {
    if (sink.kind !== 'sink' || sink.sink?.promise !== 'idempotent') return []
    return [...before(graph, sink)]
      .filter(({ kind }) => kind === 'aggregate' || kind === 'reduce')
      .map(({ name }) => ({
        step: sink.name,
        what: `it promises each record an id, and what "${name}" emits stems from no single record and has none`,
        hint: "answer each record by mapWithState; or use fileSink, which shows each once; or say promise: 'at-least-once', where the receiver replaces the row of a key by a newer one",
      }))
  })
}

/** A warning for each idempotent sink behind a step that depends on order across several splits. */
export function orderWarnings(graph: Graph): readonly Finding[] {
  const warnings: Finding[] = []
  for (const sink of graph.steps) {
    if (sink.kind !== 'sink' || sink.sink.promise !== 'idempotent') continue
    for (const step of before(graph, sink)) {
      if (!dependsOnOrder(step)) continue
      const sources = [...before(graph, step)].filter((other) => other.kind === 'source')
      if (sources.length < 2 && sources.every((source) => source.source.splits === 'one')) continue
      warnings.push({
        step: sink.name,
        what: `the answers of "${step.name}" depend on the order in which several splits meet`,
        hint: 'after a recovery this sink may keep answers of two attempts; a transactional sink shows one history',
      })
    }
  }
  return warnings
}

/** Whether records in another order make other results. */
function dependsOnOrder(step: Step): boolean {
  return step.kind === 'mapWithState' || step.kind === 'flatMapWithState'
}

/** Every step from which records reach `step`, in the graph's order. */
function before(graph: Graph, step: Step): ReadonlySet<Step> {
  const found = new Set<Step>()
  const from = ({ inputs }: Step): Step[] =>
    inputs.map((input) => graph.steps[input.step]).filter((other) => other !== undefined)
  // As a list of what is left to look at: there may be more steps in a row than a stack holds calls.
  for (const left = from(step); left.length > 0; ) {
    const at = left.pop()!
    if (found.has(at)) continue
    found.add(at)
    left.push(...from(at))
  }
  return found
}
