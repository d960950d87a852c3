/** The one context object of a keyed task, filled anew for each call (a step must not keep it). */
import { fail } from '../base/errors.ts'
import type { Key } from '../base/hash.ts'
import { atOnce } from '../base/promise.ts'
import type { StepContext } from '../model/plan.ts'

export class KeyedContext implements StepContext {
  key: Key = ''
  time = 0
  position = 0
  /** Whether the step asked for something during this call. */
  asked = false
  forgotten = false
  replacement: object | null = null
  private readonly step: string

  constructor(step: string) {
    this.step = step
  }

  /** Clears what an earlier call asked for. */
  begin(key: Key, time: number, position: number): void {
    this.key = key
    this.time = time
    this.position = position
    this.asked = false
  }

  /** What is the key's state behind a call that was given `state`; `null`: the key is forgotten. */
  stateAfter(state: object): object | null {
    return this.asked ? this.replacement : state
  }

  /** Whether `result` is the key's state: the one that the call was given, or one that it has put in its place. */
  isState(result: unknown, state: object): boolean {
    return result === state || (this.asked && result !== null && result === this.replacement)
  }

  forget(): void {
    this.asked = true
    this.forgotten = true
    this.replacement = null
  }

  replace(state: object): void {
    if (typeof state !== 'object' || state === null)
      throw fail('E_STATE_TYPE', { step: this.step, got: state === null ? 'null' : typeof state })
    this.asked = true
    this.forgotten = false
    this.replacement = atOnce(state)
  }
}

/**
 * `KeyedContext.stateAfter`, of the context that a plan's step is given: a task gives it more than its user knows of.
 */
export function stateAfter(state: object, context: StepContext): object | null {
  return (context as KeyedContext).stateAfter(state)
}
