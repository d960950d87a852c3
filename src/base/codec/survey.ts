/** A look at the values of a column: which sorts of them occur. */
import { PRESENT } from './format.ts'

export const FLAG = 1
export const INT = 2
export const DOUBLE = 4
export const TEXT = 8
export const LIST = 16
export const OBJECT = 32
export const BYTES = 64
export const OTHER = 128

/** Which sorts of values occur in `values[0, count)`. */
export function survey(values: readonly unknown[], count: number): number {
  let seen = 0
  for (let i = 0; i < count; i++) {
    const value = values[i]
    if (typeof value === 'string') seen |= TEXT
    else if (typeof value === 'number') seen |= Object.is(value | 0, value) ? INT : DOUBLE
    else if (value === undefined || value === null || typeof value === 'boolean') seen |= FLAG
    else if (typeof value === 'object') seen |= sortOf(value)
    else seen |= OTHER
  }
  return seen
}

function sortOf(value: object): number {
  const prototype = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return OBJECT
  if (prototype === Array.prototype && Array.isArray(value)) return LIST
  return prototype === Uint8Array.prototype && value instanceof Uint8Array ? BYTES : OTHER
}

/** Whether there are flags, and all else is of one kind. */
export function isSparse(seen: number): boolean {
  const rest = seen & ~FLAG
  if (rest === seen) return false
  return rest === (INT | DOUBLE) || ((rest & (rest - 1)) === 0 && rest !== OTHER)
}

/** The code of a flag, or `PRESENT` for every other value. */
export function flagOf(value: unknown): number {
  if (value === true) return 3
  if (value === false) return 2
  if (value === null) return 1
  return value === undefined ? 0 : PRESENT
}
