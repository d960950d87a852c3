/**
 * Copies the states of one step before they change: for a snapshot that is being written (PROTOCOLS 5) and to take back
 * a call that throws (PROTOCOLS 9).
 *
 * C1. A copy equals its original and shares nothing with it that can change.
 * C2. Whatever the shape, the copy is exact; a shape that has been seen before is only copied faster.
 * C3. What `guard` answers is filled again by the next `guard`: nearly every call returns, and a copy that is an object
 *     of its own costs four times as much and feeds the collector. Who wants to keep one takes it (`taken`).
 * C4. A copy of which `shape` is known can be filled again (`refill`), by whoever has it and needs it no more.
 * C5. `guard` copies no state that is larger than its limit, and finds that out at no greater cost: otherwise a call
 *     would cost as much as all that its key has gathered. The fields of a large object cannot even be counted without
 *     going through all of them; so what was too large is taken to be so until `measureAgain`.
 */
import { type CopyCost, deepCopy } from '../base/deep-copy.ts'
import { generateCopier, type ShapeCopier } from './shape-copier.ts'

/** Shapes that one step's states may have before the others are copied value by value. */
const SHAPES_MAX = 4
/** States without a copier after which no further one is generated: generating costs as much as thousands of copies. */
const LESSONS_MAX = 16

export class Copier {
  /** Bytes of memory that the last copy took, roughly. */
  bytes = 0
  /** Of the last copy: what `refill` wants to know to fill it again, -1 where it cannot be. */
  shape = -1
  private readonly cost: CopyCost = { bytes: 0, limit: Infinity }
  private guardCost: CopyCost
  /** States that were too large for `guard`, `null` for none (C5). */
  private large: WeakSet<object> | null = null
  private readonly shapes: ShapeCopier[] = []
  /** By shape: the copy that `guard` fills (C3). */
  private readonly guards: object[] = []
  private lessons = 0

  /** `guardBytes`: the most that `guard` copies, in bytes (C5). */
  constructor(guardBytes = Infinity) {
    this.guardCost = { bytes: 0, limit: guardBytes }
  }

  /** From now on `guard` copies states of any size. */
  guardAll(): void {
    this.guardCost = { bytes: 0, limit: Infinity }
    this.large = null
  }

  /** What was too large for `guard` may have become smaller. */
  measureAgain(): void {
    this.large = null
  }

  /** A copy of `state` (C1). */
  copy(state: object): object {
    const { shapes, cost } = this
    for (let i = 0; i < shapes.length; i++) {
      cost.bytes = 0
      const copy = shapes[i]!.copy(state, cost)
      if (copy === undefined) continue
      this.bytes = cost.bytes
      this.shape = i
      return copy
    }
    this.shape = -1
    // First the copies, which a state that holds itself does not have.
    cost.bytes = 0
    const copy = deepCopy(state, cost) as object
    this.bytes = cost.bytes
    if (this.mayLearn) this.learn(state, deepCopy(state) as object)
    return copy
  }

  /**
   * A copy of `state` to put in its place if the call that follows throws: filled again by the next `guard` (C3).
   * `null` where it is too large (C5).
   */
  guard(state: object): object | null {
    const { shapes, guards, guardCost } = this
    if (this.large?.has(state)) return null
    for (let i = 0; i < shapes.length; i++) {
      guardCost.bytes = 0
      if (shapes[i]!.fill(state, guards[i]!, guardCost)) return guards[i]!
      if (guardCost.bytes > guardCost.limit) return this.tooLarge(state)
    }
    guardCost.bytes = 0
    const copy = deepCopy(state, guardCost) as object
    if (guardCost.bytes > guardCost.limit) return this.tooLarge(state)
    if (this.mayLearn) this.learn(state, copy)
    return copy
  }

  /** Takes `guarded`, which `guard` has answered last: it is filled no more (C3). */
  taken(guarded: object): object {
    const i = this.guards.indexOf(guarded)
    if (i >= 0) this.guards[i] = this.copy(guarded)
    return guarded
  }

  /**
   * A copy of `state`: `copy`, of which `shape` was told when it was made, where it can be filled, else a new one (C4).
   */
  refill(copy: object, shape: number, state: object): object {
    const { cost } = this
    cost.bytes = 0
    if (shape < 0 || !this.shapes[shape]!.fill(state, copy, cost)) return this.copy(state)
    this.bytes = cost.bytes
    this.shape = shape
    return copy
  }

  private tooLarge(state: object): null {
    this.large ??= new WeakSet()
    this.large.add(state)
    return null
  }

  private get mayLearn(): boolean {
    return this.shapes.length < SHAPES_MAX && this.lessons < LESSONS_MAX
  }

  /** Generates a copier for the shape of `state`, where that can be done; `guard` fills `guarded`, a copy of it. */
  private learn(state: object, guarded: object): void {
    this.lessons++
    const copier = generateCopier(state)
    if (copier === null) return
    this.guards.push(guarded)
    this.shapes.push(copier)
  }
}
