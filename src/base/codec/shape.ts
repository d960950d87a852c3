/**
 * Shapes: the names of an object's fields in order, and the code that takes objects of one shape apart and puts them
 * together again. It is generated, because a field that is named in the code costs a nanosecond and one that is looked
 * up by a variable costs ten.
 *
 * O1. A name enters generated code only through `JSON.stringify`; nothing else of a value does.
 * O2. An object has the shape when its prototype is `Object.prototype` or none, and its enumerable fields are exactly
 *     the shape's, in its order.
 * O3. A table of shapes is bounded and may forget: a shape is only a faster way.
 */
import { FIELDS_MAX } from './format.ts'
import { COPIED_UNITS, type JoinedTexts } from './text.ts'

/** How a field's values are gathered while objects are taken apart. */
export type Lane = 'int' | 'double' | 'text' | 'flag' | 'any'

/** Where they are gathered: numbers, lengths of texts, flags, or the values themselves. */
export type LaneStore = Int32Array | Float64Array | Uint8Array | unknown[]

/** All objects were taken apart. */
export const DONE = -1
/** One of the objects has another shape. */
export const OTHER_SHAPE = -2
/**
 * Takes `values[0, count)` apart: field f goes to `stores[f]`, its joined texts to `texts[f]`, and to `bits[f]` all bits
 * that its integers or lengths use. Returns `DONE`, `OTHER_SHAPE`, or, for the first value that does not fit its lane,
 * `i * FIELDS_MAX + f`.
 */
export type Scatter = (
  values: readonly unknown[],
  count: number,
  stores: readonly LaneStore[],
  texts: string[],
  bits: number[],
) => number

/** A field's values as they were read, or texts that the gathering code is still to cut. */
export type ReadColumn = ArrayLike<unknown> | JoinedTexts

/** Puts objects together: field f of object i is value i of `columns[f]`. */
export type Gather = (columns: readonly ReadColumn[], count: number, into: unknown[]) => void

/** The code that takes value `v` of field f, and gives up by `no` where it does not fit the lane. */
const lanes: Readonly<Record<Lane, (f: number, v: string, no: string) => string>> = {
  int: (f, v, no) =>
    `if (typeof ${v} !== 'number' || !Object.is(${v} | 0, ${v})) ${no}
    c${f}[i] = ${v}
    b${f} |= ${v} ^ (${v} >> 31)`,
  double: (f, v, no) => `if (typeof ${v} !== 'number') ${no}; c${f}[i] = ${v}`,
  text: (f, v, no) =>
    `if (typeof ${v} !== 'string') ${no}
    b${f} |= c${f}[i] = ${v}.length
    t${f} += ${v}`,
  flag: (f, v, no) =>
    `if (${v} === true) c${f}[i] = 3
    else if (${v} === false) c${f}[i] = 2
    else if (${v} === null) c${f}[i] = 1
    else if (${v} === undefined) c${f}[i] = 0
    else ${no}`,
  any: (f, v) => `c${f}[i] = ${v}`,
}

function generateScatter(names: readonly string[], of: readonly Lane[]): Scatter {
  const lines = (line: (f: number, name: string) => string) =>
    names.map((name, f) => line(f, JSON.stringify(name))).join('\n')
  // Reading `__proto__` is a twentieth of calling `getPrototypeOf`, which decides where it is not the usual one.
  const source = `
    return function scatter(values, count, stores, texts, bits) {
      ${lines((f) => `const c${f} = stores[${f}]; let t${f} = '', b${f} = 0`)}
      for (let i = 0; i < count; i++) {
        const o = values[i]
        if (typeof o !== 'object' || o === null) return ${OTHER_SHAPE}
        ${names.includes('__proto__') ? '' : 'if (o.__proto__ !== plain)'} {
          const prototype = Object.getPrototypeOf(o)
          if (prototype !== plain && prototype !== null) return ${OTHER_SHAPE}
        }
        let k = 0
        for (const name in o) {
          switch (k++) {
            ${lines((f, name) => `case ${f}: if (name !== ${name}) return ${OTHER_SHAPE}; break`)}
            default: return ${OTHER_SHAPE}
          }
        }
        if (k !== ${names.length}) return ${OTHER_SHAPE}
        ${lines((f, name) => `const v${f} = o[${name}]`)}
        ${lines((f) => lanes[of[f]!](f, `v${f}`, `return i * ${FIELDS_MAX} + ${f}`))}
      }
      ${lines((f) => `texts[${f}] = t${f}; bits[${f}] = b${f}`)}
      return ${DONE}
    }`
  return new Function('plain', source)(Object.prototype) as Scatter
}

/** `joined[f]`: the column of field f is `JoinedTexts`. */
function generateGather(names: readonly string[], joined: readonly boolean[]): Gather {
  const columns = names.map((_, f) =>
    joined[f]
      ? `const { text: t${f}, lengths: c${f}, copy: copy${f} } = columns[${f}]; let a${f} = 0, b${f} = 0`
      : `const c${f} = columns[${f}]`,
  )
  const fields = names.map((name, f) => {
    const quoted = JSON.stringify(name)
    // In brackets `__proto__` is a field like any other; for others they would only be slow.
    const key = name === '__proto__' ? `[${quoted}]` : quoted
    const cut = `b${f} - a${f} <= ${COPIED_UNITS} ? t${f}.slice(a${f}, b${f}) : copy${f}(a${f}, b${f})`
    return `${key}: ${joined[f] ? cut : `c${f}[i]`}`
  })
  const cuts = names.map((_, f) => (joined[f] ? `a${f} = b${f}; b${f} += c${f}[i]` : ''))
  const source = `
    ${columns.join('\n')}
    for (let i = 0; i < count; i++) {
      ${cuts.join('\n')}
      into[i] = { ${fields.join(', ')} }
    }`
  return new Function('columns', 'count', 'into', source) as Gather
}

