/**
 * Where the order of records matters, and nothing fixes it.
 *
 * Records of one split with one key keep their order, as long as they go one way; records of several splits, and of
 * one that went different ways, meet in an order that differs from run to run. A step whose answers depend on it may
 * answer otherwise after a recovery, and an idempotent sink, which keeps the first record it sees of each id, may then
 * hold answers of both attempts (PROTOCOLS 8). What a step emits by time stems from no single record and has no id at
 * all: a sink that promises one may not stand behind it.
 */
import type { Finding } from './finding.ts'
import type { Graph, Step } from './graph.ts'
import { isKeyed } from './lower.ts'

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

/** A warning for each idempotent sink behind a step that depends on an order which nothing fixes. */
export function orderWarnings(graph: Graph): readonly Finding[] {
  const warnings: Finding[] = []
  for (const sink of graph.steps) {
    if (sink.kind !== 'sink' || sink.sink.promise !== 'idempotent') continue
    for (const step of before(graph, sink)) {
      if (!dependsOnOrder(step)) continue
      const steps = before(graph, step)
      const sources = [...steps].filter((other) => other.kind === 'source')
      const isOneSplit = sources.length < 2 && sources.every((source) => source.source.splits === 'one')
      if (isOneSplit && ![...steps].some((one) => one.kind === 'merge' && waysInto(graph, one) > 1)) continue
      warnings.push({
        step: sink.name,
        what: `the answers of "${step.name}" depend on the order in which ${isOneSplit ? 'records that went different ways' : 'several splits'} meet`,
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

/** From how many tasks (`planner.ts`) records come to `merge`: those of one come in their order. */
function waysInto(graph: Graph, merge: Step): number {
  return [...before(graph, merge, isTask)].filter(isTask).length
}

function isTask(step: Step): boolean {
  return step.kind === 'source' || step.kind === 'asyncMap' || isKeyed(step)
}

/** Every step from which records reach `step`, in the graph's order; nothing before those at which it `ends`. */
function before(graph: Graph, step: Step, ends: (step: Step) => boolean = () => false): ReadonlySet<Step> {
  const found = new Set<Step>()
  const from = ({ inputs }: Step): Step[] =>
    inputs.map((input) => graph.steps[input.step]).filter((other) => other !== undefined)
  // As a list of what is left to look at: there may be more steps in a row than a stack holds calls.
  for (const left = from(step); left.length > 0; ) {
    const at = left.pop()!
    if (found.has(at)) continue
    found.add(at)
    if (!ends(at)) left.push(...from(at))
  }
  return found
}
