/**
 * The options that each kind of step knows. Where types are not checked nobody else says that one is misspelt, and it would have
 * no effect: state that is to be forgotten would stay for good.
 */
import { nearest } from '../base/nearest.ts'
import type { Step } from './graph.ts'

const state = ['ttl', 'schema']

const known: Readonly<Partial<Record<Step['kind'], readonly string[]>>> = {
  asyncMap: ['concurrency', 'timeoutMs'],
  mapWithState: ['init', 'step', ...state],
  flatMapWithState: ['init', 'step', ...state],
  reduce: ['every', ...state],
  aggregate: ['init', 'add', 'combine', 'result', 'every', ...state],
}

/** The options of `step` that it does not know, each with what may be meant. */
export function unknownOptions(step: Step): readonly { readonly name: string; readonly hint: string }[] {
  const names = known[step.kind]
  if (names === undefined || !('options' in step) || typeof step.options !== 'object' || step.options === null)
    return []
  return Object.keys(step.options)
    .filter((name) => !names.includes(name))
    .map((name) => {
      const meant = nearest(name, names)
      return { name, hint: meant === null ? `it has ${names.join(', ')}` : `did you mean ${meant}?` }
    })
}
