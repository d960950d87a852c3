/** What comes again and again is told at the first time, the tenth, the hundredth, and so on. */
export class Milestones<Of extends object> {
  private readonly counts = new WeakMap<Of, number>()

  /** Counts one more of `of`. Answers how many it is where that is to be told, else `null`. */
  next(of: Of): number | null {
    const count = (this.counts.get(of) ?? 0) + 1
    this.counts.set(of, count)
    return Number.isInteger(Math.log10(count)) ? count : null
  }
}
