/**
 * Copies of states:
 * - equal the original, whatever it holds, and share nothing that can change with it
 * - the same where a list holds objects of one shape, and now and then something else
 * - follow the state's shape when it changes: more fields, fewer, others, of other types, in another order
 * - that are filled again and again do so too, until they are taken
 * - that are handed back to be filled do so too, whatever their shape was, and know their size
 */
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Copier } from '../../src/state/copier.ts'

const scalar = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.string(),
  fc.boolean(),
  fc.bigInt(),
  fc.constantFrom(null, undefined),
)
const rich = fc.oneof(
  fc.date({ noInvalidDate: false }),
  fc.uint8Array(),
  fc.float64Array(),
  fc.array(fc.tuple(fc.string(), scalar)).map((entries) => new Map(entries)),
  fc.array(scalar).map((values) => new Set(values)),
)
const name = fc.constantFrom('a', 'b', 'c', 'total', 'n', "it's", '__proto__', 'constructor', 'x y')
const { value } = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 4 }, scalar, rich, fc.array(tie('value')), tie('list'), tie('object')),
  list: fc.array(
    fc.oneof(
      { weight: 6, arbitrary: fc.record({ a: scalar, b: tie('value') }, { noNullPrototype: true }) },
      {
        weight: 2,
        arbitrary: fc.record({ b: scalar, a: scalar, c: scalar }, { requiredKeys: ['b'], noNullPrototype: true }),
      },
      { weight: 1, arbitrary: tie('value') },
    ),
    { maxLength: 6 },
  ),
  object: fc.tuple(fc.array(fc.tuple(name, tie('value')), { maxLength: 4 }), fc.boolean()).map(([fields, bare]) => {
    const object: Record<string, unknown> = bare ? Object.create(null) : {}
    for (const [field, held] of fields) {
      Object.defineProperty(object, field, { value: held, writable: true, enumerable: true, configurable: true })
    }
    return object
  }),
}))
const state = fc.array(fc.tuple(name, value), { maxLength: 5 }).map((fields) => {
  const object: Record<string, unknown> = {}
  for (const [field, held] of fields) {
    Object.defineProperty(object, field, { value: held, writable: true, enumerable: true, configurable: true })
  }
  return object
})

/** Every object that can be reached from `value`. */
function reach(from: unknown, found = new Set<object>()): Set<object> {
  if (typeof from !== 'object' || from === null || found.has(from)) return found
  found.add(from)
  if (ArrayBuffer.isView(from)) found.add(from.buffer)
  else if (from instanceof Map) for (const [k, v] of from) reach(v, reach(k, found))
  else if (from instanceof Set) for (const v of from) reach(v, found)
  else for (const v of Object.values(from)) reach(v, found)
  return found
}

/** What both lead to. */
function sharedBy(one: unknown, other: unknown): readonly object[] {
  const parts = reach(other)
  return [...reach(one)].filter((object) => parts.has(object))
}

test('a copy equals its original and shares nothing with it', () => {
  fc.assert(
    fc.property(fc.array(state, { minLength: 1, maxLength: 12 }), (states) => {
      const copier = new Copier()
      // Each state twice: the second time by the copier that the first has made.
      for (const original of [...states, ...states]) {
        const copied = copier.copy(original)
        // `toStrictEqual` takes a field named `constructor` for the object's own.
        expect(isDeepStrictEqual(copied, original)).toBe(true)
        expect(sharedBy(copied, original)).toEqual([])
      }
    }),
    { numRuns: 1000 },
  )
})

test('a copy that is filled again equals its original, shares nothing with it, and stays as it is once taken', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(state, fc.boolean()), { minLength: 1, maxLength: 12 }), (states) => {
      const copier = new Copier()
      const taken: { readonly copy: object; readonly as: object }[] = []
      for (const [original, take] of [...states, ...states, ...states]) {
        const guarded = copier.guard(original)!
        expect(isDeepStrictEqual(guarded, original)).toBe(true)
        expect(sharedBy(guarded, original)).toEqual([])
        if (take) taken.push({ copy: copier.taken(guarded), as: original })
      }
      for (const { copy, as } of taken) expect(isDeepStrictEqual(copy, as)).toBe(true)
      const parts = taken.map(({ copy }) => reach(copy))
      for (const part of parts) {
        for (const other of parts) if (other !== part) expect([...part].filter((one) => other.has(one))).toEqual([])
      }
    }),
    { numRuns: 500 },
  )
})

