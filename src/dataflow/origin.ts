/**
 * Registers of the record that is being worked on. The loop over a batch sets them once per record; whatever comes of
 * the record copies them, and the failure detector reads which step is running.
 */
import { fail } from '../base/errors.ts'

export class Origin {
  time = 0
  split = 0
  position = 0
  /** Ordinal of the record that came in. */
  parent = 0
  /** Outputs of this record so far, over all leaves of the chain. */
  outputs = 0
  /** Index of the step that is running, in the owner's list of names. */
  step = 0
  readonly outputsMax: number

  constructor(outputsMax: number) {
    this.outputsMax = outputsMax
  }

  /**
   * The ordinal of the next output. A parent's children have the range from `parent × (outputsMax + 1)`, so records
   * that became several in several tasks never share one (B2). Where that leaves the integers that a double holds,
   * the record is refused.
   */
  nextOrdinal(step: string): number {
    const index = this.outputs++
    if (index >= this.outputsMax) throw fail('E_TOO_MANY_OUTPUTS', { step, limit: this.outputsMax })
    const ordinal = this.parent === 0 ? index : this.parent * (this.outputsMax + 1) + index
    if (ordinal > Number.MAX_SAFE_INTEGER) throw fail('E_LINEAGE_TOO_DEEP', { step })
    return ordinal
  }
}