/** The lane for one field of objects that have it. */
function laneOf(values: readonly unknown[], count: number, name: string): Lane {
  let lane: Lane | null = null
  for (let i = 0; i < count && lane !== 'any'; i++) {
    const value = (values[i] as Readonly<Record<string, unknown>>)[name]
    lane = lane === null ? laneOfValue(value) : widest(lane, laneOfValue(value))
  }
  return lane ?? 'any'
}

function laneOfValue(value: unknown): Lane {
  if (typeof value === 'number') return Object.is(value | 0, value) ? 'int' : 'double'
  if (typeof value === 'string') return 'text'
  return value === undefined || value === null || typeof value === 'boolean' ? 'flag' : 'any'
}

function widest(a: Lane, b: Lane): Lane {
  if (a === b) return a
  return (a === 'int' && b === 'double') || (a === 'double' && b === 'int') ? 'double' : 'any'
}

/** A shape as the writer knows it. */
export class WrittenShape {
  readonly names: readonly string[]
  /** The names as they stand in a block. */
  readonly signature: Buffer
  lanes: readonly Lane[] = []
  scatter: Scatter | null = null
  /** In its last block it stood among others, so it probably will again. */
  mixes = false

  constructor(names: readonly string[]) {
    this.names = names
    this.signature = Buffer.from(JSON.stringify(names))
  }

  /** Chooses the lanes for objects that have the shape, and makes the code. */
  prepare(values: readonly unknown[], count: number): Scatter {
    this.lanes = this.names.map((name) => laneOf(values, count, name))
    return (this.scatter = generateScatter(this.names, this.lanes))
  }

  /** Widens a lane after `outcome` of the scatter of `values`. Lanes never narrow again. */
  widen(values: readonly unknown[], outcome: number): Scatter {
    const field = outcome % FIELDS_MAX
    const seen = laneOf(values, (outcome - field) / FIELDS_MAX + 1, this.names[field]!)
    this.lanes = this.lanes.map((lane, f) => (f === field ? widest(lane, seen) : lane))
    return (this.scatter = generateScatter(this.names, this.lanes))
  }
}

interface Node {
  readonly next: Map<string, Node>
  shape: WrittenShape | null
}

/** The writer's shapes, found by an object's fields. */
export class WrittenShapes {
  private readonly nodesMax: number
  private nodes = 0
  private root: Node = { next: new Map(), shape: null }

  constructor(nodesMax: number) {
    this.nodesMax = nodesMax
  }

  /** The shape of `value`; `null` where it is no plain object, has no field, or more than fit an objects column. */
  find(value: unknown): WrittenShape | null {
    if (typeof value !== 'object' || value === null) return null
    const prototype = Object.getPrototypeOf(value)
    if (prototype !== Object.prototype && prototype !== null) return null
    const names = Object.keys(value)
    if (names.length === 0 || names.length > FIELDS_MAX) return null
    let node = this.root
    let units = 0
    for (const name of names) {
      if ((units += name.length) > NAMES_UNITS_MAX) return null
      node = node.next.get(name) ?? this.add(node, name)
    }
    return (node.shape ??= new WrittenShape(names))
  }

  private add(node: Node, name: string): Node {
    if (this.nodes === this.nodesMax) {
      // The path that is being walked stays whole; the next one begins anew (O3).
      this.root = { next: new Map(), shape: null }
      this.nodes = 0
    }
    this.nodes++
    const added: Node = { next: new Map(), shape: null }
    node.next.set(name, added)
    return added
  }
}

/** Units of all names of a shape together; longer ones are items. */
const NAMES_UNITS_MAX = 4096

/** A shape as the reader knows it. */
export class ReadShape {
  readonly names: readonly string[]
  private joined: readonly boolean[] | null = null
  private code: Gather | null = null

  constructor(names: readonly string[]) {
    this.names = names
  }

  /** Whether texts of field `f` may be left for the gathering code to cut: while they have been so in every block. */
  mayJoin(f: number): boolean {
    return this.joined === null || this.joined[f]!
  }

  /** The code for `columns`. It is made anew where a field can no longer be joined; it never can again. */
  gather(columns: readonly ReadColumn[]): Gather {
    const { joined } = this
    if (joined !== null && columns.every((column, f) => isJoined(column) === joined[f])) return this.code!
    this.joined = columns.map(isJoined)
    return (this.code = generateGather(this.names, this.joined))
  }
}

function isJoined(column: ReadColumn): boolean {
  return 'text' in column
}

/** The reader's shapes, found by their signature. */
export class ReadShapes {
  private readonly shapesMax: number
  private readonly bySignature = new Map<string, ReadShape>()

  constructor(shapesMax: number) {
    this.shapesMax = shapesMax
  }

  /** The shape of a signature, given as one character per byte; `null` where it is none. */
  find(signature: string): ReadShape | null {
    const known = this.bySignature.get(signature)
    if (known !== undefined) return known
    const names = namesOf(signature)
    if (names === null) return null
    const shape = new ReadShape(names)
    if (this.bySignature.size === this.shapesMax) this.bySignature.clear()
    this.bySignature.set(signature, shape)
    return shape
  }
}

function namesOf(signature: string): readonly string[] | null {
  let names: unknown
  try {
    names = JSON.parse(Buffer.from(signature, 'latin1').toString())
  } catch {
    return null
  }
  if (!Array.isArray(names) || names.length === 0 || names.length > FIELDS_MAX) return null
  if (!names.every((name) => typeof name === 'string')) return null
  return new Set(names).size === names.length ? names : null
}
