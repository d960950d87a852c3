/**
 * Generates the code that copies states of one shape: plain objects, nested, with arrays of primitives or of objects of
 * one shape; what else stands in a field, or in such an array, is copied value by value (`deepCopy`). A field that is
 * named in the code costs a nanosecond, one that is looked up by a variable ten.
 *
 * G1. The code copies a state exactly or answers `undefined`: it looks at the kind of every field and goes through
 *     their names, so a missing, further or different one is seen, and another order, which a program may use (the
 *     field that was written last comes last). Primitives are shared, whatever their type.
 * G2. A name enters the code only through `JSON.stringify`; nothing else of a state does.
 */
import { type CopyCost, deepCopy, ITEM_BYTES, OBJECT_BYTES } from '../base/deep-copy.ts'

export interface ShapeCopier {
  /** A copy of `state`, or `undefined` where it has another shape. */
  copy(state: object, cost: CopyCost): object | undefined
  /**
   * Makes `into`, which `copy` has made, a copy of `state` and adds its bytes to `cost`; false where that has another
   * shape, or once its bytes are beyond the limit, and then `into` is a copy of nothing, but can be filled again. It
   * makes no object for fields that are primitives or arrays of them.
   */
  fill(state: object, into: object, cost: CopyCost): boolean
}

const DEPTH_MAX = 4
const FIELDS_MAX = 64

/** The code for states of the shape of `sample`, or `null` where none can be generated. */
export function generateCopier(sample: object): ShapeCopier | null {
  const copying = new Source('copy')
  const filling = new Source('fill')
  const made = copying.object('state', 'into', sample, 1)
  filling.object('state', 'into', sample, 1)
  if (made === null) return null
  const body = `${[...copying.constants, ...filling.constants].join('\n')}
  return {
    copy(state, cost) {
      ${copying.statements.join('\n')}
      cost.bytes += ${copying.bytes}
      return ${made}
    },
    fill(state, into, cost) {
      ${filling.statements.join('\n')}
      cost.bytes += ${filling.bytes}
      return cost.bytes <= cost.limit
    },
  }`
  const names = ['deepCopy', 'copyPrimitives', 'fillPrimitives', 'copyItems', 'hasOwn']
  return new Function(...names, body)(deepCopy, copyPrimitives, fillPrimitives, copyItems, Object.hasOwn)
}

/** Code under construction: of a new copy (`copy`), or of one that an earlier copy becomes (`fill`). */
class Source {
  /** Statements that come before the copy is put together, or that put it together. */
  readonly statements: string[] = []
  /** What the code refers to, made once, by names that begin with `prefix`. */
  readonly constants: string[]
  private readonly prefix: string
  /** Memory that every copy takes, roughly. */
  bytes = 0
  private readonly way: 'copy' | 'fill'
  private readonly otherwise: string
  private locals = 0

  constructor(way: 'copy' | 'fill', constants: string[] = [], prefix: string = way) {
    this.way = way
    this.constants = constants
    this.prefix = prefix
    this.otherwise = way === 'copy' ? 'return undefined' : 'return false'
  }

  /**
   * Adds the statements for the object that `path` names, whose copy stands at `into` where one is filled; returns the
   * expression of a new copy, `null` where there is none.
   */
  object(path: string, into: string, sample: object, depth: number): string | null {
    const names = Object.keys(sample)
    if (!isPlain(sample) || depth > DEPTH_MAX || names.length > FIELDS_MAX) return null
    // An inherited field would hide that the object's own one is missing (G1).
    if (names.some((name) => name in Object.prototype)) return null
    this.bytes += OBJECT_BYTES + names.length * ITEM_BYTES
    const count = this.local()
    this.refuse(`${path}.constructor !== Object`)
    // Behind the last one there is `undefined`, which is no name.
    const order = this.constant(JSON.stringify(names))
    this.statements.push(
      `let ${count} = 0`,
      `for (const name in ${path}) if (name !== ${order}[${count}++]) ${this.otherwise}`,
    )
    this.refuse(`${count} !== ${names.length}`)
    const fields = names.map((name) => {
      const quoted = JSON.stringify(name)
      const field = this.local()
      this.statements.push(`const ${field} = ${path}[${quoted}]`)
      this.refuse(`${field} === undefined && !hasOwn(${path}, ${quoted})`)
      return `${quoted}: ${this.field(field, `${into}[${quoted}]`, (sample as Record<string, unknown>)[name], depth)}`
    })
    return `{ ${fields.join(', ')} }`
  }

