/**
 * Looks, after every call of a stateful step, whether its state is nested deeper than can be written, so that the
 * record which left it so is a dead letter. For a step of which a checkpoint has met such a state, and was given up:
 * what is kept of records may be anything that strangers send, such as a list in a list in a list. What else cannot be
 * written comes from the program: sources stop until it is mended, and its records are done again.
 */
import { depthFault } from '../base/codec/fault.ts'
import { fail } from '../base/errors.ts'
import type { KeyedPlan } from '../model/plan.ts'
import { stateAfter } from './keyed-context.ts'
import { gathering, severalOf } from './several.ts'

/** `plan` with functions that throw `E_STATE_LEFT` where they leave a state that is nested too deep to be written. */
export function guardDepth(step: string, plan: KeyedPlan): KeyedPlan {
  const look = (state: object | null): void => {
    const fault = depthFault(state)
    if (fault !== null) throw fail('E_STATE_LEFT', { step, path: fault.path, got: fault.got })
  }
  switch (plan.kind) {
    case 'mapWithState': {
      const call: typeof plan.step = (state, value, context) => {
        const result = plan.step(state, value, context)
        look(stateAfter(state, context))
        return result
      }
      return { ...plan, step: call }
    }
    case 'flatMapWithState': {
      const call: typeof plan.step = (state, value, context) => {
        const results = plan.step(state, value, context)
        return gathering(results === undefined ? [] : severalOf(results), () => look(stateAfter(state, context)))
      }
      return { ...plan, step: call }
    }
    case 'aggregate': {
      const { add, combine } = plan
      const change =
        <V>(by: (accumulator: object, value: V) => void) =>
        (accumulator: object, value: V): void => {
          by(accumulator, value)
          look(accumulator)
        }
      return { ...plan, add: change(add), combine: combine && change(combine) }
    }
  }
}
