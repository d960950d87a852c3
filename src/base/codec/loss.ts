/**
 * What a value has that can be written and is not read: the codec leaves it out, or puts something else in its place
 * (`format.ts`, Q3). To see it costs a walk over all that a value has, so development and tests look, and production
 * does not.
 */
import { type Found, partsOf } from './fault.ts'

/** The first such thing in `value`, which can be written otherwise; `null` where there is none. */
export function findLoss(value: unknown, path = ''): Found | null {
  if (typeof value !== 'object' || value === null) return null
  const own = lossOf(value)
  if (own !== null) return { path: path + own.path, got: own.got }
  for (const [step, read] of partsOf(value) ?? []) {
    const found = findLoss(read(), path + step)
    if (found !== null) return found
  }
  return null
}

function lossOf(value: object): Found | null {
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return lossOfBytes(value)
  if (Array.isArray(value)) return lossBeside(value, (name) => name === 'length' || INDEX.test(name))
  if (value instanceof Map || value instanceof Set || value instanceof Date) return lossBeside(value, () => false)
  for (const name of Reflect.ownKeys(value)) {
    const field = Object.getOwnPropertyDescriptor(value, name)!
    if (typeof name === 'symbol') return { path: stepTo(name), got: 'a field with a symbol for a name' }
    if (field.value === undefined && 'get' in field) return { path: stepTo(name), got: 'a getter or setter' }
    if (!field.enumerable) return { path: stepTo(name), got: 'a field that is not enumerable' }
  }
  return null
}

const INDEX = /^(0|[1-9]\d*)$/

/** What `value` has by a name that is none of its items'. */
function lossBeside(value: object, isItem: (name: string) => boolean): Found | null {
  const name = Reflect.ownKeys(value).find((one) => typeof one === 'symbol' || !isItem(one))
  if (name === undefined) return null
  const kind = Array.isArray(value) ? 'an array' : `a ${value.constructor.name}`
  return { path: stepTo(name), got: `a field that ${kind} has beside what it holds` }
}

/** Bytes are read into memory of their own, which nobody shares and which has their length. */
function lossOfBytes(value: ArrayBuffer | ArrayBufferView): Found | null {
  const buffer = ArrayBuffer.isView(value) ? value.buffer : value
  if (!(buffer instanceof ArrayBuffer)) return { path: '', got: 'memory that others share' }
  const { resizable } = buffer as ArrayBuffer & { readonly resizable: boolean }
  return resizable ? { path: '', got: 'memory that can be resized' } : null
}

function stepTo(name: string | symbol): string {
  return typeof name === 'symbol' ? `[${String(name)}]` : `.${name}`
}
