/**
 * Generates the code that copies states of one shape: plain objects, nested, with arrays of primitives; what else stands
 * in a field is copied value by value (`deepCopy`). A field that is named in the code costs a nanosecond, one that is
 * looked up by a variable ten.
 *
 * G1. The code copies a state exactly or answers `undefined`: it looks at the kind of every field and counts the fields,
 *     so a missing, further or different one is seen. Primitives are shared, whatever their type.
 * G2. A name enters the code only through `JSON.stringify`; nothing else of a state does.
 */
import { type CopyBudget, deepCopy, ITEM_BYTES, OBJECT_BYTES } from './deep-copy.ts'

/** A copy of `state`, or `undefined` where it has another shape or `budget.left` has fallen below 0. */
export type ShapeCopier = (state: object, budget: CopyBudget) => object | undefined

const DEPTH_MAX = 4
const FIELDS_MAX = 64

/** The code for states of the shape of `sample`, or `null` where none can be generated. */
export function generateCopier(sample: object): ShapeCopier | null {
  const source = new Source()
  const copy = source.object('state', sample, 1)
  if (copy === null) return null
  const body = `return function copyShape(state, budget) {
    ${source.checks.join('\n')}
    budget.left -= ${source.bytes}
    return ${copy}
  }`
  return new Function('deepCopy', 'copyPrimitives', 'hasOwn', body)(deepCopy, copyPrimitives, Object.hasOwn)
}

/** Code under construction. */
class Source {
  /** Statements that come before the copy is put together. */
  readonly checks: string[] = []
  /** Memory that every copy takes, roughly. */
  bytes = 0
  private locals = 0

  /** Adds the checks for the object that `path` names; returns the expression of its copy, `null` where there is none. */
  object(path: string, sample: object, depth: number): string | null {
    const names = Object.keys(sample)
    if (!isPlain(sample) || depth > DEPTH_MAX || names.length > FIELDS_MAX) return null
    // An inherited field would hide that the object's own one is missing (G1).
    if (names.some((name) => name in Object.prototype)) return null
    this.bytes += OBJECT_BYTES + names.length * ITEM_BYTES
    const count = this.local()
    this.checks.push(
      `if (${path}.constructor !== Object) return undefined`,
      `let ${count} = 0`,
      `for (const name in ${path}) ${count}++`,
      `if (${count} !== ${names.length}) return undefined`,
    )
    const fields = names.map((name) => {
      const quoted = JSON.stringify(name)
      const field = this.local()
      this.checks.push(
        `const ${field} = ${path}[${quoted}]`,
        `if (${field} === undefined && !hasOwn(${path}, ${quoted})) return undefined`,
      )
      return `${quoted}: ${this.field(field, (sample as Record<string, unknown>)[name], depth)}`
    })
    return `{ ${fields.join(', ')} }`
  }

  private field(field: string, sample: unknown, depth: number): string {
    if (typeof sample !== 'object' || sample === null) {
      this.checks.push(`if (typeof ${field} === 'object' && ${field} !== null) return undefined`)
      return field
    }
    if (Array.isArray(sample) && !sample.some(isObject)) return this.copied(`copyPrimitives(${field}, budget)`)
    const checks = this.checks.length
    this.checks.push(`if (typeof ${field} !== 'object' || ${field} === null) return undefined`)
    const copy = this.object(field, sample, depth + 1)
    if (copy !== null) return copy
    this.checks.length = checks
    return this.copied(`deepCopy(${field}, budget)`)
  }

  /** A local for the value of `expression`, which is `undefined` where the shape does not fit. */
  private copied(expression: string): string {
    const copy = this.local()
    this.checks.push(`const ${copy} = ${expression}`, `if (budget.left < 0 || ${copy} === undefined) return undefined`)
    return copy
  }

  private local(): string {
    return `v${this.locals++}`
  }
}

/** A copy of `items` when they are an array of primitives, else `undefined`. */
function copyPrimitives(items: unknown, budget: CopyBudget): unknown[] | undefined {
  if (!Array.isArray(items)) return undefined
  budget.left -= OBJECT_BYTES + items.length * ITEM_BYTES
  if (budget.left < 0) return undefined
  for (let i = 0; i < items.length; i++) if (isObject(items[i])) return undefined
  return items.slice()
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

function isPlain(value: object): boolean {
  return Object.getPrototypeOf(value) === Object.prototype
}
