/**
 * How one pipeline comes to its end in order: lets nothing more in, makes a last checkpoint, and ends its sinks.
 *
 * E1. A sink is ended only behind an epoch that holds all that it was given, and that was committed here: what it still
 *     has then stands there already, and has been let go.
 * E2. Members hear of a drain by its last epoch, who has asked for it by an answer too: whichever comes first ends the
 *     sinks, once. Sinks that have ended because their worker ends say nothing of a drain.
 */
import { periodic } from '../../checkpoint/barrier.ts'
import { isAlone, type Writer } from '../../connectors/connector.ts'
import type { Clock } from '../../env/clock.ts'
import type { Running } from './running.ts'
import type { SourceHolds } from './sources/source-holds.ts'

/** Hears why it did not come to its end, or `null`. */
type Done = (failure: string | null) => void

const NOT_RUNNING = 'the pipeline is not running'

export interface EndingSeams {
  readonly clock: Clock
  readonly holds: SourceHolds
  /** For how long a pipeline takes part in the last checkpoints of others. */
  readonly endTogetherMs: number
  /** What runs; `null` where nothing does, or does no more. */
  active(): Running | null
  writers(): Iterable<Writer>
}

export class Ending {
  private readonly seams: EndingSeams
  /** Who waits for the end of the sinks. */
  private readonly waiting: (() => void)[] = []
  private over = false
  /** They have ended, or are about to, because the worker ends (E2). */
  private rests = false

  constructor(seams: EndingSeams) {
    this.seams = seams
  }

  /** On all members. `stays`: for good, as its last epoch says in the chain. */
  drain(endMs: number, stays: boolean, done: Done): void {
    const { holds } = this.seams
    const active = this.seams.active()
    if (active === null) return done(NOT_RUNNING)
    holds.hold('drain', 'the pipeline drains')
    active.request({ kind: 'drain', stays }, (failure) => {
      // That it is complete is heard before its record is read, and what the sinks have of it is shown behind that
      // (E1).
      if (failure === null) {
        return active.whenCommitted(() => {
          // Who is closed before has nothing to show any more: whoever runs it next does, of what its sinks held.
          if (this.seams.active() === null) done(null)
          else this.end(endMs, () => done(null))
        })
      }
      // E2
      if (this.over && !this.rests) return done(null)
      holds.release('drain')
      done(failure)
    })
  }

  /** On this worker, which ends: what has come in is in an epoch, and shown. */
  rest(endMs: number, done: Done): void {
    const { holds, clock, endTogetherMs } = this.seams
    const active = this.seams.active()
    if (active === null) return done(NOT_RUNNING)
    holds.hold('end', 'the worker ends')
    active.request(periodic, (failure) => {
      if (failure !== null) return done(failure)
      active.whenCommitted(() => {
        clock.after(endTogetherMs, () => {
          active.whenCommitted(() => {
            if (this.seams.active() === null) done('another generation has begun')
            else this.letGo(endMs, () => done(null))
          })
        })
      })
    })
  }

  /** Ends the sinks because this worker ends, or has left: behind an epoch, but no drain (E2). */
  letGo(endMs: number, done: () => void): void {
    this.rests = true
    this.end(endMs, done)
  }

  /** Ends the sinks, once, or waits for them no longer than `endMs` (E1). */
  end(endMs: number, done: () => void): void {
    if (this.over) return done()
    if (this.waiting.push(done) > 1) return
    this.endWriters(endMs, () => {
      this.over = true
      for (const one of this.waiting.splice(0)) one()
    })
  }

  private endWriters(endMs: number, done: () => void): void {
    const writers = [...this.seams.writers()].filter(({ status }) => !isAlone(status))
    let left = writers.length
    // Not within the turn in which the last epoch is recorded: who has asked for it is still to hear of it.
    if (left === 0) return void this.seams.clock.soon(done)
    const late = this.seams.clock.after(endMs, () => {
      left = 0
      done()
    })
    const one = () => {
      if (--left !== 0) return
      late.cancel()
      done()
    }
    for (const writer of writers) writer.end(one)
  }
}
