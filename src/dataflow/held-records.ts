/**
 * What has entered a task and not left it, as columns (PROTOCOLS 10): the keys of an aggregate whose newest result has
 * not been emitted, the inputs of an async step whose result has not gone on.
 */
export class HeldRecords {
  /** An aggregate's keys; an async step's inputs. */
  readonly values: unknown[] = []
  /** Hashes of those keys, or of the keys that the inputs come from; `NaN` where no keyed step stands before. */
  readonly hashes: number[] = []
  /** Of an async step's inputs; what an aggregate will emit has none yet. */
  readonly ordinals: number[] = []
  readonly times: number[] = []
  readonly splits: number[] = []
  readonly positions: number[] = []

  /** The rows for which `holds`, in their order. */
  where(holds: (row: number) => boolean): HeldRecords {
    const { values, hashes, ordinals, times, splits, positions } = this
    const some = new HeldRecords()
    for (let row = 0; row < values.length; row++) {
      if (!holds(row)) continue
      some.values.push(values[row])
      some.hashes.push(hashes[row]!)
      if (ordinals.length > 0) some.ordinals.push(ordinals[row]!)
      some.times.push(times[row]!)
      some.splits.push(splits[row]!)
      some.positions.push(positions[row]!)
    }
    return some
  }
}
