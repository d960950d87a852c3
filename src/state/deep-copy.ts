/**
 * A copy of any state, value by value: for what no copier was generated for.
 *
 * What a state may hold is what the codec of values can write (`base/codec`): plain data, `Map`, `Set`, `Date`,
 * `ArrayBuffer`, `Buffer` and typed arrays. Anything else is shared, and refused when the state is written.
 */

/** Counts what a copy costs, in bytes of memory, roughly; below 0 the copy is given up. */
export interface CopyBudget {
  left: number
}

/** Bytes that an object costs by itself, with each field or item, and with each entry of a `Map` or `Set`, roughly. */
export const OBJECT_BYTES = 24
export const ITEM_BYTES = 8
const ENTRY_BYTES = 32

/** A copy of `value` that shares nothing with it that can change; worthless when `budget.left` has fallen below 0. */
export function deepCopy(value: unknown, budget: CopyBudget): unknown {
  if (typeof value !== 'object' || value === null) return value
  budget.left -= OBJECT_BYTES
  if (Array.isArray(value)) return copyArray(value, budget)
  if (value instanceof Map) return copyMap(value, budget)
  if (value instanceof Set) return copySet(value, budget)
  if (value instanceof Date) return new Date(value.getTime())
  if (ArrayBuffer.isView(value)) return copyView(value, budget)
  if (value instanceof ArrayBuffer) {
    return spend(budget, value.byteLength) ? value.slice(0) : undefined
  }
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  return copyFields(value as Record<string, unknown>, budget)
}

function spend(budget: CopyBudget, bytes: number): boolean {
  budget.left -= bytes
  return budget.left >= 0
}

function copyArray(from: readonly unknown[], budget: CopyBudget): unknown[] {
  if (!spend(budget, from.length * ITEM_BYTES)) return []
  const copy = from.slice()
  for (let i = 0; i < copy.length; i++) {
    const item = copy[i]
    if (typeof item === 'object' && item !== null) copy[i] = deepCopy(item, budget)
  }
  return copy
}

function copyMap(from: ReadonlyMap<unknown, unknown>, budget: CopyBudget): Map<unknown, unknown> {
  const copy = new Map<unknown, unknown>()
  if (!spend(budget, from.size * ENTRY_BYTES)) return copy
  for (const [key, item] of from) copy.set(deepCopy(key, budget), deepCopy(item, budget))
  return copy
}

function copySet(from: ReadonlySet<unknown>, budget: CopyBudget): Set<unknown> {
  const copy = new Set<unknown>()
  if (!spend(budget, from.size * ENTRY_BYTES)) return copy
  for (const item of from) copy.add(deepCopy(item, budget))
  return copy
}

function copyView(from: ArrayBufferView, budget: CopyBudget): ArrayBufferView | undefined {
  if (!spend(budget, from.byteLength)) return undefined
  if (Buffer.isBuffer(from)) return Buffer.from(from)
  if (from instanceof DataView) {
    return new DataView(from.buffer.slice(from.byteOffset, from.byteOffset + from.byteLength))
  }
  return (from as Uint8Array).slice()
}

function copyFields(from: Record<string, unknown>, budget: CopyBudget): unknown {
  const copy = { ...from }
  const names = Object.keys(copy)
  if (!spend(budget, names.length * ITEM_BYTES)) return copy
  for (const name of names) {
    const field = copy[name]
    if (typeof field === 'object' && field !== null) setField(copy, name, deepCopy(field, budget))
  }
  return copy
}

/** Sets a field of the object's own, also one named `__proto__`. */
function setField(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== '__proto__') object[name] = value
  else Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true })
}
