/**
 * Registers of the record that is being worked on. The loop over a batch sets them once per record; whatever comes of
 * the record copies them, and the failure detector reads which step is running.
 */
import { fail } from '../base/errors.ts'

export class Origin {
  time = 0
  split = 0
  position = 0
  /** Ordinal of the record that came in. */
  parent = 0
  /** Hash of the key that the record stands under, for what keeps it behind that key; `NaN` where it has none. */
  hash = Number.NaN
  /** Outputs of this record so far, over all leaves of the chain. */
  outputs = 0
  /** Index of the step that is running, in the owner's list of names. */
  step = 0
  readonly outputsMax: number

  constructor(outputsMax: number) {
    this.outputsMax = outputsMax
  }

  /**
   * The ordinal of the next output (`childOf`). Where it leaves the integers that a double holds, the record is
   * refused.
   */
  nextOrdinal(step: string): number {
    const index = this.outputs++
    if (index === 0) return this.within(2 * this.parent + 1, step)
    if (index >= this.outputsMax) throw fail('E_TOO_MANY_OUTPUTS', { step, limit: this.outputsMax })
    return this.within(childOf(this.parent, index), step)
  }

  private within(ordinal: number, step: string): number {
    if (ordinal > Number.MAX_SAFE_INTEGER) throw fail('E_LINEAGE_TOO_DEEP', { step })
    return ordinal
  }
}

/**
 * The ordinal of output `index` of a record with the ordinal `parent`. Written in binary, with 1 added, an ordinal is a
 * 1 and then a code for the index in each task on the way from the source's record. No code is the beginning of
 * another, so what came by different ways has different ordinals, however long the ways are (`batch.ts`, B2).
 *
 *     0      → 0
 *     index  → 1 · Elias' delta code of the index: its length, and then its lower bits
 *
 * One bit where one record becomes one, and 25 for one of 65,536.
 */
export function childOf(parent: number, index: number): number {
  if (index === 0) return 2 * parent + 1
  if (index < KNOWN) return (parent + 1) * factors[index]! + codes[index]!
  return (parent + 1) * factorOf(index) + codeOf(index)
}

/** Bits in front of the last ones of an index, in its code. */
function lengthBitsOf(index: number): number {
  return 31 - Math.clz32(32 - Math.clz32(index))
}

/** What makes room for the code of an index above 0. */
function factorOf(index: number): number {
  return 2 ** (2 + 2 * lengthBitsOf(index) + (31 - Math.clz32(index)))
}

/** The code itself, less the 1 that had been added. */
function codeOf(index: number): number {
  const bits = 31 - Math.clz32(index)
  const lengthBits = lengthBitsOf(index)
  const marks = 2 * ((2 << lengthBits) - 1)
  const length = marks * (1 << lengthBits) + (bits + 1 - (1 << lengthBits))
  return length * 2 ** bits + (index - 2 ** bits) - 1
}

/** Nearly every record becomes fewer than so many, and to work the code out each time cost a tenth of a word count. */
const KNOWN = 256
const factors = Float64Array.from({ length: KNOWN }, (_, index) => factorOf(index))
const codes = Float64Array.from({ length: KNOWN }, (_, index) => codeOf(index))
