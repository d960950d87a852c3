/** A fault planted in the engine, and where it is looked for. */
import type { Mutant } from '../../mutant/mutant.ts'

export interface SimMutant extends Mutant {
  /** What it shows in: systems of one worker where nothing is said. */
  readonly swarm?: 'clusters'
  /** The configuration that it is looked for in (`bends.ts`), where what seeds draw finds it too seldom. */
  readonly bend?: string
  /**
   * One that found it, where chance finds it too seldom: it is looked for from there on, for as code changes seeds run
   * otherwise.
   */
  readonly seed?: number
  /** What has to come together for it, where so much has not yet. */
  readonly rare?: string
  /** Why nothing can be found of it here: the fault is none where one worker has its disk for itself. */
  readonly unseen?: string
}
