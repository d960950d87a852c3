/**
 * The format of a block of values: the codes that stand in the bytes.
 *
 *     block  := count varint · column of `count` values
 *     column := kind u8 · what the kind says below
 *
 * | kind | column |
 * |---|---|
 * | flags | a byte each: 0 `undefined`, 1 `null`, 2 `false`, 3 `true` |
 * | ints8 ints16 ints32 | signed integers of that width |
 * | doubles | f64 each |
 * | latin1, utf16 | lengths in UTF-16 units (an ints column) · all units one after another, of one or two bytes |
 * | bytes | lengths (an ints column) · all bytes one after another: `Uint8Array`s |
 * | sparse | a byte each: a flag, or 4 for a value of the column that follows · that column |
 * | lists | lengths (an ints column) · the column of all items one after another |
 * | objects | shape · a column for each field |
 * | variants | shapes u8 (at least 2) · a byte each: which shape · an objects column for each shape, without its kind |
 * | items | values one after another, each behind its tag |
 * | bare | as objects: of objects without prototype |
 * | holed | only as the items of lists: as sparse, where 5 stands for a hole |
 *
 *     shape  := bytes varint · the names of the fields in order, as a JSON array
 *
 * Q1. A block says everything that its reader must know: nothing is shared between two blocks.
 * Q2. A column has at least a byte for each of its values, and all columns together at most `CELLS_MAX`: so what a
 *     reader allocates is bounded by the bytes that it has.
 * Q3. What is read equals what was written, to the order of fields and the sign of zero: plain data (`undefined`,
 *     `null`, booleans, numbers, strings with lone surrogates, bigints, arrays with their holes, plain objects and
 *     objects without prototype), `Map`, `Set`, `Date`, `ArrayBuffer`, `Buffer` and typed arrays. Identity is not kept:
 *     what is referred to twice is read as two, and what is frozen can be changed. Fields that are symbols or not
 *     enumerable are no part of a value, nor are those of an array beside its items, and of a getter its value is
 *     (`loss.ts`).
 * Q4. A block without holes and without objects that have no prototype is of format 1, and a reader that knows no other
 *     one reads it. One with some of them is of format 2. To such a reader it is damaged, so a writer says which it has
 *     written, and who keeps or sends blocks says it where it is read.
 */

// Kinds of columns

export const FLAGS = 1
export const INTS8 = 2
export const INTS16 = 3
export const INTS32 = 4
export const DOUBLES = 5
export const LATIN1 = 6
export const UTF16 = 7
export const BYTES = 8
export const SPARSE = 9
export const LISTS = 10
export const OBJECTS = 11
export const VARIANTS = 12
export const ITEMS = 13
export const BARE = 14
export const HOLED = 15

/** In a sparse column: the value stands in the column that follows. */
export const PRESENT = 4
/** In a holed column: there is none. */
export const ABSENT = 5
/** What the flags stand for. */
export const flagValues: readonly unknown[] = [undefined, null, false, true]

// Tags of items; 0 to 3 are the flags.

export const INT = 4
export const DOUBLE = 5
/** units varint · a byte each */
export const TEXT_LATIN1 = 6
/** units varint · two bytes each */
export const TEXT_UTF16 = 7
/** sign u8 (1: negative) · bytes varint · the magnitude, highest byte first */
export const BIGINT = 8
/** count varint · items */
export const ARRAY = 9
/** count varint · a text item and an item for each field */
export const OBJECT = 10
/** count varint · an item and an item for each entry */
export const MAP = 11
/** count varint · items */
export const SET = 12
/** milliseconds f64; NaN is the invalid date */
export const DATE = 13
/** bytes varint · bytes */
export const ARRAY_BUFFER = 14
/** index in `viewTypes` u8 · bytes varint · bytes */
export const VIEW = 15
/** As an item of an array: there is none. */
export const HOLE = 16
/** As OBJECT: one without prototype. */
export const BARE_OBJECT = 17

/** What a block is of that has neither holes nor objects without prototype (Q4). */
export const FORMAT_PLAIN = 1
/** What any other one is of, and the newest that this program reads. */
export const FORMAT_EXACT = 2

// Bounds that are part of the format

/** Most fields of an object in an objects column; wider ones are items. */
export const FIELDS_MAX = 128
/** Most shapes in a variants column. */
export const VARIANTS_MAX = 16
/** Most values in all columns of a block together, the inner ones counted too. */
export const CELLS_MAX = 1 << 24
/** Levels of arrays and objects in a value. */
export const DEPTH_MAX = 64
/** Most values in a block. */
export const VALUES_MAX = 1 << 20
/** Longest block, in bytes. */
export const BYTES_MAX = 64 << 20

interface ViewType {
  readonly BYTES_PER_ELEMENT: number
  readonly prototype: ArrayBufferView
  new (buffer: ArrayBuffer): ArrayBufferView
}

/** `Float16Array` is in every Node that runs this, but not in the library types of its language version. */
const { Float16Array } = globalThis as unknown as { readonly Float16Array: ViewType }

/** The array types that may be values; only ever added to at the end. A `Buffer` is a type of its own. */
export const viewTypes: readonly (ViewType | typeof Buffer)[] = [
  Uint8Array,
  Buffer,
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  Float16Array,
]
