/**
 * Copies the states of one step before they change: for a snapshot that is being written (PROTOCOLS 5) and to take back a
 * call that throws (PROTOCOLS 9).
 *
 * C1. A copy equals its original and shares nothing with it that can change.
 * C2. Whatever the shape, the copy is exact; a shape that has been seen before is only copied faster.
 * C3. What `guard` answers is filled again by the next `guard`: nearly every call returns, and a copy that is an object of its
 *     own costs four times as much and feeds the collector. Who wants to keep one takes it (`taken`).
 * C4. A copy of which `shape` is known can be filled again (`refill`), by whoever has it and needs it no more.
 */
import { type CopyCost, deepCopy } from './deep-copy.ts'
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
  private readonly cost: CopyCost = { bytes: 0 }
  private readonly shapes: ShapeCopier[] = []
  /** By shape: the copy that `guard` fills (C3). */
  private readonly guards: object[] = []
  private lessons = 0

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
    return this.learn(state)
  }

  /** A copy of `state` to put in its place if the call that follows throws: filled again by the next `guard` (C3). */
  guard(state: object): object {
    const { shapes, guards, cost } = this
    cost.bytes = 0
    for (let i = 0; i < shapes.length; i++) if (shapes[i]!.fill(state, guards[i]!, cost)) return guards[i]!
    return this.copy(state)
  }

  /** Takes `guarded`, which `guard` has answered last: it is filled no more (C3). */
  taken(guarded: object): object {
    const i = this.guards.indexOf(guarded)
    if (i >= 0) this.guards[i] = this.copy(guarded)
    return guarded
  }

  /** A copy of `state`: `copy`, of which `shape` was told when it was made, where it can be filled, else a new one (C4). */
  refill(copy: object, shape: number, state: object): object {
    const { cost } = this
    cost.bytes = 0
    if (shape < 0 || !this.shapes[shape]!.fill(state, copy, cost)) return this.copy(state)
    this.bytes = cost.bytes
    this.shape = shape
    return copy
  }

  private learn(state: object): object {
    if (this.shapes.length < SHAPES_MAX && this.lessons++ < LESSONS_MAX) {
      const copier = generateCopier(state)
      if (copier !== null) {
        // First the copy, which a state that holds itself does not have.
        this.guards.push(deepCopy(state) as object)
        this.shapes.push(copier)
      }
    }
    const { cost } = this
    cost.bytes = 0
    const copy = deepCopy(state, cost) as object
    this.bytes = cost.bytes
    return copy
  }
}
