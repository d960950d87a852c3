/**
 * What can be reached from a value and can change: two that reach the same change together.
 *
 * Bytes are told apart by where they lie: a `Buffer` is mostly cut from a block that it shares with many others, and
 * two that lie side by side have nothing in common.
 */
import type { Key } from '../base/hash.ts'

/** Bytes of a block: from `start` to `end`. */
interface Stretch {
  readonly block: ArrayBufferLike
  readonly start: number
  readonly end: number
}

export interface Reach {
  readonly objects: ReadonlySet<object>
  readonly stretches: readonly Stretch[]
}

export function reachOf(value: unknown): Reach {
  const objects = new Set<object>()
  const stretches: Stretch[] = []
  const visit = (one: unknown): void => {
    if (typeof one !== 'object' || one === null || objects.has(one)) return
    // What cannot change may be shared.
    if (!Object.isFrozen(one)) objects.add(one)
    if (ArrayBuffer.isView(one)) stretches.push(stretchOf(one.buffer, one.byteOffset, one.byteLength))
    else if (one instanceof ArrayBuffer) stretches.push(stretchOf(one, 0, one.byteLength))
    else if (one instanceof Map) for (const [key, held] of one) [key, held].forEach(visit)
    else if (one instanceof Set) one.forEach(visit)
    else if (!(one instanceof Date)) Object.values(one).forEach(visit)
  }
  visit(value)
  return { objects, stretches }
}

function stretchOf(block: ArrayBufferLike, start: number, length: number): Stretch {
  return { block, start, end: start + length }
}

function overlap(a: Stretch, b: Stretch): boolean {
  return a.block === b.block && a.start < b.end && b.start < a.end
}

/** Whether a change of the one is a change of the other. */
export function meet(one: Reach, other: Reach): boolean {
  for (const object of one.objects) if (other.objects.has(object)) return true
  return one.stretches.some((stretch) => other.stretches.some((beside) => overlap(stretch, beside)))
}

/** Whose what was reached is: the first key that reached it. */
export class Owners {
  private readonly objects = new WeakMap<object, Key>()
  private readonly blocks = new WeakMap<ArrayBufferLike, { readonly stretch: Stretch; readonly key: Key }[]>()

  /** Takes what `reach` has for `key`; answers with another key that has some of it, or `null`. */
  take({ objects, stretches }: Reach, key: Key): Key | null {
    for (const object of objects) {
      const owner = this.objects.get(object)
      if (owner !== undefined && owner !== key) return owner
      this.objects.set(object, key)
    }
    for (const stretch of stretches) {
      const taken = this.blocks.get(stretch.block) ?? []
      this.blocks.set(stretch.block, taken)
      const known = taken.find((one) => overlap(one.stretch, stretch))
      if (known === undefined) taken.push({ stretch, key })
      else if (known.key !== key) return known.key
    }
    return null
  }
}
