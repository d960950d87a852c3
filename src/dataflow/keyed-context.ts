/** The one context object of a keyed task, filled anew for each call (a step must not keep it). */
import { fail } from '../base/errors.ts'
import type { Key } from '../base/hash.ts'
import type { StepContext } from '../model/plan.ts'

export class KeyedContext implements StepContext {
  key: Key = ''
  time = 0
  position = 0
  /** What the step asked for during this call. */
  forgotten = false
  replacement: object | null = null
  private readonly step: string

  constructor(step: string) {
    this.step = step
  }

  forget(): void {
    this.forgotten = true
  }

  replace(state: object): void {
    if (typeof state !== 'object' || state === null) throw fail('E_STATE_TYPE', { step: this.step, got: typeof state })
    this.replacement = state
    this.forgotten = false
  }

  /** Clears what an earlier call asked for. */
  reset(): void {
    this.forgotten = false
    this.replacement = null
  }
}