test('a copy that is handed back to be filled becomes a copy of any other state, of the size of a new one', () => {
  fc.assert(
    fc.property(fc.array(state, { minLength: 1, maxLength: 12 }), (states) => {
      const copier = new Copier()
      let copy: object = {}
      let shape = -1
      for (const original of [...states, ...states, ...states]) {
        copy = copier.refill(copy, shape, original)
        shape = copier.shape
        const { bytes } = copier
        expect(isDeepStrictEqual(copy, original)).toBe(true)
        expect(sharedBy(copy, original)).toEqual([])
        copier.copy(original)
        expect(bytes).toBe(copier.bytes)
      }
    }),
    { numRuns: 500 },
  )
})

test('the order of fields is part of a copy: the least recently used one of a state may come first', () => {
  const copier = new Copier()
  const first = { recent: { a: 1, b: 2 }, n: 1 }
  copier.guard(first)
  const later = { recent: { b: 2, a: 1 }, n: 2 }
  for (const made of [copier.copy(later), copier.guard(later), copier.refill(copier.copy(first), 0, later)]) {
    expect(JSON.stringify(made)).toBe(JSON.stringify(later))
  }
})

test('a list without some of its items is filled as it is', () => {
  const copier = new Copier()
  copier.guard({ list: [1, 2, 3] })
  const holed: number[] = [1, 2, 3, 4]
  delete holed[1]
  for (const list of [holed, [1], [], [1, 2, 3, 4, 5], [undefined], ['a', null]]) {
    expect(copier.guard({ list })).toStrictEqual({ list })
  }
})

test('a state that has grown, shrunk or changed its types is copied as it is', () => {
  const copier = new Copier()
  const base = { n: 1, name: 'x', inner: { at: 2 }, list: [1, 2] }
  copier.copy(base)
  const changed: object[] = [
    { ...base, more: { deep: [1] } },
    { n: 1, name: 'x', inner: { at: 2 } },
    { ...base, n: { was: 'a number' } },
    { ...base, inner: [2] },
    { ...base, inner: null },
    { ...base, inner: new Map([['at', 2]]) },
    { ...base, list: { 0: 1 } },
    { ...base, list: [{ a: 1 }, [2]] },
    { ...base, name: undefined },
  ]
  for (const object of changed) {
    for (const copied of [copier.copy(object), copier.guard(object)]) {
      expect(copied).toStrictEqual(object)
      expect(sharedBy(copied, object)).toEqual([])
    }
  }
})

test('C5: what is larger than the limit is not copied before a call, until it is measured again; all else is, exactly', () => {
  fc.assert(
    fc.property(fc.array(state, { minLength: 1, maxLength: 8 }), fc.integer({ min: 0, max: 400 }), (states, limit) => {
      const copier = new Copier(limit)
      const unbounded = new Copier()
      for (const original of [...states, ...states]) {
        unbounded.copy(original)
        const guarded = copier.guard(original)
        expect(guarded === null).toBe(unbounded.bytes > limit)
        if (guarded === null) continue
        expect(isDeepStrictEqual(guarded, original)).toBe(true)
        expect(sharedBy(guarded, original)).toEqual([])
      }
    }),
    { numRuns: 300 },
  )
})

test('C5: a state that has become smaller is copied again once it is measured, and any one once all are', () => {
  const copier = new Copier(100)
  const list = { items: Array.from({ length: 50 }, (_, i) => ({ i })) }
  expect(copier.guard(list)).toBe(null)
  list.items.length = 1
  expect(copier.guard(list)).toBe(null)
  copier.measureAgain()
  expect(copier.guard(list)).toEqual({ items: [{ i: 0 }] })
  list.items.push(...Array.from({ length: 50 }, (_, i) => ({ i })))
  expect(copier.guard(list)).toBe(null)
  copier.guardAll()
  expect(copier.guard(list)).toEqual(list)
})
