/** What people have asked of a cluster, without knowing of each other, and what they were answered. */
import { setTimeout as pause } from 'node:timers/promises'
import { PotorooError } from '../../../src/base/errors.ts'

/** So much of the end of the record is shown where a proof does not hold. */
const SHOWN = 120

export class Asks {
  /** How many were answered with what was asked for, and how many with a reason why not. */
  done = 0
  refused = 0
  private readonly open = new Set<string>()
  private readonly lines: string[] = []
  private readonly fromMs = performance.now()
  private readonly fault = Promise.withResolvers<never>()
  private count = 0

  constructor() {
    this.fault.promise.catch(() => {})
  }

  /** Resolves when `act` has come to its end. A refusal is an answer, anything else that it throws is a fault. */
  ask(what: string, act: () => Promise<unknown>): Promise<void> {
    const title = `${++this.count} ${what}`
    this.note(`> ${title}`)
    this.open.add(title)
    return act()
      .then(
        () => this.settle(title, null),
        (error: unknown) => this.settle(title, error),
      )
      .finally(() => this.open.delete(title))
  }

  private settle(title: string, error: unknown): void {
    this.note(`< ${title}: ${error instanceof Error ? error.message : 'done'}`)
    if (error === null) this.done++
    else if (error instanceof PotorooError && error.kind !== 'invariant') this.refused++
    else this.fault.reject(error)
  }

  /**
   * Waits until `asked` is over, in which all of it is asked and answered; rejects where that takes longer than `ms`.
   */
  async within(ms: number, asked: Promise<void>, signal: AbortSignal): Promise<void> {
    const over = asked.then(() => true)
    if (await Promise.race([over, pause(ms, false, { signal }), this.fault.promise])) return
    throw new Error(`not answered after ${ms} ms: ${[...this.open].join(', ')}`)
  }

  note(line: string): void {
    this.lines.push(`${Math.round(performance.now() - this.fromMs)} ${line}`)
  }

  /** The last things that were asked and answered. */
  get words(): string {
    return this.lines.slice(-SHOWN).join('\n')
  }
}
