/**
 * Development mode: looks, after every call of a user's function, for what would go wrong later and elsewhere.
 *
 * U1. A record shares no object with the state that made it: the state changes later, the record must not.
 * U2. Two keys share no object: on another worker, or after a recovery, each has its own.
 * U3. What the state holds can be written, and is read as it was: the first call that puts in something else is the one
 *     that is refused.
 * U4. No function changes the record that it is given: other steps have the same one, and so has whoever tries again.
 * U5. A record that gets a key, or waits for an answer, can be written, and is read as it was: its key may be another
 *     worker's, and a checkpoint holds what waits.
 * U6. What is to change an accumulator in place does not return another one instead, which would be lost.
 * U7. A record that a state keeps, and that other steps have too, stays as it came (`kept-records.ts`).
 *
 * What a step has put in the place of its state is the state then, and what it has forgotten is nobody's. What an
 * aggregate holds is looked at when its result is due; the result is a copy (`aggregate-task.ts`, A4).
 *
 * It costs a walk over records, states and results for every call, so it is off unless it is asked for.
 */
import { findFault } from '../base/codec/fault.ts'
import { DEPTH_MAX } from '../base/codec/format.ts'
import { findLoss } from '../base/codec/loss.ts'
import { written } from '../base/codec/written.ts'
import { fail } from '../base/errors.ts'
import type { Key } from '../base/hash.ts'
import type { ChainOp, KeyedPlan, Plan } from '../model/plan.ts'
import { rewritePlan } from '../model/rewrite.ts'
import { KeptRecords, stepsThatShare } from './kept-records.ts'
import { stateAfter } from './keyed-context.ts'
import { meet, Owners, reachOf } from './reach.ts'
import { gathering, severalOf } from './several.ts'

/** `plan` with functions that look at what they did: a call that breaks a rule throws, its record is a dead letter. */
export function guardPlan(plan: Plan): Plan {
  const sharing = stepsThatShare(plan)
  return rewritePlan(plan, {
    source: (_step, source) => source,
    sink: (step, sink) => ({ ...sink, encode: guardRecord(step, sink.encode) }),
    op: guardOp,
    key: (step, fn) => {
      const guarded = guardRecord(step, fn)
      return (value) => {
        requireWritable(value)
        return guarded(value)
      }
    },
    choice: (step, _output, fn) => guardRecord(step, fn),
    keyed: (step, keyed) => guardKeyed(step, keyed, sharing.has(step) ? new KeptRecords() : null),
    call: (step, fn) => (value, signal) => {
      requireWritable(value)
      const look = remember(step, value)
      const answer: unknown = fn(value, signal)
      if (!(answer instanceof Promise)) look()
      else return answer.finally(look)
      return answer as Promise<unknown>
    },
  })
}

function guardOp(op: ChainOp): ChainOp {
  switch (op.kind) {
    case 'map':
      return { ...op, fn: guardRecord(op.step, op.fn) }
    case 'filter':
      return { ...op, fn: guardRecord(op.step, op.fn) }
    case 'inspect':
      return { ...op, fn: guardRecord(op.step, op.fn) }
    case 'flatMap':
      return { ...op, fn: guardSeveral(op.step, op.fn) }
  }
}

/** U4, of a function that answers at once. */
function guardRecord<R>(step: string, fn: (value: unknown) => R): (value: unknown) => R {
  return (value) => {
    const look = remember(step, value)
    const result = fn(value)
    look()
    return result
  }
}

/** U4, of a function whose answers may come one by one. */
function guardSeveral(step: string, fn: (value: unknown) => Iterable<unknown>): (value: unknown) => Iterable<unknown> {
  return (value) => {
    const look = remember(step, value)
    return gathering(severalOf(fn(value)), look)
  }
}

/** What looks whether `value` still is what it is now; what cannot be written down is not looked at. */
function remember(step: string, value: unknown): () => void {
  if (typeof value !== 'object' || value === null) return () => {}
  const before = written(value)
  return () => {
    if (before !== null && written(value) !== before) throw fail('E_RECORD_CHANGED', { step })
  }
}

