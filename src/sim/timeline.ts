/**
 * Simulated time: takes the next event, moves the time to it, runs it. A plain loop; nothing else in a run moves.
 *
 * Time is in milliseconds with fractions since the run began. It moves between events only.
 *
 * A *point* is a moment at which it can matter that somebody dies or is late: an operation of a disk before it is done
 * and after, bytes that have arrived. The driver of a run may listen to them, and strike.
 */
import { assert } from '../base/assert.ts'
import { EventQueue, SimEvent } from './events.ts'
import type { Life } from './life.ts'
import { Trace } from './trace.ts'

/** What passes the points of a run, in order, and on which machine; may end lives, also the one whose point it is. */
export type PointListener = (name: string, machine: string) => void

export class Timeline {
  now = 0
  onPoint: PointListener | null = null
  /** Events that have run. */
  count = 0
  readonly trace = new Trace()
  private readonly queue = new EventQueue()
  private sequence = 0

  /** Runs `fn` at `time`, unless `life` is dead by then; `null` is the world itself. */
  at(time: number, life: Life | null, fn: () => void): SimEvent {
    assert(time >= this.now, 'nothing happens in the past')
    const event = new SimEvent(time, this.sequence++, life, fn)
    this.queue.push(event)
    return event
  }

  cancel(event: SimEvent): void {
    this.queue.remove(event)
    event.fn = nothing
  }

  /** Lets what was held while `life` was stopped happen now, in the order it came due (`life.ts`, L1). */
  resume(life: Life): void {
    const { held } = life
    life.held = []
    for (const event of held) {
      event.time = this.now
      event.sequence = this.sequence++
      this.queue.push(event)
    }
  }

  /** Runs the next event. False when there is none. */
  step(): boolean {
    const event = this.queue.pop()
    if (event === undefined) return false
    this.now = event.time
    this.count++
    this.trace.number(event.time)
    this.trace.word(event.sequence)
    const { life } = event
    if (life === null || life.state === 'running') event.fn()
    else if (life.state === 'stopped') life.held.push(event)
    return true
  }

  /** When the next event happens; infinity when there is none. */
  get next(): number {
    return this.queue.peek()?.time ?? Number.POSITIVE_INFINITY
  }

  /** Runs all events up to and including `time`, then stands at `time`. */
  run(time: number): void {
    while (this.next <= time) this.step()
    if (time > this.now) this.now = time
  }
}

function nothing(): void {}
