/** Values of every kind that the codec takes, in every mixture that makes another sort of column. */
import fc from 'fast-check'

const text = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.string({ unit: 'binary', maxLength: 10 }),
  fc.constantFrom(
    '',
    'a',
    'é',
    'ÿ',
    'Ā',
    '漢字',
    '😀',
    '\ud800',
    '\udc00',
    'a\udfff',
    '\0',
    '__proto__',
    'x'.repeat(300),
  ),
)

const number = fc.oneof(
  fc.integer(),
  fc.integer({ min: -130, max: 130 }),
  fc.double(),
  fc.constantFrom(
    0,
    -0,
    Number.NaN,
    Infinity,
    -Infinity,
    127,
    128,
    -128,
    -129,
    32767,
    32768,
    2 ** 31,
    -(2 ** 31),
    2 ** 53,
  ),
)

const bigint = fc.oneof(fc.bigInt(), fc.bigInt({ min: -(2n ** 600n), max: 2n ** 600n }), fc.constantFrom(0n, -1n, 255n))

const bytes = fc.uint8Array({ maxLength: 20 })

const float16 = (globalThis as unknown as { Float16Array: { from(values: number[]): unknown } }).Float16Array

const view = fc.oneof(
  bytes,
  bytes.map((value) => Buffer.from(value)),
  bytes.map((value) => value.subarray(1)),
  fc.int8Array({ maxLength: 5 }),
  fc.uint8ClampedArray({ maxLength: 5 }),
  fc.int16Array({ maxLength: 5 }),
  fc.uint16Array({ maxLength: 5 }),
  fc.int32Array({ maxLength: 5 }),
  fc.uint32Array({ maxLength: 5 }),
  fc.float32Array({ maxLength: 5 }),
  fc.float64Array({ maxLength: 5 }),
  fc.bigInt64Array({ maxLength: 5 }),
  fc.bigUint64Array({ maxLength: 5 }),
  fc.array(fc.double(), { maxLength: 5 }).map((values) => float16.from(values)),
  bytes.map((value) => new Uint8Array(value).buffer),
)

const date = fc.date({ noInvalidDate: false })

const flag = fc.constantFrom(undefined, null, true, false)

const primitive = fc.oneof(flag, number, text, bigint)

const name = fc.oneof(
  fc.constantFrom(
    'a',
    'b',
    'id',
    'word',
    'constructor',
    'toString',
    'hasOwnProperty',
    '__proto__',
    '0',
    '10',
    '',
    'a"b',
    "'",
    '`$' + '{x}`',
    '\u2028',
    '\ud800',
    'é',
    'length',
    'valueOf',
    'then',
  ),
  fc.string({ maxLength: 5 }),
)

/** An object with these fields, also where one is called `__proto__`. */
export function objectOf(entries: readonly (readonly [string, unknown])[]): object {
  const made = {}
  for (const [key, value] of entries) {
    Object.defineProperty(made, key, { value, enumerable: true, configurable: true, writable: true })
  }
  return made
}

/** The same without prototype. */
function bareOf(entries: readonly (readonly [string, unknown])[]): object {
  return Object.setPrototypeOf(objectOf(entries), null)
}

/** `items` without those at the places where `gaps` says so. */
function holedOf(items: readonly unknown[], gaps: readonly boolean[]): unknown[] {
  const made = items.slice()
  gaps.forEach((gap, i) => {
    if (gap && i < made.length) delete made[i]
  })
  return made
}

const gaps = fc.array(fc.boolean(), { maxLength: 5 })

/** Any value. */
export const value: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'value' },
    primitive,
    view,
    date,
    fc.array(tie('value'), { maxLength: 5, depthIdentifier: 'value' }),
    fc.tuple(fc.array(tie('value'), { maxLength: 5, depthIdentifier: 'value' }), gaps).map((of) => holedOf(...of)),
    fc.array(fc.tuple(name, tie('value')), { maxLength: 5, depthIdentifier: 'value' }).map(objectOf),
    fc.array(fc.tuple(name, tie('value')), { maxLength: 5, depthIdentifier: 'value' }).map(bareOf),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 4 }).map((entries) => new Map(entries)),
    fc.array(tie('value'), { maxLength: 4 }).map((items) => new Set(items)),
  ),
})).value

/** A sort of values that make a column of one kind, or nearly. */
const sort: fc.Arbitrary<fc.Arbitrary<unknown>> = fc.letrec<{ sort: fc.Arbitrary<unknown> }>((tie) => ({
  sort: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'sort' },
    fc.constantFrom<fc.Arbitrary<unknown>>(
      flag,
      fc.boolean(),
      fc.integer(),
      fc.integer({ min: -128, max: 127 }),
      fc.integer({ min: -32768, max: 32767 }),
      fc.double(),
      number,
      text,
      fc.string({ maxLength: 12 }),
      bytes,
      bigint,
      date,
      value,
    ),
    tie('sort').map((of) => fc.oneof(of, flag)),
    tie('sort').map((of) => fc.array(of, { maxLength: 4 })),
    tie('sort').map((of) => fc.tuple(fc.array(of, { maxLength: 4 }), gaps).map((one) => holedOf(...one))),
    fc.array(fc.tuple(name, tie('sort')), { maxLength: 5 }).map((fields) => record(fields)),
    fc.array(fc.tuple(name, tie('sort')), { maxLength: 5 }).map((fields) => record(fields, bareOf)),
    fc
      .array(fc.array(fc.tuple(name, tie('sort')), { maxLength: 4 }), { minLength: 2, maxLength: 4 })
      .chain((variants) =>
        fc
          .constantFrom([objectOf], [bareOf], [objectOf, bareOf])
          .map((ways) => fc.oneof(...variants.map((fields, i) => record(fields, ways[i % ways.length])))),
      ),
    // Fields that are not always there.
    fc.array(fc.tuple(name, tie('sort')), { minLength: 1, maxLength: 4 }).map((fields) =>
      fc.tuple(record(fields), fc.nat()).map(([made, drop]) => {
        const names = Object.keys(made as object)
        const dropped = names[drop % names.length]
        return objectOf(Object.entries(made as object).filter(([key]) => key !== dropped))
      }),
    ),
  ),
})).sort

function record(
  fields: readonly (readonly [string, fc.Arbitrary<unknown>])[],
  way: typeof objectOf = objectOf,
): fc.Arbitrary<unknown> {
  return fc
    .tuple(...fields.map(([, of]) => of))
    .map((values) => way(fields.map(([key], i) => [key, values[i]] as const)))
}

/** Batches: of one sort of values, or of any values. */
export const batch: fc.Arbitrary<unknown[]> = fc.oneof(
  sort.chain((of) => fc.array(of, { maxLength: 40, size: 'max' })),
  fc.array(value, { maxLength: 20 }),
)
