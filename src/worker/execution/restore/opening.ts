/**
 * Opens key groups that are bytes while those of others are still read, or the other members not ready: what is open
 * when all begin holds up no record.
 */
import { PotorooError } from '../../../base/errors.ts'
import type { KeyedStore } from '../../../state/keyed-store.ts'
import type { Work } from '../../loop.ts'

export class Opening implements Work {
  readonly due = Infinity
  private readonly stores: () => readonly KeyedStore[]
  /** State could not be read back: the pipeline fails by it when it runs. */
  private failed = false

  constructor(stores: () => readonly KeyedStore[]) {
    this.stores = stores
  }

  step(): boolean {
    if (this.failed) return false
    try {
      return this.stores().some((store) => store.loadNext())
    } catch (error) {
      if (!(error instanceof PotorooError)) throw error
      this.failed = true
      return false
    }
  }

  elapse(): void {}
}
