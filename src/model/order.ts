/**
 * Where the order of records matters, and nothing fixes it.
 *
 * Records of one split with one key keep their order; records of several splits meet in an order that differs from run
 * to run. A step whose answers depend on it may answer otherwise after a recovery, and an idempotent sink, which keeps
 * the first record it sees of each id, may then hold answers of both attempts (PROTOCOLS 8). What a step emits by time
 * stems from no single record and has no id at all.
 */
import type { Finding } from './finding.ts'
import type { Graph, Step } from './graph.ts'

/** A warning for each idempotent sink behind a step that depends on order across several splits, or emits by time. */
export function orderWarnings(graph: Graph): readonly Finding[] {
  const warnings: Finding[] = []
  for (const sink of graph.steps) {
    if (sink.kind !== 'sink' || sink.sink.promise !== 'idempotent') continue
    for (const step of before(graph, sink)) {
      if (step.kind === 'aggregate' || step.kind === 'reduce') {
        warnings.push({
          step: sink.name,
          what: `what "${step.name}" emits stems from no single record, so it has no id`,
          hint: 'the receiver may see it again after a recovery; mapWithState answers each record with one that has an id',
        })
      }
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
  if (step.kind === 'aggregate') return step.options.combine === undefined
  return step.kind === 'mapWithState' || step.kind === 'flatMapWithState'
}

/** Every step from which records reach `step`, in the graph's order. */
function before(graph: Graph, step: Step): ReadonlySet<Step> {
  const found = new Set<Step>()
  const visit = (at: Step): void => {
    for (const input of at.inputs) {
      const from = graph.steps[input.step]
      if (from === undefined || found.has(from)) continue
      found.add(from)
      visit(from)
    }
  }
  visit(step)
  return found
}