/** What of `value` could not be written, or would be read as something else (U3, U5). */
function faultOf(value: unknown): { readonly path: string; readonly got: string } | null {
  return findFault([value], 1, DEPTH_MAX) ?? findLoss(value)
}

/** U5 */
function requireWritable(value: unknown): void {
  const fault = faultOf(value)
  if (fault !== null) throw fail('E_VALUE', { ...fault, place: `value${fault.path}` })
}

/** `kept`: of a step whose records others have, too (U7). */
function guardKeyed(step: string, plan: KeyedPlan, kept: KeptRecords | null): KeyedPlan {
  const look = stateGuard(step)
  const lookAtKept = (state: object, after: object | null, value: unknown): void => {
    if (kept?.changed(state)) throw fail('E_RECORD_KEPT', { step })
    if (after !== null) kept?.keep(state, after, value)
  }
  switch (plan.kind) {
    case 'mapWithState': {
      const call: typeof plan.step = (state, value, context) => {
        const same = remember(step, value)
        const result = plan.step(state, value, context)
        same()
        const after = stateAfter(state, context)
        look(after, context.key, [result])
        lookAtKept(state, after, value)
        return result
      }
      return { ...plan, step: call }
    }
    case 'flatMapWithState': {
      const call: typeof plan.step = (state, value, context) => {
        const same = remember(step, value)
        const results = plan.step(state, value, context)
        return gathering(results === undefined ? [] : severalOf(results), (gathered) => {
          same()
          const after = stateAfter(state, context)
          look(after, context.key, gathered)
          lookAtKept(state, after, value)
        })
      }
      return { ...plan, step: call }
    }
    case 'aggregate': {
      const change = guardChange(step, 'add', plan.add)
      const add: typeof plan.add = (accumulator, value) => {
        const same = remember(step, value)
        change(accumulator, value)
        same()
        lookAtKept(accumulator, accumulator, value)
      }
      const combine = plan.combine && guardChange(step, 'combine', plan.combine)
      const result: typeof plan.result = (accumulator, key) => {
        look(accumulator, key, [])
        return plan.result(accumulator, key)
      }
      return { ...plan, add, combine, result }
    }
  }
}

/** U6. What changed the accumulator may return whatever it likes, such as the length of a list in it. */
function guardChange<V>(
  step: string,
  fn: string,
  change: (accumulator: object, value: V) => unknown,
): (accumulator: object, value: V) => void {
  return (accumulator, value) => {
    const before = written(accumulator)
    const answer = change(accumulator, value)
    if (!isLike(answer, accumulator) || reachOf(accumulator).objects.has(answer)) return
    if (before !== null && written(accumulator) === before) throw fail('E_AGGREGATE_RETURNED', { step, fn })
  }
}

/** Whether `answer` could be in the place of `accumulator`. */
function isLike(answer: unknown, accumulator: object): answer is object {
  if (typeof answer !== 'object' || answer === null) return false
  return Object.getPrototypeOf(answer) === Object.getPrototypeOf(accumulator)
}

/** Looks at the state of a key, and at what has come of it (U1, U2, U3); `null`: the key is forgotten. */
function stateGuard(step: string): (state: object | null, key: Key, results: readonly unknown[]) => void {
  const owners = new Owners()
  return (state, key, results) => {
    if (state === null) return
    const fault = faultOf(state)
    if (fault !== null) throw fail('E_STATE_VALUE', { step, key: String(key), path: fault.path, got: fault.got })
    const parts = reachOf(state)
    for (const result of results) if (meet(reachOf(result), parts)) throw fail('E_STATE_SHARED', { step })
    const other = owners.take(parts, key)
    if (other !== null) throw fail('E_STATE_OF_TWO', { step, key: String(key), other: String(other) })
  }
}
