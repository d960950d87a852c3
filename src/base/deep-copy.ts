/**
 * A copy of any state, value by value: for what no copier was generated for. It is exact where the codec is
 * (`base/codec/format.ts`, Q3), and there alone.
 *
 * What a state may hold is what the codec of values can write (`base/codec`): plain data, `Map`, `Set`, `Date`,
 * `ArrayBuffer`, `Buffer` and typed arrays. Anything else is shared, and refused when the state is written.
 */

/** Counts what copies cost, in bytes of memory, roughly. */
export interface CopyCost {
  bytes: number
  /** Once `bytes` is beyond it, the rest is not copied, and what has been copied is a copy of nothing. */
  readonly limit: number
}

/** Bytes that an object costs by itself, with each field or item, and with each entry of a `Map` or `Set`, roughly. */
export const OBJECT_BYTES = 24
export const ITEM_BYTES = 8
const ENTRY_BYTES = 32

/** A copy of `value` that shares nothing with it that can change. */
export function deepCopy(value: unknown, cost: CopyCost = { bytes: 0, limit: Infinity }): unknown {
  if (typeof value !== 'object' || value === null) return value
  cost.bytes += OBJECT_BYTES
  if (cost.bytes > cost.limit) return value
  if (Array.isArray(value)) return copyArray(value, cost)
  if (value instanceof Map) return copyMap(value, cost)
  if (value instanceof Set) return copySet(value, cost)
  if (value instanceof Date) return new Date(value.getTime())
  if (ArrayBuffer.isView(value)) return copyView(value, cost)
  if (value instanceof ArrayBuffer) {
    cost.bytes += value.byteLength
    return cost.bytes > cost.limit ? value : value.slice(0)
  }
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  return copyFields(value as Record<string, unknown>, prototype, cost)
}

function copyArray(from: readonly unknown[], cost: CopyCost): unknown[] {
  cost.bytes += from.length * ITEM_BYTES
  if (cost.bytes > cost.limit) return []
  const copy = from.slice()
  for (let i = 0; i < copy.length && cost.bytes <= cost.limit; i++) {
    const item = copy[i]
    if (typeof item === 'object' && item !== null) copy[i] = deepCopy(item, cost)
  }
  return copy
}

function copyMap(from: ReadonlyMap<unknown, unknown>, cost: CopyCost): Map<unknown, unknown> {
  cost.bytes += from.size * ENTRY_BYTES
  const copy = new Map<unknown, unknown>()
  for (const [key, item] of from) {
    if (cost.bytes > cost.limit) break
    copy.set(deepCopy(key, cost), deepCopy(item, cost))
  }
  return copy
}

function copySet(from: ReadonlySet<unknown>, cost: CopyCost): Set<unknown> {
  cost.bytes += from.size * ENTRY_BYTES
  const copy = new Set<unknown>()
  for (const item of from) {
    if (cost.bytes > cost.limit) break
    copy.add(deepCopy(item, cost))
  }
  return copy
}

function copyView(from: ArrayBufferView, cost: CopyCost): ArrayBufferView {
  cost.bytes += from.byteLength
  if (cost.bytes > cost.limit) return from
  if (Buffer.isBuffer(from)) return Buffer.from(from)
  if (from instanceof DataView) {
    return new DataView(from.buffer.slice(from.byteOffset, from.byteOffset + from.byteLength))
  }
  return (from as Uint8Array).slice()
}

/** `prototype`: that of plain objects, or none. */
function copyFields(from: Record<string, unknown>, prototype: object | null, cost: CopyCost): unknown {
  const names = Object.keys(from)
  cost.bytes += names.length * ITEM_BYTES
  if (cost.bytes > cost.limit) return from
  const copy = prototype === null ? Object.assign(Object.create(null), from) : { ...from }
  for (const name of names) {
    if (cost.bytes > cost.limit) break
    const field = copy[name]
    if (typeof field === 'object' && field !== null) setField(copy, name, deepCopy(field, cost))
  }
  return copy
}

/** Sets a field of the object's own, also one named `__proto__`. */
function setField(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== '__proto__') object[name] = value
  else Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true })
}
