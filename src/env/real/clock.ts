/**
 * Time from the operating system.
 *
 * Node counts a timer in whole milliseconds of its loop's own time, so that one may fire a fraction early, and a delay
 * over 2^31 - 1 ms fires at once. Both would break `after`; a timer here looks at the clock when it fires and waits
 * again for what is left. Of a delay below zero Node warns.
 */
import { performance } from 'node:perf_hooks'
import type { Clock, Timer } from '../clock.ts'

const LONGEST_MS = 2 ** 31 - 1

export class RealClock implements Clock {
  now(): number {
    return Date.now()
  }

  monotonic(): number {
    return performance.now()
  }

  after(ms: number, fn: () => void): Timer {
    return new RealTimer(performance.now() + ms, fn)
  }

  soon(fn: () => void): void {
    setImmediate(fn)
  }
}

class RealTimer implements Timer {
  private readonly due: number
  private readonly fn: () => void
  private handle: NodeJS.Timeout

  constructor(due: number, fn: () => void) {
    this.due = due
    this.fn = fn
    this.handle = wait(this, due - performance.now())
  }

  cancel(): void {
    clearTimeout(this.handle)
  }

  fire(): void {
    const left = this.due - performance.now()
    if (left > 0) this.handle = wait(this, left)
    else this.fn()
  }
}

function wait(timer: RealTimer, ms: number): NodeJS.Timeout {
  return setTimeout(fire, Math.max(0, Math.min(Math.ceil(ms), LONGEST_MS)), timer)
}

function fire(timer: RealTimer): void {
  timer.fire()
}
