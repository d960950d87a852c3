/**
 * Development mode: looks, after every call of a stateful step, for what would go wrong later and elsewhere.
 *
 * U1. A record shares no object with the state that made it: the state changes later, the record must not.
 * U2. Two keys share no object: on another worker, or after a recovery, each has its own.
 * U3. What the state holds can be written: the first call that puts in something else is the one that is refused.
 *
 * What a step has put in the place of its state is the state then, and what it has forgotten is nobody's.
 *
 * It costs a walk over state and results for every record, so it is off unless it is asked for.
 */
import { findFault } from '../base/codec/fault.ts'
import { DEPTH_MAX } from '../base/codec/format.ts'
import { fail } from '../base/errors.ts'
import type { Key } from '../base/hash.ts'
import type { KeyedContext } from './keyed-context.ts'
import type { CalledStep } from './keyed-task.ts'
import { severalOf } from './several.ts'

/** `plan` with a step that looks at what it did; a call that breaks a rule throws, so its record is a dead letter. */
export function guardStep(name: string, plan: CalledStep): CalledStep {
  const owners = new WeakMap<object, Key>()
  const look = (before: object, context: KeyedContext, results: readonly unknown[]): void => {
    const state = context.stateAfter(before)
    if (state === null) return
    const fault = findFault([state], 1, DEPTH_MAX)
    if (fault !== null) {
      throw fail('E_STATE_VALUE', { step: name, key: String(context.key), path: fault.path, got: fault.got })
    }
    const parts = reach(state)
    for (const result of results) {
      for (const part of reach(result)) if (parts.has(part)) throw fail('E_STATE_SHARED', { step: name })
    }
    for (const part of parts) {
      const owner = owners.get(part)
      if (owner !== undefined && owner !== context.key) {
        throw fail('E_STATE_OF_TWO', { step: name, key: String(context.key), other: String(owner) })
      }
      owners.set(part, context.key)
    }
  }
  if (plan.kind === 'mapWithState') {
    const step: typeof plan.step = (state, value, context) => {
      const result = plan.step(state, value, context)
      look(state, context, [result])
      return result
    }
    return { ...plan, step }
  }
  const step: typeof plan.step = (state, value, context) => {
    const results = plan.step(state, value, context)
    const gathered = results === undefined ? [] : [...severalOf(results)]
    look(state, context, gathered)
    return gathered
  }
  return { ...plan, step }
}

/** Every object that can be reached from `value` and can change. */
function reach(value: unknown, found = new Set<object>()): Set<object> {
  if (typeof value !== 'object' || value === null || found.has(value)) return found
  // What cannot change may be shared.
  if (!Object.isFrozen(value)) found.add(value)
  if (ArrayBuffer.isView(value)) found.add(value.buffer)
  else if (value instanceof Map) for (const [key, held] of value) reach(held, reach(key, found))
  else if (value instanceof Set) for (const held of value) reach(held, found)
  else if (!(value instanceof Date)) for (const held of Object.values(value)) reach(held, found)
  return found
}
