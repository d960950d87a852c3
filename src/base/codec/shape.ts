/**
 * Shapes: the names of an object's fields in order, what a codec knows of them, and how it finds them again.
 *
 * O3. A table of shapes is bounded and may forget: a shape is only a faster way.
 */
import { FIELDS_MAX } from './format.ts'
import {
  type Gather,
  type GatherSome,
  generateGather,
  generateGatherSome,
  generateScatter,
  type Lane,
  type ReadColumn,
  type Scatter,
  WORD_UNITS,
} from './generate.ts'
import { isLatin1 } from './text.ts'

/** The lane for one field of objects that have it. */
function laneOf(values: readonly unknown[], count: number, name: string): Lane {
  let lane: Lane | null = null
  let units = 0
  for (let i = 0; i < count && lane !== 'any'; i++) {
    const value = (values[i] as Readonly<Record<string, unknown>>)[name]
    lane = lane === null ? laneOfValue(value) : widest(lane, laneOfValue(value))
    if (typeof value === 'string') units += value.length
  }
  return lane === 'word' && units > count * WORD_UNITS ? 'text' : (lane ?? 'any')
}

function laneOfValue(value: unknown): Lane {
  if (typeof value === 'number') return Object.is(value | 0, value) ? 'int' : 'double'
  if (typeof value === 'string') return isLatin1(value) ? 'word' : 'text'
  return value === undefined || value === null || typeof value === 'boolean' ? 'flag' : 'any'
}

function widest(a: Lane, b: Lane): Lane {
  if (a === b) return a
  if ((a === 'int' && b === 'double') || (a === 'double' && b === 'int')) return 'double'
  return (a === 'word' && b === 'text') || (a === 'text' && b === 'word') ? 'text' : 'any'
}

/** A shape as the writer knows it. */
export class WrittenShape {
  readonly names: readonly string[]
  /** Whether its objects have no prototype. */
  readonly bare: boolean
  /** The names as they stand in a block. */
  readonly signature: Buffer
  lanes: readonly Lane[] = []
  scatter: Scatter | null = null
  /** In its last block it stood among others, so it probably will again. */
  mixes = false

  constructor(names: readonly string[], bare: boolean) {
    this.names = names
    this.bare = bare
    this.signature = Buffer.from(JSON.stringify(names))
  }

  /** Chooses the lanes for objects that have the shape, and makes the code. */
  prepare(values: readonly unknown[], count: number): Scatter {
    this.lanes = this.names.map((name) => laneOf(values, count, name))
    return (this.scatter = generateScatter(this.names, this.lanes, this.bare))
  }

  /** Widens a lane after `outcome` of the scatter of `values`. Lanes never narrow again. */
  widen(values: readonly unknown[], outcome: number): Scatter {
    const field = outcome % FIELDS_MAX
    const seen = laneOf(values, (outcome - field) / FIELDS_MAX + 1, this.names[field]!)
    this.lanes = this.lanes.map((lane, f) => (f === field ? widest(lane, seen) : lane))
    return (this.scatter = generateScatter(this.names, this.lanes, this.bare))
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
  /** Where objects without prototype begin. */
  private bareRoot: Node = { next: new Map(), shape: null }

  constructor(nodesMax: number) {
    this.nodesMax = nodesMax
  }

  /**
   * The shape of `value`; `null` where it is no object of plain fields, has none, or more than fit an objects column.
   */
  find(value: unknown): WrittenShape | null {
    if (typeof value !== 'object' || value === null) return null
    const prototype = Object.getPrototypeOf(value)
    if (prototype !== Object.prototype && prototype !== null) return null
    const names = Object.keys(value)
    if (names.length === 0 || names.length > FIELDS_MAX) return null
    let node = prototype === null ? this.bareRoot : this.root
    let units = 0
    for (const name of names) {
      if ((units += name.length) > NAMES_UNITS_MAX) return null
      node = node.next.get(name) ?? this.add(node, name)
    }
    return (node.shape ??= new WrittenShape(names, prototype === null))
  }

  private add(node: Node, name: string): Node {
    if (this.nodes === this.nodesMax) {
      // The path that is being walked stays whole; the next one begins anew (O3).
      this.root = { next: new Map(), shape: null }
      this.bareRoot = { next: new Map(), shape: null }
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
class ReadShape {
  readonly names: readonly string[]
  private readonly bare: boolean
  private joined: readonly boolean[] | null = null
  private code: Gather | null = null
  private someCode: GatherSome | null = null

  constructor(names: readonly string[], bare: boolean) {
    this.names = names
    this.bare = bare
  }

  /** Whether texts of field `f` may be left for the gathering code to cut: while they have been so in every block. */
  mayJoin(f: number): boolean {
    return this.joined === null || this.joined[f]!
  }

  /** The code for `columns`. It is made anew where a field can no longer be joined; it never can again. */
  gather(columns: readonly ReadColumn[]): Gather {
    const joined = this.joinedIn(columns)
    return (this.code ??= generateGather(this.names, joined, this.bare))
  }

  /** The same for some of the objects in `columns`. */
  gatherSome(columns: readonly ReadColumn[]): GatherSome {
    const joined = this.joinedIn(columns)
    return (this.someCode ??= generateGatherSome(this.names, joined, this.bare))
  }

  /** Which of `columns` are joined; forgets code that was made for others. */
  private joinedIn(columns: readonly ReadColumn[]): readonly boolean[] {
    const { joined } = this
    if (joined !== null && columns.every((column, f) => isJoined(column) === joined[f])) return joined
    this.code = null
    this.someCode = null
    return (this.joined = columns.map(isJoined))
  }
}

function isJoined(column: ReadColumn): boolean {
  return 'text' in column
}

/** The reader's shapes, found by their signature. */
export class ReadShapes {
  private readonly shapesMax: number
  private readonly bare: boolean
  private readonly bySignature = new Map<string, ReadShape>()

  /** `bare`: of objects without prototype. */
  constructor(shapesMax: number, bare: boolean) {
    this.shapesMax = shapesMax
    this.bare = bare
  }

  /** The shape of a signature, given as one character per byte; `null` where it is none. */
  find(signature: string): ReadShape | null {
    const known = this.bySignature.get(signature)
    if (known !== undefined) return known
    const names = namesOf(signature)
    if (names === null) return null
    const shape = new ReadShape(names, this.bare)
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
