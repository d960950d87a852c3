/** The options that each kind of step knows. */

import { isOptions, unknownNames } from '../base/option-names.ts'
import type { Step } from './graph.ts'

const state = ['ttl', 'schema']
const SCHEMA = ['version', 'migrate']

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
  if (names === undefined || !('options' in step) || !isOptions(step.options)) return []
  const { schema } = step.options
  return [...unknown(step.options, names), ...(isOptions(schema) ? unknown(schema, SCHEMA, 'schema.') : [])]
}

function unknown(given: object, known: readonly string[], before = '') {
  return unknownNames(given, known).map(({ name, meant }) => ({
    name: before + name,
    hint: meant === null ? `it has ${known.join(', ')}` : `did you mean ${meant}?`,
  }))
}
