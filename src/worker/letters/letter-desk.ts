/** A pipeline's dead letters as they come and go: a task reports one, a person gives some of them back. */
import type { PotorooError } from '../../base/errors.ts'
import type { Failure } from '../../dataflow/failure.ts'
import type { Runtime } from '../../dataflow/runtime.ts'
import type { Plan } from '../../model/plan.ts'
import type { SplitTable } from '../execution/sources/split-table.ts'
import { type DeadLetter, makeLetter } from './dead-letter.ts'
import { DeadLetters, type DeadLettersOptions, type DeadLettersSeams } from './dead-letters.ts'
import { tryAgain } from './second-try.ts'

export interface LetterEvents {
  /** A record did not get through. */
  letter(failure: Failure, split: string): void
  warned(error: PotorooError): void
  /** Sources have to wait (`dead-letters.ts`, B4), or may go on: `null`. */
  crowded(reason: PotorooError | null): void
}

export class LetterDesk {
  readonly letters: DeadLetters
  /** Records that did not get through, since the start. */
  failures = 0
  private readonly plan: Plan
  private readonly splits: SplitTable
  private readonly events: LetterEvents
  /** Letters that are to be tried again, by id: each once, whoever asks for it, and however often. */
  private readonly waiting = new Map<string, DeadLetter>()

  constructor(
    seams: DeadLettersSeams,
    options: Omit<DeadLettersOptions, 'tasks'>,
    plan: Plan,
    splits: SplitTable,
    events: LetterEvents,
  ) {
    this.plan = plan
    this.splits = splits
    this.events = events
    this.letters = new DeadLetters(
      seams,
      { ...options, tasks: plan.tasks.length },
      {
        full: (reason) => events.crowded(reason),
        damaged: (error) => events.warned(error),
      },
    )
  }

  /** Takes what `task` has reported: about one of its own steps, or one with state that it adds up for. */
  report(task: number, failure: Failure): void {
    const { tasks } = this.plan
    const split = this.splits.nameOf(failure.split)
    const behind = tasks.find(({ kind, step }) => kind === 'keyed' && step === failure.step)
    this.failures++
    // The pipeline is about to fail (`dead-letters.ts`, B7).
    if (this.letters.flooded !== null) return
    this.letters.add(task, makeLetter(failure, (behind ?? tasks[task]!).step, split))
    this.events.letter(failure, split)
  }

  /** Keeps letters that are to be given back to the steps that they failed in. */
  replay(letters: readonly DeadLetter[]): void {
    for (const letter of letters) this.waiting.set(letter.id, letter)
  }

  /** Letters that wait to be tried again. */
  get replaying(): number {
    return this.waiting.size
  }

  /** Takes letters out of the list, for good: none of them is tried again. Answers how many. */
  purge(letters: readonly DeadLetter[]): number {
    for (const { id } of letters) this.waiting.delete(id)
    return this.letters.remove(idsOf(letters))
  }

  /** Gives some back, in their order, as there is room and no barrier is on its way (`dead-letters.ts`, B5). */
  tryAgain(runtime: Runtime, max: number): void {
    const { letters, waiting } = this
    if (waiting.size === 0 || !letters.quiet) return
    const next = [...waiting.values()].slice(0, max)
    const { settled, taken } = tryAgain(next, this.plan, runtime, this.splits)
    for (const { id } of next.slice(0, settled)) waiting.delete(id)
    letters.remove(idsOf(taken))
  }
}

function idsOf(letters: readonly DeadLetter[]): ReadonlySet<string> {
  return new Set(letters.map(({ id }) => id))
}
