/**
 * Finds out which value could not be written, and why: a slow, careful walk after a quick writer has given up, so that
 * the writer need not know where it is.
 */
import { DEPTH_MAX, viewTypes } from './format.ts'

export interface Fault {
  /** Which of the values. */
  readonly index: number
  /** The way into it: `.items[3].when`. */
  readonly path: string
  /** What stands there, as the rest of "… is": `a function`. */
  readonly got: string
}

/** The first fault in `values[0, count)`, or `null`. Values deeper than `depthMax` levels are faults. */
export function findFault(values: readonly unknown[], count: number, depthMax: number): Fault | null {
  for (let index = 0; index < count; index++) {
    const found = walk(values[index], '', [], depthMax)
    if (found !== null) return { index, ...found }
  }
  return null
}

/** A fault of a single value. */
export type Found = Pick<Fault, 'path' | 'got'>

/** What a fault says of a value that is deeper than `depthMax` levels: the only one that data from outside can have. */
export function tooDeep(depthMax: number): string {
  return `nested more than ${depthMax} levels deep`
}

/** `above` holds the objects on the way to `value`. */
function walk(value: unknown, path: string, above: readonly object[], depthMax: number): Found | null {
  if (typeof value === 'function') return { path, got: value.name ? `the function ${value.name}` : 'a function' }
  if (typeof value === 'symbol') return { path, got: 'a symbol' }
  if (typeof value !== 'object' || value === null) return null
  if (above.includes(value)) return { path, got: 'an object that holds itself' }
  if (above.length === depthMax) return { path, got: tooDeep(depthMax) }
  const inside = [...above, value]
  let at = path
  try {
    const parts = partsOf(value)
    if (parts === null) return { path, got: nameOf(value) }
    for (const [step, read] of parts) {
      at = path + step
      const found = walk(read(), at, inside, depthMax)
      if (found !== null) return found
      at = path
    }
  } catch (error) {
    return { path: at, got: `not readable (${String(error)})` }
  }
  return null
}

/**
 * Whether `value` may be deeper than `depthMax` levels, without saying where: quick, for who asks after every call.
 * True also of what holds itself.
 */
export function isDeeper(value: unknown, depthMax: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (depthMax === 0) return true
  if (ArrayBuffer.isView(value)) return false
  if (value instanceof Map) {
    for (const [key, one] of value) if (isDeeper(key, depthMax - 1) || isDeeper(one, depthMax - 1)) return true
    return false
  }
  if (Array.isArray(value) || value instanceof Set) {
    for (const one of value) if (isDeeper(one, depthMax - 1)) return true
    return false
  }
  for (const name in value) if (isDeeper((value as Readonly<Record<string, unknown>>)[name], depthMax - 1)) return true
  return false
}

/** Where `value` is nested deeper than can be written; `null` where it is not, whatever else is wrong with it. */
export function depthFault(value: unknown): Fault | null {
  if (!isDeeper(value, DEPTH_MAX)) return null
  const fault = findFault([value], 1, DEPTH_MAX)
  return fault?.got === tooDeep(DEPTH_MAX) ? fault : null
}

type Part = readonly [step: string, read: () => unknown]

/** What an object holds; `null` where it is of a type that cannot be written. */
export function partsOf(value: object): Iterable<Part> | null {
  const prototype = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return fieldsOf(value)
  if (prototype === Array.prototype && Array.isArray(value)) return elementsOf(value)
  if (prototype === Map.prototype && value instanceof Map) return entriesOf(value)
  if (prototype === Set.prototype && value instanceof Set) return membersOf(value)
  if (prototype === Date.prototype && value instanceof Date) return [['', () => value.getTime()]]
  const bytes = prototype === ArrayBuffer.prototype || viewTypes.some((type) => type.prototype === prototype)
  if (!bytes || !(value instanceof ArrayBuffer || ArrayBuffer.isView(value))) return null
  // Bytes that have been transferred to somebody else cannot be read here any more.
  const buffer = value instanceof ArrayBuffer ? value : value.buffer
  return [['', () => new Uint8Array(buffer).length]]
}

function* fieldsOf(value: object): Iterable<Part> {
  for (const name of Object.keys(value)) {
    const step = /^[\p{ID_Start}_$][\p{ID_Continue}$]*$/u.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`
    yield [step, () => (value as Readonly<Record<string, unknown>>)[name]]
  }
}

function* elementsOf(value: readonly unknown[]): Iterable<Part> {
  for (let i = 0; i < value.length; i++) yield [`[${i}]`, () => value[i]]
}

function* entriesOf(value: ReadonlyMap<unknown, unknown>): Iterable<Part> {
  let i = 0
  for (const [key, one] of value) {
    yield [`.keys()[${i}]`, () => key]
    yield [`.get(${typeof key === 'object' || typeof key === 'function' ? `keys()[${i}]` : nameOf(key)})`, () => one]
    i++
  }
}

function* membersOf(value: ReadonlySet<unknown>): Iterable<Part> {
  let i = 0
  for (const one of value) yield [`.values()[${i++}]`, () => one]
}

function nameOf(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value !== 'object' || value === null) return String(value)
  const maker: unknown = Object.getPrototypeOf(value)?.constructor
  const name = typeof maker === 'function' ? maker.name : ''
  return name === '' ? 'an object of a class' : `an instance of ${name}`
}
