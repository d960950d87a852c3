/**
 * The histories that the final states come from: for each step and key, its visits in order, read back from the state
 * (see `evidence.ts`). A key that was dropped has no state; its visits are found from what they put out.
 */
import type { Key } from '../../../src/base/hash.ts'
import { mortalSteps } from '../rest.ts'
import type { Complain, Evidence, FinalState, Visit } from './evidence.ts'

/** Visits of one key between its beginning, or a `forget`, and the next `forget` or the end. */
export interface Stretch {
  readonly key: Key
  readonly visits: readonly Visit[]
  /** It ends with the final state. */
  readonly final: boolean
}

/** The stretches of one step, each in order; the stretches of a key in order too. */
export type History = ReadonlyMap<Key, readonly Stretch[]>

export function historyOf(evidence: Evidence, step: string, dropped: Iterable<number>, complain: Complain): History {
  const stretches: Stretch[] = []
  for (const [key, { at }] of evidence.states.get(step) ?? []) {
    stretches.push({ key, visits: follow(evidence, step, at, complain), final: true })
  }
  for (const number of dropped) {
    const visits = follow(evidence, step, number, complain)
    stretches.push({ key: visits.at(-1)!.key, visits, final: false })
  }
  const history = new Map<Key, Stretch[]>()
  for (const stretch of stretches.sort((a, b) => a.visits[0]!.number - b.visits[0]!.number)) {
    const known = history.get(stretch.key)
    if (known === undefined) history.set(stretch.key, [stretch])
    else known.push(stretch)
  }
  return history
}

function follow(evidence: Evidence, step: string, at: number, complain: Complain): Visit[] {
  const visits: Visit[] = []
  for (let number = at; number !== 0; ) {
    const visit = evidence.visits[number]
    if (visit === undefined || visit.step !== step) {
      complain(`${step}: a state names visit ${number}, which was not its own`)
      break
    }
    visits.push(visit)
    number = visit.before
  }
  if (visits.length === 0) complain(`${step}: a state has no history`)
  return visits.reverse()
}

/** The causes of all that survived: what the final states and the outputs that are exact come from. */
export function survivorsOf(evidence: Evidence): ReadonlySet<string> {
  const causes = new Set<string>()
  const seen = new Uint8Array(evidence.visits.length)
  const open: (Visit | undefined)[] = []
  for (const states of evidence.states.values()) for (const { at } of states.values()) open.push(evidence.visits[at])
  for (const { promise, lines } of evidence.outputs) {
    if (promise !== 'exactly') continue
    for (const line of lines) {
      const cause = line.slice(0, line.indexOf('|'))
      causes.add(cause)
      open.push(visitOf(evidence, cause))
    }
  }
  for (const { cause } of evidence.letters) {
    causes.add(cause)
    open.push(visitOf(evidence, cause))
  }
  while (open.length > 0) {
    for (let visit = open.pop(); visit !== undefined && seen[visit.number] === 0; ) {
      seen[visit.number] = 1
      causes.add(visit.cause)
      open.push(visitOf(evidence, visit.cause))
      visit = evidence.visits[visit.before]
    }
  }
  return causes
}

/** The visit that put out what `cause` names, if one did. */
function visitOf(evidence: Evidence, cause: string): Visit | undefined {
  return cause.includes('#') ? undefined : evidence.visits[Number.parseInt(cause, 10)]
}

/**
 * The visits of `step` behind which their key was gone and that have survived, by what came of them (`survivorsOf`):
 * those that dropped it, and where keys have a time to live those that nothing goes on from.
 */
export function droppedOf(evidence: Evidence, survivors: ReadonlySet<string>, step: string): Set<number> {
  const dropped = new Set<number>()
  const known = new Set<number>()
  for (const cause of survivors) {
    const visit = visitOf(evidence, cause)
    if (visit?.step !== step) continue
    known.add(visit.number)
    if (visit.forgot) dropped.add(visit.number)
  }
  return mortalSteps(evidence.plan).includes(step) ? endsOf(evidence, step, known) : dropped
}

/** Those of `known` that no other one comes behind, nor a final state. */
function endsOf(evidence: Evidence, step: string, known: ReadonlySet<number>): Set<number> {
  const ends = new Set(known)
  const passed = new Set<number>()
  const finals = [...(evidence.states.get(step) ?? new Map<Key, FinalState>()).values()].map(({ at }) => at)
  for (const end of finals) ends.delete(end)
  for (const end of [...finals, ...known]) {
    let before = evidence.visits[end]?.before ?? 0
    for (; before !== 0 && !passed.has(before); before = evidence.visits[before]?.before ?? 0) {
      passed.add(before)
      ends.delete(before)
    }
  }
  return ends
}
