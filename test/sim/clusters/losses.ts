/**
 * What is lost for good with a store that was put back, where journals do not reach back to it: records that no journal
 * has any more, and that their producers have forgotten, for they were told that they are stable.
 *
 * L1. Nothing is lost without a word: whose records are missing is parked, by name and numbers, and goes on once a
 *     person has given them up (`giveUp`).
 * L2. Nothing else is given up: it lies behind the position of the store that was put back, and had been stable by
 *     then.
 */
import type { Execution } from '../../../src/worker/execution/execution.ts'

export interface Range {
  readonly first: number
  readonly last: number
}

/** What a producer's incarnation had been told is stable, or could have been. */
export interface Told {
  readonly incarnation: string
  readonly stable: number
}

export class Losses {
  readonly complaints: string[] = []
  /** What was given up, by incarnation. */
  readonly given = new Map<string, Range[]>()
  /** What may be, by incarnation. */
  private readonly lost = new Map<string, Range>()

  /** A store is put back that ends at `positions`; the one before ended at `ends`. */
  putBack(told: readonly Told[], ends: ReadonlyMap<string, number>, positions: ReadonlyMap<string, number>): void {
    for (const { incarnation, stable } of told) {
      const [before, position] = [this.lost.get(incarnation), positions.get(incarnation) ?? 0]
      const first = Math.min(before?.first ?? Number.POSITIVE_INFINITY, position + 1)
      const last = Math.max(before?.last ?? 0, stable, ends.get(incarnation) ?? 0)
      this.lost.set(incarnation, { first, last })
    }
  }

  /** A person gives up what is parked here; whatever journals have has been offered by now. */
  giveUp(execution: Execution): void {
    for (const [source, parked] of execution.status.parked) {
      for (const { producer } of parked) {
        for (const { incarnation, first, last } of execution.abandonStream(source, producer)) {
          this.given.set(incarnation, [...(this.given.get(incarnation) ?? []), { first, last }])
          const lost = this.lost.get(incarnation)
          if (lost !== undefined && first >= lost.first && last <= lost.last) continue
          this.complaints.push(
            `${producer} is to lose ${first} to ${last}, and ${lost?.first ?? 'none'} to ${lost?.last ?? ''} can be (L2)`,
          )
        }
      }
    }
  }
}
