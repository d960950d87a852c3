/**
 * Lowering: what a user wrote about a stateful step becomes one of the few forms that the runtime knows, with every
 * default filled in. `reduce` is an `aggregate` whose accumulator is `{ value }`.
 */
import { deepCopy } from '../base/deep-copy.ts'
import { fail } from '../base/errors.ts'
import { atOnce } from '../base/promise.ts'
import type { Milliseconds } from '../base/time.ts'
import type { AsyncOptions, StateOptions, Step } from './graph.ts'
import type { KeyedPlan, SchemaPlan } from './plan.ts'

const EMIT_EVERY: Milliseconds = 1000
const ASYNC_CONCURRENCY = 16
const ASYNC_TIMEOUT: Milliseconds = 30_000

/** A step that keeps state by key. */
export type KeyedStep = Extract<Step, { kind: 'mapWithState' | 'flatMapWithState' | 'reduce' | 'aggregate' }>

export function isKeyed(step: Step): step is KeyedStep {
  const { kind } = step
  return kind === 'mapWithState' || kind === 'flatMapWithState' || kind === 'reduce' || kind === 'aggregate'
}

/** The accumulator of a `reduce`; `undefined` until its first record. */
interface Sum {
  value: unknown
}

/** What the runtime runs for `step`. */
export function lowerKeyed(step: KeyedStep): KeyedPlan {
  const common = { ttlMs: step.options.ttl, schema: schemaOf(step.options) }
  if (step.kind === 'reduce') {
    const { fn } = step
    const take = (sum: Sum, value: unknown) => {
      sum.value = sum.value === undefined ? value : summed(fn(sum.value, value))
    }
    return {
      ...common,
      kind: 'aggregate',
      as: 'reduce',
      init: () => ({ value: undefined }),
      add: (sum, value) => {
        take(sum as Sum, value)
        // A function may change its sum in place, and other steps have the record that it would be.
        if ((sum as Sum).value === value) (sum as Sum).value = deepCopy(value)
      },
      combine: (sum, other) => {
        if ((other as Sum).value !== undefined) take(sum as Sum, (other as Sum).value)
      },
      result: (sum) => (sum as Sum).value,
      everyMs: step.options.every ?? EMIT_EVERY,
    }
  }
  if (step.kind === 'aggregate') {
    const { init, add, combine = null, result, every: everyMs = EMIT_EVERY } = step.options
    return { ...common, kind: 'aggregate', as: 'aggregate', init, add, combine, result, everyMs }
  }
  if (step.kind === 'mapWithState')
    return { ...common, kind: step.kind, init: step.options.init, step: step.options.step }
  return { ...common, kind: step.kind, init: step.options.init, step: step.options.step }
}

/** What the function of a `reduce` has answered: with nothing as its sum a key would begin anew. */
function summed(answer: unknown): unknown {
  if (answer === undefined) throw fail('E_NO_SUM')
  return atOnce(answer)
}

/**
 * Whether workers may add up before they send (PROTOCOLS 10). Not with a TTL: a key that is gone between two of its
 * records has nothing of the first one, and a sum does not tell them apart.
 */
export function mayPreAggregate(keyed: KeyedPlan): keyed is Extract<KeyedPlan, { kind: 'aggregate' }> {
  return keyed.kind === 'aggregate' && keyed.combine !== null && keyed.ttlMs === undefined
}

export function lowerAsync(options: AsyncOptions): { readonly concurrency: number; readonly timeoutMs: number } {
  return { concurrency: options.concurrency ?? ASYNC_CONCURRENCY, timeoutMs: options.timeoutMs ?? ASYNC_TIMEOUT }
}

function schemaOf(options: StateOptions<object>): SchemaPlan {
  const { schema } = options
  return { version: schema?.version ?? 1, migrate: schema?.migrate }
}
