/** How far a long piece of work has come: one line that changes on a terminal, a line now and then elsewhere. */
import { counted, drawLine, say, showBytes, showCount } from './terminal.ts'

/** What takes less is not spoken of. */
const LONG_MS = 2000
const ON_TERMINAL_MS = 200
const ELSEWHERE_MS = 10_000

/** Whether a line is due after `ms` where there is no terminal, after one at `shownMs`: the first is not at 0. */
function isDue(ms: number, shownMs: number): boolean {
  return shownMs === 0 ? ms >= LONG_MS : ms - shownMs >= ELSEWHERE_MS
}

export interface ProgressFigures {
  readonly records: number
  readonly bytes: number
  /** What stands behind the figures, such as `journaled 120`. */
  readonly detail: string
}

export class Progress {
  private readonly verb: string
  private readonly totalBytes: number | null
  private readonly figures: () => ProgressFigures
  private readonly startedMs = performance.now()
  private readonly timer: NodeJS.Timeout
  private readonly terminal = process.stderr.isTTY === true
  private shownMs = 0

  /** `totalBytes`: how many there will be, where that is known. `figures` is asked whenever a line is due. */
  constructor(verb: string, totalBytes: number | null, figures: () => ProgressFigures) {
    this.verb = verb
    this.totalBytes = totalBytes
    this.figures = figures
    this.timer = setInterval(() => this.show(), ON_TERMINAL_MS)
    this.timer.unref()
  }

  get seconds(): number {
    return (performance.now() - this.startedMs) / 1000
  }

  /** Ends with a line that stays. */
  end(): void {
    clearInterval(this.timer)
    if (this.terminal) drawLine('')
    say(this.line(false))
  }

  /** Ends without a last line. */
  cancel(): void {
    clearInterval(this.timer)
    if (this.terminal) drawLine('')
  }

  private show(): void {
    if (this.terminal) return drawLine(this.line(true))
    const ms = performance.now() - this.startedMs
    if (!isDue(ms, this.shownMs)) return
    this.shownMs = ms
    say(this.line(true))
  }

  private line(underWay: boolean): string {
    const { records, bytes, detail } = this.figures()
    const { seconds, totalBytes } = this
    const rate = seconds > 0 ? Math.round(records / seconds) : 0
    const parts = [`${this.verb} ${counted(records, 'record')}`, showBytes(bytes), `${showCount(rate)}/s`]
    if (detail !== '') parts.push(detail)
    if (underWay && totalBytes !== null && bytes > 0 && bytes < totalBytes) {
      parts.push(
        `${Math.floor((100 * bytes) / totalBytes)} %, ${Math.ceil(((totalBytes - bytes) / bytes) * seconds)} s left`,
      )
    }
    return parts.join(' · ')
  }
}

/** One thing that is waited for: from the third second on a line says for how long, and goes when it is over. */
export class Waiting {
  private readonly what: () => string
  private readonly startedMs = performance.now()
  private readonly timer: NodeJS.Timeout
  private readonly terminal = process.stderr.isTTY === true
  private shownMs = 0

  constructor(what: string | (() => string)) {
    this.what = typeof what === 'string' ? () => what : what
    this.timer = setInterval(() => this.show(), ON_TERMINAL_MS)
    this.timer.unref()
  }

  end(): void {
    clearInterval(this.timer)
    if (this.terminal && this.shownMs > 0) drawLine('')
  }

  private show(): void {
    const ms = performance.now() - this.startedMs
    if (this.terminal ? ms < LONG_MS : !isDue(ms, this.shownMs)) return
    this.shownMs = ms
    const line = `${this.what()}: ${Math.floor(ms / 1000)} s`
    if (this.terminal) drawLine(line)
    else say(line)
  }
}
