/**
 * Whether states that another program has left have the fields with which the step now begins one. A field that was
 * renamed is `undefined` to the step: no call of it throws, and what it counts is `NaN` for good.
 *
 * M1. It only tells: a step may well go on with states of before that lack a field, by `??=`.
 * M2. It tells once for each step, by the first state that lacks one, and looks at a few states of a key group: those
 *     of a step are mostly alike.
 */
import { fail, type PotorooError } from '../../../base/errors.ts'
import type { Key } from '../../../base/hash.ts'
import type { KeyTable } from '../../../state/key-table.ts'
import type { KeyedTaskPlan } from './base-fit.ts'

/** States of a key group that are looked at. */
const LOOKED_AT = 8

/** Is shown each key group of a step that has been made from its bytes. */
export type Look = (task: KeyedTaskPlan, table: KeyTable) => void

/** Looks for fields that are missing, and says so as `E_STATE_FIELDS`. */
export function lookForFields(pipeline: string, warned: (error: PotorooError) => void): Look {
  const told = new Set<string>()
  return ({ step, keyed }, table) => {
    if (told.has(step)) return
    // What `reduce` keeps is a value that it was given.
    if (keyed.kind === 'aggregate' && keyed.as === 'reduce') return
    let left = LOOKED_AT
    for (let entry = 0; entry < table.top && left > 0; entry++) {
      const key = table.key(entry)
      if (key === undefined) continue
      left--
      const fields = missing(keyed.init, key, table.state(entry))
      if (fields.length === 0) continue
      told.add(step)
      warned(fail('E_STATE_FIELDS', { pipeline, step, key: String(key), fields: fields.join(', ') }))
      return
    }
  }
}

/** The fields of what `init` makes that `state` has not. */
function missing(init: (key: Key) => object, key: Key, state: object): readonly string[] {
  try {
    return Object.keys(init(key)).filter((field) => !(field in state))
  } catch {
    // The step will say so itself, of the record that needs a new state.
    return []
  }
}
