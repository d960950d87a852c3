/**
 * What the tasks of one pipeline say when a barrier reaches them, and who hears it: the snapshot of its epoch, readers
 * that wait for a barrier to pass, and the dead letters of the task.
 */
import type { Barrier } from '../../../dataflow/batch.ts'
import type { TaskReports } from '../../../dataflow/task.ts'
import type { Plan } from '../../../model/plan.ts'
import type { DeadLetters } from '../../letters/dead-letters.ts'
import type { OpenSources } from '../sources/sources.ts'
import type { SplitTable } from '../sources/split-table.ts'
import type { EpochMemory } from './epoch-memory.ts'
import type { Participating } from './participating.ts'
import type { Passage } from './passage.ts'

export type BarrierReports = Omit<TaskReports, 'ended'>

export interface BarrierHearers {
  readonly plan: Plan
  readonly sources: OpenSources
  readonly splits: SplitTable
  readonly letters: DeadLetters
  readonly memory: EpochMemory
  readonly participating: Participating
  readonly passage: Passage
  /** See `Task.heldSince`; of the step `step`. */
  heldSince(step: string): number
}

export function barrierReports(hearers: BarrierHearers): BarrierReports {
  const { plan, sources, splits, letters, memory, participating, passage } = hearers
  const stepOf = (task: number): string => plan.tasks[task]!.step
  const reached = (barrier: Barrier, task: number): void =>
    letters.pass(task, barrier.epoch, (failure, files) => participating.letters(barrier, failure, files))
  const passed = ({ epoch }: Barrier, step: string): void => passage.pass(epoch, step, hearers.heldSince(step))
  return {
    cut: (barrier, task, position) => {
      const step = stepOf(task)
      memory.source(barrier.epoch, step, position)
      passage.cut(barrier.epoch, step, position)
      participating.cut(barrier, step, position, (done) => sources.secure(step, done))
      reached(barrier, task)
    },
    freeze: (barrier, task, store, pending) => {
      const step = stepOf(task)
      participating.freeze(barrier, step, store, pending)
      passed(barrier, step)
      reached(barrier, task)
    },
    hold: (barrier, task, held) => {
      const step = stepOf(task)
      for (const { hashes, splits: numbers } of held) {
        for (const [row, split] of numbers.entries()) {
          if (Number.isNaN(hashes[row])) memory.hold(barrier.epoch, splits.nameOf(split))
        }
      }
      participating.hold(barrier, step, held)
      passed(barrier, step)
      reached(barrier, task)
    },
    reached,
    prepared: (barrier, task, held) => {
      const step = stepOf(task)
      memory.sink(barrier.epoch, step, held)
      participating.prepared(barrier, step, held)
    },
  }
}
