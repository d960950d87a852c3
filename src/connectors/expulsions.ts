/**
 * What an operator hears of connections that a listening source has closed because of what came by them: of the first
 * ones at once, and then of all of a minute together, since whoever comes again and again, or tries every port, would
 * fill the log.
 */
import { fail } from '../base/errors.ts'
import type { Timer } from '../env/clock.ts'
import type { SourceContext } from './connector.ts'

/** So many are told of one by one, until there was none for a whole minute. */
const ONE_BY_ONE = 10
const TOGETHER_MS = 60_000

/** Why the connection from `peer` was closed. */
interface Expulsion {
  readonly peer: string
  readonly reason: string
}

export class Expulsions {
  private readonly context: SourceContext
  /** Told one by one. */
  private told = 0
  /** The last of those that nobody was told of yet, and how many there are. */
  private last: Expulsion | null = null
  private untold = 0
  private timer: Timer | null = null

  constructor(context: SourceContext) {
    this.context = context
  }

  add(expulsion: Expulsion): void {
    if (this.told < ONE_BY_ONE) {
      this.told++
      this.warn(expulsion)
    } else {
      this.untold++
      this.last = expulsion
    }
    this.timer ??= this.wait()
  }

  /** Tells of those that are untold: there will be no more. */
  close(): void {
    this.timer?.cancel()
    this.tell()
  }

  private wait(): Timer {
    return this.context.env.clock.after(TOGETHER_MS, () => {
      if (this.last === null) this.told = 0
      this.timer = this.last === null ? null : this.wait()
      this.tell()
    })
  }

  private tell(): void {
    const { last, untold } = this
    this.last = null
    this.untold = 0
    if (last === null) return
    const others = untold === 1 ? '' : `; and ${untold - 1} more in the last minute, each for its own reason`
    this.warn({ ...last, reason: last.reason + others })
  }

  private warn(expulsion: Expulsion): void {
    const { context } = this
    context.warn(fail('E_CONNECTION_CLOSED', { step: context.step, ...expulsion }))
  }
}
