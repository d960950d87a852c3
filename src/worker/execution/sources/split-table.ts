/**
 * Numbers for the splits of a pipeline, as its batches carry them, and their names, as everything that lasts does.
 *
 * Producers come and go, each with a name that nobody had before: pages do so by the thousand. A number is free for
 * another split once no record that is under way on this worker can carry it.
 *
 * X1. Whoever puts a number into a record takes it then (`Split.use`), for each batch anew: whoever keeps something of
 *     a split for longer keeps the split.
 * X2. What steps hold at a barrier is used anew as it is written, with each epoch (`held-rows.ts`).
 * X3. So behind an epoch that is complete, the only numbers that a record may carry are those that were used since it
 *     began here: its barrier has passed every task, and came behind everything that was on its way.
 * X4. They are kept for some more epochs all the same: on a channel to another worker a new number costs a name
 *     (`protocol/split-names.ts`). Each epoch looks at a share of them.
 */

/** Complete epochs for which a number is kept that nobody uses, at least (X4). */
const KEPT_EPOCHS = 8

export class Split {
  readonly name: string
  /** Its number, where it has one; -1 where that has been set free. */
  number = -1
  /** The epochs that had begun when it was used last. */
  usedAt = 0
  private readonly table: SplitTable

  constructor(name: string, table: SplitTable) {
    this.name = name
    this.table = table
  }

  /** Its number, for records that are made now (X1). */
  use(): number {
    return this.table.use(this)
  }
}

export class SplitTable {
  private readonly byName = new Map<string, Split>()
  /** By number; `null` where it is free. */
  private readonly byNumber: (Split | null)[] = []
  private readonly free: number[] = []
  /** What no number stands for. */
  private readonly nobody = new Split('', this)
  /** Epochs that have begun. */
  private begun = 0
  /** The number that is looked at next (X4). */
  private next = 0

  /** The split with this name. */
  of(name: string): Split {
    return this.byName.get(name) ?? new Split(name, this)
  }

  /** The number of `name`, for records that are made now (X1). */
  numberOf(name: string): number {
    return this.of(name).use()
  }

  /** The split that records with this number come from. */
  at(number: number): Split {
    return this.byNumber[number] ?? this.nobody
  }

  nameOf(number: number): string {
    return this.at(number).name
  }

  /** The name of a number that records have which are held for longer (X2). */
  keep(number: number): string {
    const split = this.at(number)
    split.usedAt = this.begun
    return split.name
  }

  use(split: Split): number {
    if (split.number < 0) {
      // Somebody may have met it by its name since.
      const known = this.byName.get(split.name)
      if (known !== undefined) return this.use(known)
      this.byName.set(split.name, split)
      split.number = this.free.pop() ?? this.byNumber.length
      this.byNumber[split.number] = split
    }
    split.usedAt = this.begun
    return split.number
  }

  /** An epoch begins: its barrier has passed no task yet. */
  begin(): void {
    this.begun++
  }

  /** The epoch that began last is complete (X3). */
  complete(): void {
    const { byNumber } = this
    for (let left = Math.ceil(byNumber.length / KEPT_EPOCHS); left > 0; left--) {
      if (this.next >= byNumber.length) this.next = 0
      const split = byNumber[this.next++]!
      if (split !== null && split.usedAt < this.begun - KEPT_EPOCHS) this.drop(split)
    }
  }

  private drop(split: Split): void {
    this.byName.delete(split.name)
    this.byNumber[split.number] = null
    this.free.push(split.number)
    split.number = -1
  }

  /** Splits that have numbers. */
  get size(): number {
    return this.byName.size
  }
}
