/**
 * Copies states before they change: for a freeze (PROTOCOLS 5) and to take back a call that throws (PROTOCOLS 9).
 *
 * A copier is generated for the shape of a state: plain objects of plain values, nested, with arrays of plain values.
 * It checks that the state still has that shape, field by field, and falls back to a general copy where it has not.
 *
 * V1. A copy equals its original and shares nothing with it that can change.
 */

/** Copies a state of one shape; `undefined` when it has another. */
type ShapeCopier = (state: object) => object | undefined

/** Shapes that one step's states may have before the general copy serves the rest. */
const SHAPES_MAX = 8
const DEPTH_MAX = 4
const FIELDS_MAX = 64

export class Copier {
  private readonly copiers: ShapeCopier[] = []
  private misses = 0

  /** An equal state that shares nothing with `state` (V1). */
  copy(state: object): object {
    const { copiers } = this
    for (let i = 0; i < copiers.length; i++) {
      const copied = copiers[i]!(state)
      if (copied !== undefined) return copied
    }
    return this.learn(state)
  }

  private learn(state: object): object {
    // A step whose states all differ in shape is served by the general copy after a few tries.
    if (this.copiers.length < SHAPES_MAX && this.misses < 4 * SHAPES_MAX) {
      this.misses++
      const copier = generate(state)
      if (copier !== null) this.copiers.push(copier)
    }
    return copyAny(state) as object
  }
}

/** A general copy of anything a state may hold. Typed arrays, `Map`, `Set` and `Date` keep their kind. */
export function copyAny(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(copyAny)
  if (value instanceof Map) return new Map(Array.from(value, ([k, v]) => [copyAny(k), copyAny(v)]))
  if (value instanceof Set) return new Set(Array.from(value, copyAny))
  if (value instanceof Date) return new Date(value.getTime())
  if (value instanceof ArrayBuffer) return value.slice(0)
  if (ArrayBuffer.isView(value)) return copyView(value)
  const copied: Record<string, unknown> = {}
  for (const name of Object.keys(value)) define(copied, name, copyAny((value as Record<string, unknown>)[name]))
  return copied
}

function copyView(view: ArrayBufferView): unknown {
  if (Buffer.isBuffer(view)) return Buffer.from(view)
  if (view instanceof DataView)
    return new DataView(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength))
  return (view as Uint8Array).slice()
}

/** Sets an own field, also one named `__proto__`. */
function define(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== '__proto__') object[name] = value
  else Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true })
}

/** A copier for states of the shape of `sample`, or `null` where none can be generated. */
function generate(sample: object): ShapeCopier | null {
  const lines: string[] = []
  const result = emit(sample, 's', lines, { next: 0 }, 0)
  if (result === null) return null
  // Field names come in through JSON.stringify only.
  return new Function('copyItems', `return (s) => {\n${lines.join('\n')}\nreturn ${result}\n}`)(
    copyItems,
  ) as ShapeCopier
}

/** Adds the checks for the object at `path` and answers the expression that copies it. */
function emit(sample: object, path: string, lines: string[], names: { next: number }, depth: number): string | null {
  if (Object.getPrototypeOf(sample) !== Object.prototype || depth > DEPTH_MAX) return null
  const fields = Object.keys(sample)
  // A name that every object has (`constructor`, `__proto__`) would be found where the field is missing.
  if (fields.length > FIELDS_MAX || fields.some((field) => field in Object.prototype)) return null
  const id = names.next++
  lines.push(`let n${id} = 0; for (const k in ${path}) n${id}++; if (n${id} !== ${fields.length}) return undefined`)
  const copied: string[] = []
  for (const field of fields) {
    const value = (sample as Record<string, unknown>)[field]
    const quoted = JSON.stringify(field)
    const local = `v${names.next++}`
    lines.push(`const ${local} = ${path}[${quoted}]`)
    lines.push(`if (${local} === undefined && !(${quoted} in ${path})) return undefined`)
    if (typeof value !== 'object' || value === null) {
      lines.push(`if (typeof ${local} === 'object' && ${local} !== null) return undefined`)
      copied.push(`${quoted}: ${local}`)
    } else if (Array.isArray(value)) {
      lines.push(`if (!Array.isArray(${local})) return undefined`)
      copied.push(`${quoted}: copyItems(${local})`)
    } else {
      lines.push(`if (typeof ${local} !== 'object' || ${local} === null) return undefined`)
      lines.push(`if (Object.getPrototypeOf(${local}) !== Object.prototype) return undefined`)
      const nested = emit(value, local, lines, names, depth + 1)
      if (nested === null) return null
      copied.push(`${quoted}: ${nested}`)
    }
  }
  return `{ ${copied.join(', ')} }`
}

function copyItems(items: readonly unknown[]): unknown[] {
  const copied = items.slice()
  for (let i = 0; i < copied.length; i++) {
    if (typeof copied[i] === 'object' && copied[i] !== null) copied[i] = copyAny(copied[i])
  }
  return copied
}
