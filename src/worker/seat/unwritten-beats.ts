/**
 * Who cannot write its beat is taken for dead by all others, and may be the only one to know why: the log says so once
 * that has lasted for as long as they wait, and once that it can again.
 */
import type { PotorooError } from '../../base/errors.ts'
import type { Env } from '../../env/env.ts'

export class UnwrittenBeats {
  private readonly env: Pick<Env, 'clock' | 'log'>
  private readonly patienceMs: number
  /** Since when none could be written, by the monotonic clock; `null` where the last one could. */
  private sinceMs: number | null = null
  /** The log has it. */
  private told = false

  /** `patienceMs`: how long others wait for a beat. */
  constructor(env: Pick<Env, 'clock' | 'log'>, patienceMs: number) {
    this.env = env
    this.patienceMs = patienceMs
  }

  /** A beat has been written, or not for `error`. */
  note(error: PotorooError | null): void {
    const { log, clock } = this.env
    const nowMs = clock.monotonic()
    this.sinceMs ??= error === null ? null : nowMs
    if (this.sinceMs === null) return
    const ms = Math.round(nowMs - this.sinceMs)
    if (error === null) {
      this.sinceMs = null
      if (this.told) log.warn('beat.written', { ms })
      this.told = false
    } else if (!this.told && ms >= this.patienceMs) {
      this.told = true
      log.warn('beat.waits', { message: error.message, remedy: error.remedy })
    }
  }
}
