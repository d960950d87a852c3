/** The last lines of all processes of a run, in the order they were said: what a failed run prints. */
import { Ring } from '../base/ring.ts'
import type { Log, LogFields } from '../env/log.ts'
import type { Life } from './life.ts'
import type { Timeline } from './timeline.ts'

type Level = 'debug' | 'info' | 'warn' | 'error'

interface Entry {
  readonly time: number
  readonly process: string
  readonly level: Level
  readonly code: string
  readonly fields: LogFields
}

const none: LogFields = {}

/** Keeps the last `capacity` lines. A line is put into words only when somebody reads it. */
export class LogRing {
  private readonly timeline: Timeline
  private readonly entries: Ring<Entry>

  constructor(timeline: Timeline, capacity: number) {
    this.timeline = timeline
    this.entries = new Ring(capacity)
  }

  add(life: Life, level: Level, code: string, fields: LogFields): void {
    if (life.state === 'dead') return
    const { trace } = this.timeline
    trace.text(code)
    for (const name in fields) trace.text(`${name}=${fields[name]}`)
    if (this.entries.full) this.entries.shift()
    this.entries.push({ time: this.timeline.now, process: life.name, level, code, fields })
  }

  /** Takes all lines out, the oldest first: `   12.345 w1 info  epoch-complete epoch=3`. */
  drain(): string[] {
    const lines: string[] = []
    for (let entry = this.entries.shift(); entry !== undefined; entry = this.entries.shift()) lines.push(format(entry))
    return lines
  }
}

export class SimLog implements Log {
  private readonly ring: LogRing
  private readonly life: Life

  constructor(ring: LogRing, life: Life) {
    this.ring = ring
    this.life = life
  }

  debug(code: string, fields: LogFields = none): void {
    this.ring.add(this.life, 'debug', code, fields)
  }

  info(code: string, fields: LogFields = none): void {
    this.ring.add(this.life, 'info', code, fields)
  }

  warn(code: string, fields: LogFields = none): void {
    this.ring.add(this.life, 'warn', code, fields)
  }

  error(code: string, fields: LogFields = none): void {
    this.ring.add(this.life, 'error', code, fields)
  }
}

function format(entry: Entry): string {
  const fields = Object.entries(entry.fields).map(([name, value]) => ` ${name}=${value}`)
  return `${entry.time.toFixed(3).padStart(12)} ${entry.process} ${entry.level.padEnd(5)} ${entry.code}${fields.join('')}`
}
