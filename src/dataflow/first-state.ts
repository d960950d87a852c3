/** The state that a key begins with. */
import { fail } from '../base/errors.ts'
import type { Key } from '../base/hash.ts'
import { atOnce } from '../base/promise.ts'

/**
 * What `init` answers, which is user code. Throws `E_STATE_TYPE` for what is no object: it could not be changed in
 * place, and would be taken for damage when a checkpoint is read.
 */
export function firstState(step: string, init: (key: Key) => object, key: Key): object {
  const state: unknown = atOnce(init(key))
  if (typeof state !== 'object' || state === null)
    throw fail('E_STATE_TYPE', { step, got: state === null ? 'null' : typeof state })
  return state
}
