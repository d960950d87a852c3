/**
 * Who takes over what a manifest holds of a worker: deterministic, by the generation's record alone, so that every
 * member comes to the same answer without asking. Pure.
 *
 * K1. What a member has saved goes back to it. What was saved by a worker that is no longer a member goes to one
 *     member, which is chosen by that worker's name.
 * K3. A split is read by the member that the placement names. One that it does not name is read by one that is chosen
 *     by its name: splits that were found after the record was made, and all of them where it names none.
 * K4. What a step held goes on where what follows it comes from: with its key group, or where no keyed step stands
 *     before, with its split. So the order behind an async step is that of its input also where owners, readers and
 *     homes change.
 */
import { hashKey } from '../../../base/hash.ts'
import type { PartEntry } from '../../../checkpoint/manifest.ts'
import type { HeldRecords } from '../../../dataflow/held-records.ts'
import type { Generation } from '../generation.ts'
import type { HeldPart } from './restorer.ts'

/** Index of the member that is chosen by `name`. */
function chosenBy(name: string, { members }: Generation): number {
  return (hashKey(name) >>> 0) % members.length
}

/** The member that takes what `worker` has saved (K1). */
export function takerOf(generation: Generation, worker: string): number {
  const index = generation.members.findIndex((member) => member.worker === worker)
  return index >= 0 ? index : chosenBy(worker, generation)
}

/** Which member reads a split of the replayable source `step` (K3). */
export function readersOf(generation: Generation, pipeline: string, step: string): (split: string) => number {
  const placed = generation.placement.splits.filter((one) => one.pipeline === pipeline && one.step === step)
  const readers = new Map(placed.map(({ split, reader }) => [split, reader]))
  return (split) => readers.get(split) ?? chosenBy(`${step}/${split}`, generation)
}

/** The member that takes what belongs to `split`, of which nothing else is known. */
export function anyoneFor(generation: Generation, split: string): number {
  return chosenBy(split, generation)
}

/** The member that writes a sink which has one writer only: the first. */
export const SOLE_WRITER = 0

/** The parts of `step` that this worker takes, its own and those of workers that are gone (K1). */
export function partsFor(generation: Generation, parts: readonly PartEntry[], step: string): readonly PartEntry[] {
  return parts.filter((part) => part.step === step && takerOf(generation, part.worker) === generation.self)
}

/** What the tasks of a step held that goes on here (K4); `feederOf` names the member that feeds a split. */
export function heldFor(
  generation: Generation,
  parts: readonly HeldPart[],
  feederOf: (split: number) => number,
): HeldRecords[] {
  if (generation.members.length === 1) return parts.map(({ held }) => held)
  const { owners, self } = generation
  const shift = Math.clz32(owners.length) + 1
  return parts.flatMap(({ held }) => {
    const placeOf = (row: number): number => {
      const hash = held.hashes[row]!
      return Number.isNaN(hash) ? feederOf(held.splits[row]!) : owners[hash >>> shift]!
    }
    const own = held.where((row) => placeOf(row) === self)
    return own.values.length > 0 ? [own] : []
  })
}
