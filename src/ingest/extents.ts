/**
 * Which sequences of a stream the journals have: runs `first … last` that neither touch nor overlap, in order.
 *
 * The runs of several journals come in any order and may overlap: a record has one name wherever it lies (PROTOCOLS 2,
 * S1).
 */
export interface Extent {
  readonly first: number
  readonly last: number
}

export class Extents {
  private readonly firsts: number[] = []
  private readonly lasts: number[] = []

  /** Takes note of records `first` to `last`. */
  add(first: number, last: number): void {
    const { firsts, lasts } = this
    const end = lasts.length
    // Journals are read from the front: mostly this goes on where the last run ends.
    if (end > 0 && first >= firsts[end - 1]! && first <= lasts[end - 1]! + 1) {
      if (last > lasts[end - 1]!) lasts[end - 1] = last
      return
    }
    let from = 0
    while (from < end && lasts[from]! + 1 < first) from++
    let to = from
    while (to < end && firsts[to]! <= last + 1) to++
    const low = to > from ? Math.min(first, firsts[from]!) : first
    const high = to > from ? Math.max(last, lasts[to - 1]!) : last
    firsts.splice(from, to - from, low)
    lasts.splice(from, to - from, high)
  }

  /** The end of the run that goes on behind `position` without a gap; `position` itself where none does. */
  runFrom(position: number): number {
    for (let i = 0; i < this.firsts.length; i++) {
      if (this.lasts[i]! <= position) continue
      return this.firsts[i]! <= position + 1 ? this.lasts[i]! : position
    }
    return position
  }

  /** The runs above `position`, at most `max` of them. */
  above(position: number, max = Infinity): Extent[] {
    const runs: Extent[] = []
    for (let i = 0; i < this.firsts.length && runs.length < max; i++) {
      const last = this.lasts[i]!
      if (last > position) runs.push({ first: Math.max(this.firsts[i]!, position + 1), last })
    }
    return runs
  }

  /** The greatest sequence, 0 where there is none. */
  get last(): number {
    return this.lasts.at(-1) ?? 0
  }
}
