/**
 * The calls of `asyncMap` in a simulated run. A function that answers needs turns of the real event loop, and the
 * simulated time has to stand still meanwhile.
 *
 * Y1. Calls get turns for as long as they may answer at once: what waits for promises that are ready answers in the
 *     same order in every run. What waits for anything real (a timer, a socket) has no answer here and comes too late.
 */
import type { Plan } from '../model/plan.ts'

/** Turns that a call may take to answer. */
const TURNS = 100

export class AsyncCalls {
  /** Calls that have not answered and may still. */
  private open = 0
  private turnsLeft = 0

  /** `plan` with functions whose calls are counted. */
  watch(plan: Plan): Plan {
    return {
      ...plan,
      tasks: plan.tasks.map((task) => {
        if (task.kind !== 'asyncMap') return task
        return { ...task, fn: (value, signal) => this.count(task.fn(value, signal)) }
      }),
    }
  }

  /** Whether a call may answer before anything else happens. */
  get expected(): boolean {
    return this.open > 0 && this.turnsLeft > 0
  }

  /** Resolves when every call has answered, or none answers any more at once. */
  async settle(): Promise<void> {
    while (this.open > 0 && this.turnsLeft-- > 0) await null
  }

  private async count(answer: Promise<unknown>): Promise<unknown> {
    this.open++
    this.turnsLeft = TURNS
    try {
      return await answer
    } finally {
      this.open--
    }
  }
}