  private field(field: string, into: string, sample: unknown, depth: number): string {
    if (typeof sample !== 'object' || sample === null) {
      this.refuse(`typeof ${field} === 'object' && ${field} !== null`)
      if (this.way === 'fill') this.statements.push(`${into} = ${field}`)
      return field
    }
    if (Array.isArray(sample)) {
      const first: unknown = sample.find(isObject)
      if (first !== undefined) return this.items(field, into, first as object, depth)
      if (this.way === 'copy') return this.copied(`copyPrimitives(${field}, cost)`)
      this.refuse(`!fillPrimitives(${field}, ${into}, cost)`)
      return field
    }
    const before = this.statements.length
    this.refuse(`typeof ${field} !== 'object' || ${field} === null`)
    const copy = this.object(field, into, sample, depth + 1)
    if (copy !== null) return copy
    this.statements.length = before
    return this.anew(into, `deepCopy(${field}, cost)`)
  }

  /** The copy of an array, of which the first object is `sample`: a new one, also where one is filled. */
  private items(field: string, into: string, sample: object, depth: number): string {
    const inner = new Source('copy', this.constants, this.prefix)
    const made = inner.object('item', '', sample, depth + 1)
    if (made === null) return this.anew(into, `deepCopy(${field}, cost)`)
    const copyItem = this.constant(`(item, cost) => {
      ${inner.statements.join('\n')}
      cost.bytes += ${inner.bytes}
      return ${made}
    }`)
    return this.anew(into, `copyItems(${field}, cost, ${copyItem})`)
  }

  /**
   * The value of `expression`, which is `undefined` where the shape does not fit, as a new copy that also goes into one
   * that is filled.
   */
  private anew(into: string, expression: string): string {
    const copy = this.copied(expression)
    if (this.way === 'fill') this.statements.push(`${into} = ${copy}`)
    return copy
  }

  /** A local for the value of `expression`, which is `undefined` where the shape does not fit. */
  private copied(expression: string): string {
    const copy = this.local()
    this.statements.push(`const ${copy} = ${expression}`)
    this.refuse(`${copy} === undefined`)
    return copy
  }

  /** Ends the code where `condition` holds: the shape does not fit. */
  private refuse(condition: string): void {
    this.statements.push(`if (${condition}) ${this.otherwise}`)
  }

  /** A name for `value`. */
  private constant(value: string): string {
    const name = `${this.prefix}${this.constants.length}`
    this.constants.push(`const ${name} = ${value}`)
    return name
  }

  private local(): string {
    return `v${this.locals++}`
  }
}

/** A copy of `items` when they are an array of primitives, else `undefined`. */
function copyPrimitives(items: unknown, cost: CopyCost): unknown[] | undefined {
  if (!Array.isArray(items)) return undefined
  cost.bytes += OBJECT_BYTES + items.length * ITEM_BYTES
  for (let i = 0; i < items.length; i++) if (isObject(items[i])) return undefined
  return items.slice()
}

/**
 * A copy of `items` when they are an array: of each object by `copyItem`, or value by value where that answers
 * `undefined`.
 */
function copyItems(
  items: unknown,
  cost: CopyCost,
  copyItem: (item: object, cost: CopyCost) => object | undefined,
): unknown[] | undefined {
  if (!Array.isArray(items)) return undefined
  cost.bytes += OBJECT_BYTES + items.length * ITEM_BYTES
  if (cost.bytes > cost.limit) return []
  const copy: unknown[] = items.slice()
  let before = cost.bytes
  for (let i = 0; i < copy.length && cost.bytes <= cost.limit; i++) {
    const item = copy[i]
    if (isObject(item)) copy[i] = copyItem(item, cost) ?? copyOther(item, cost, before)
    before = cost.bytes
  }
  return copy
}

/** Of another shape: what a part of it has cost that was copied in vain does not count. */
function copyOther(item: object, cost: CopyCost, before: number): unknown {
  cost.bytes = before
  return deepCopy(item, cost)
}

/** Makes `into` a copy of `items` when they are an array of primitives, none of them missing; else answers false. */
function fillPrimitives(items: unknown, into: unknown[], cost: CopyCost): boolean {
  if (!Array.isArray(items)) return false
  const { length } = items
  cost.bytes += OBJECT_BYTES + length * ITEM_BYTES
  if (cost.bytes > cost.limit) return false
  if (into.length > length) into.length = length
  for (let i = 0; i < length; i++) {
    const item: unknown = items[i]
    // A place without an item reads as `undefined`, and would become an item.
    if (item === undefined || isObject(item)) return false
    if (i < into.length) into[i] = item
    else into.push(item)
  }
  return true
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function isPlain(value: object): boolean {
  return Object.getPrototypeOf(value) === Object.prototype
}
