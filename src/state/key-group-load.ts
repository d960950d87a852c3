/**
 * How many records each key group of a step has been given, by a sample: one of `STRIDE`, which counts for all of them,
 * over the borders of batches. It costs the loop nothing per record, and is a measure for sharing out work, not a
 * count.
 */

/** Prime, so that keys that come in turn are met in turn. */
const STRIDE = 7

export class KeyGroupLoad {
  /** By key group, since the last `reset`. */
  readonly records: Float64Array
  private readonly shift: number
  /** Records of the next batch in front of the next sample. */
  private ahead = 0

  constructor(keyGroups: number, shift: number) {
    this.records = new Float64Array(keyGroups)
    this.shift = shift
  }

  /** A batch of `length` keys with these hashes has come. */
  add(hashes: Int32Array, length: number): void {
    const { records, shift } = this
    let i = this.ahead
    for (; i < length; i += STRIDE) records[hashes[i]! >>> shift]! += STRIDE
    this.ahead = i - length
  }

  reset(): void {
    this.records.fill(0)
  }
}
