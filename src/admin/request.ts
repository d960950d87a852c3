/** What a request says, checked: the first fault is named. */
import * as v from 'valibot'
import { fail } from '../base/errors.ts'
import { firstOf } from './shape.ts'

/** `body` as `schema` has it; throws `E_CONTROL_REQUEST`. */
export function parse<T>(schema: v.GenericSchema<unknown, T>, body: unknown): T {
  const parsed = v.safeParse(schema, body)
  if (parsed.success) return parsed.output
  const [path, fault] = firstOf(parsed.issues)
  throw fail('E_CONTROL_REQUEST', { reason: `${path || 'its body'} ${fault}` })
}

/**
 * The whole number `name` in the words of a query, at most `most`; `otherwise` where it is not there. Throws
 * `E_CONTROL_REQUEST`.
 */
export function countIn(query: URLSearchParams, name: string, otherwise: number, most = Infinity): number {
  const text = query.get(name)
  return text === null ? otherwise : Math.min(wholeNumber(`?${name}`, text), most)
}

/** The whole number that `text` is; throws `E_CONTROL_REQUEST`, which says `where` it stood. */
export function wholeNumber(where: string, text: string): number {
  // Anything else would be met by no count of what is listed.
  if (!/^\d{1,15}$/.test(text)) throw fail('E_CONTROL_REQUEST', { reason: `${where} is a whole number, not "${text}"` })
  return Number(text)
}

/** The value that `text` is; throws `E_CONTROL_REQUEST`, which says `where` it stood. */
export function jsonIn(where: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw fail('E_CONTROL_REQUEST', { reason: `${where} is no JSON` }, error)
  }
}
