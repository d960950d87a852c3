/** Typed arrays that are used within one call and then again by the next: making one costs more than filling it. */

/** Longer ones are not kept. */
const KEPT = 1 << 16
const SHORTEST = 1024

type Numbers = Int32Array | Float64Array | Uint8Array

/** A stack of arrays of one type. Whoever takes gives back in the opposite order, by `release`. */
class Stack<A extends Numbers> {
  private readonly make: (length: number) => A
  private readonly kept: A[] = []
  used = 0

  constructor(make: (length: number) => A) {
    this.make = make
  }

  take(length: number): A {
    const at = this.used++
    const kept = this.kept[at]
    if (kept !== undefined && kept.length >= length) return kept
    const made = this.make(Math.max(length, SHORTEST))
    this.kept[at] = made
    return made
  }

  release(used: number): void {
    for (let at = used; at < this.used; at++) {
      if (this.kept[at]!.length > KEPT) this.kept[at] = this.make(SHORTEST)
    }
    this.used = used
  }
}

export class Scratch {
  readonly ints = new Stack((length) => new Int32Array(length))
  readonly doubles = new Stack((length) => new Float64Array(length))
  readonly flags = new Stack((length) => new Uint8Array(length))

  /** Gives back what was taken since `ints.used`, `doubles.used` and `flags.used` were these. */
  release(ints: number, doubles: number, flags = 0): void {
    this.ints.release(ints)
    this.doubles.release(doubles)
    this.flags.release(flags)
  }
}
