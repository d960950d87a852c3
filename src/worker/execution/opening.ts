/**
 * Opens key groups that are still bytes while their execution waits for the other members: what is open when all begin holds
 * up no record.
 */
import { PotorooError } from '../../base/errors.ts'
import type { KeyedStore } from '../../state/keyed-store.ts'
import type { Work } from '../loop.ts'

export class Opening implements Work {
  readonly due = Infinity
  private stores: readonly KeyedStore[]

  constructor(stores: Iterable<KeyedStore>) {
    this.stores = [...stores]
  }

  step(): boolean {
    try {
      return this.stores.some((store) => store.loadNext())
    } catch (error) {
      if (!(error instanceof PotorooError)) throw error
      // State that cannot be read back: the pipeline fails by it when it runs.
      this.stores = []
      return false
    }
  }

  elapse(): void {}
}
