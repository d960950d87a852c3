/** Numbers among the arguments of a command: what is none is refused by the name of its option. */
import { fail } from '../base/errors.ts'

/** A whole number from 1 to `most`. */
export function wholeNumber(option: string, text: string, most: number = Number.MAX_SAFE_INTEGER): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= 1 && value <= most) return value
  const range = most === Number.MAX_SAFE_INTEGER ? 'from 1 on' : `from 1 to ${most}`
  throw fail('E_USAGE', { reason: `${option} takes a whole number ${range}, not "${text}"` })
}

/** A number above 0. */
export function positive(option: string, text: string): number {
  const value = Number(text)
  if (Number.isFinite(value) && value > 0) return value
  throw fail('E_USAGE', { reason: `${option} takes a number above 0, not "${text}"` })
}

/** How many of any number of things: a whole number of them, or a share such as `99%`. */
export function portion(option: string, text: string): (all: number) => number {
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(text)?.[1]
  if (percent !== undefined && Number(percent) <= 100) return (all) => Math.ceil((Number(percent) / 100) * all)
  if (/^\d+$/.test(text)) return () => Number(text)
  throw fail('E_USAGE', { reason: `${option} takes a whole number, or a share such as 99%, not "${text}"` })
}
