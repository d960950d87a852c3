/**
 * Code for objects of one shape: it takes them apart into a store for each field, and puts them together again. It is
 * generated, because a field that is named in the code costs a nanosecond and one that is named by a variable seven.
 *
 * O1. A name enters generated code only through `JSON.stringify`; nothing else of a value does.
 * O2. An object has the shape when its prototype is `Object.prototype`, or it has none and the shape is a bare one, and
 *     its enumerable fields are exactly the shape's, in its order.
 */
import { FIELDS_MAX } from './format.ts'
import { COPIED_UNITS, type JoinedTexts } from './text.ts'

/** How a field's values are gathered while objects are taken apart. */
export type Lane = 'int' | 'double' | 'word' | 'text' | 'flag' | 'any'

/** Where they are gathered: numbers, lengths of texts, words, flags, or the values themselves. */
export type LaneStore = Int32Array | Float64Array | Uint8Array | Words | unknown[]

/** Short texts of one byte per unit. They are copied unit by unit, which costs less than joining them. */
export interface Words {
  readonly lengths: Int32Array
  /** The units of all, one after another, and how many they are. */
  readonly units: Uint8Array
  used: number
}

/** Most units of the words of a lane on average: beyond that joining costs less. */
export const WORD_UNITS = 8

/** All objects were taken apart. */
export const DONE = -1
/** One of the objects has another shape. */
export const OTHER_SHAPE = -2
/**
 * Takes `values[0, count)` apart: field f goes to `stores[f]`, its joined texts to `texts[f]`, and to `bits[f]` all
 * bits that its integers or lengths use. Returns `DONE`, `OTHER_SHAPE`, or, for the first value that does not fit its
 * lane, `i * FIELDS_MAX + f`.
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

/** The same of those `i` alone for which `wanted[i]` is 1. */
export type GatherSome = (columns: readonly ReadColumn[], count: number, into: unknown[], wanted: Wanted) => void

/** By its place: 1 for a value that is to be made, 0 for one that is passed over. */
export type Wanted = Uint8Array

/** The code that takes value `v` of field f, and gives up by `no` where it does not fit the lane. */
const lanes: Readonly<Record<Lane, (f: number, v: string, no: string) => string>> = {
  int: (f, v, no) =>
    `if (typeof ${v} !== 'number') ${no}
    const w${f} = ${v} | 0
    if (w${f} !== ${v} || (w${f} === 0 && Object.is(${v}, -0))) ${no}
    c${f}[i] = w${f}
    b${f} |= w${f} ^ (w${f} >> 31)`,
  double: (f, v, no) => `if (typeof ${v} !== 'number') ${no}; c${f}[i] = ${v}`,
  word: (f, v, no) =>
    `if (typeof ${v} !== 'string') ${no}
    const n${f} = ${v}.length
    if (a${f} + n${f} > count * ${WORD_UNITS}) ${no}
    let w${f} = 0
    ${copyUnits(f, v)}
    if (w${f} > 255) ${no}
    a${f} += n${f}
    b${f} |= c${f}[i] = n${f}`,
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

/**
 * Copies the units of `v`. Most words end within the first ones, which have code of their own and no turn of a loop:
 * the processor foresees an end for each of them, where one loop's end is a guess for every word.
 */
function copyUnits(f: number, v: string): string {
  const copy = `{ const unit = ${v}.charCodeAt(k); w${f} |= unit; u${f}[a${f} + k++] = unit }`
  const first = Array.from({ length: WORD_UNITS }, () => `if (k === n${f}) break units; ${copy}`)
  return `units: { let k = 0; ${first.join('\n')}; while (k < n${f}) ${copy} }`
}

export function generateScatter(names: readonly string[], of: readonly Lane[], bare: boolean): Scatter {
  const lines = (line: (f: number, name: string) => string) =>
    names.map((name, f) => line(f, JSON.stringify(name))).join('\n')
  const opened = (f: number) =>
    of[f] === 'word' ? `a${f} = 0, { lengths: c${f}, units: u${f} } = stores[${f}]` : `t${f} = '', c${f} = stores[${f}]`
  const closed = (f: number) => (of[f] === 'word' ? `stores[${f}].used = a${f}` : `texts[${f}] = t${f}`)
  const take = (f: number, name: string) =>
    `const v${f} = values[i][${name}]
    ${lanes[of[f]!](f, `v${f}`, `return i * ${FIELDS_MAX} + ${f}`)}`
  // Words have a loop of their own: their many branches and the check of shapes spoil each other's foresight.
  const isWord = (f: number) => of[f] === 'word'
  // Reading `__proto__` is a twentieth of calling `getPrototypeOf`, which decides where it is not the usual one.
  const glance = bare || names.includes('__proto__') ? '' : 'if (o.__proto__ !== plain)'
  const source = `
    return function scatter(values, count, stores, texts, bits) {
      ${lines((f) => `let b${f} = 0, ${opened(f)}`)}
      for (let i = 0; i < count; i++) {
        const o = values[i]
        if (typeof o !== 'object' || o === null) return ${OTHER_SHAPE}
        ${glance} if (Object.getPrototypeOf(o) !== ${bare ? 'null' : 'plain'}) return ${OTHER_SHAPE}
        let k = 0
        for (const name in o) {
          switch (k++) {
            ${lines((f, name) => `case ${f}: if (name !== ${name}) return ${OTHER_SHAPE}; break`)}
            default: return ${OTHER_SHAPE}
          }
        }
        if (k !== ${names.length}) return ${OTHER_SHAPE}
        ${lines((f, name) => (isWord(f) ? '' : take(f, name)))}
      }
      ${lines((f, name) => (isWord(f) ? `for (let i = 0; i < count; i++) { ${take(f, name)} }` : ''))}
      ${lines((f) => `bits[${f}] = b${f}; ${closed(f)}`)}
      return ${DONE}
    }`
  return new Function('plain', source)(Object.prototype) as Scatter
}

/**
 * Copies the units of `texts[0, count)` into `words` and answers all bits that their lengths use; -1 where they are no
 * short texts of one byte per unit.
 */
export const copyWords = new Function(
  'texts',
  'count',
  'words',
  `let b0 = 0, a0 = 0
  const { lengths: c0, units: u0 } = words
  for (let i = 0; i < count; i++) {
    const v0 = texts[i]
    ${lanes.word(0, 'v0', 'return -1')}
  }
  words.used = a0
  return b0`,
) as (texts: readonly string[], count: number, words: Words) => number

/** `joined[f]`: the column of field f is `JoinedTexts`. */
export function generateGather(names: readonly string[], joined: readonly boolean[], bare: boolean): Gather {
  return new Function('columns', 'count', 'into', gathering(names, joined, bare, '')) as Gather
}

/** With code of its own: the other one runs for every record that crosses. */
export function generateGatherSome(names: readonly string[], joined: readonly boolean[], bare: boolean): GatherSome {
  const source = gathering(names, joined, bare, 'if (wanted[i] === 1)')
  return new Function('columns', 'count', 'into', 'wanted', source) as GatherSome
}

function gathering(names: readonly string[], joined: readonly boolean[], bare: boolean, only: string): string {
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
  return `
    ${columns.join('\n')}
    for (let i = 0; i < count; i++) {
      ${cuts.join('\n')}
      ${only} into[i] = { ${bare ? '__proto__: null, ' : ''}${fields.join(', ')} }
    }`
}
