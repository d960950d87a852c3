/**
 * The inputs of a task: takes elements from its channels in turn and aligns barriers (Chandy-Lamport, as in Flink).
 *
 * I1. After a barrier has come on an input, nothing more is taken from it until the barrier has come on all.
 * I2. Barriers still come on an input that has ended, and are waited for: a dead letter that is given back to its step
 *     follows the end, and must not fall behind a barrier that it stood in front of.
 * I3. A watermark is passed on when the least over all inputs that have not ended has risen, or a clock was set back.
 */
import { assert } from '../base/assert.ts'
import { type Barrier, Batch, type Element, type Marker, SET_BACK_MS } from './batch.ts'
import type { Intake } from './channel.ts'

interface Input {
  readonly channel: Intake
  blocked: boolean
  ended: boolean
  watermark: number
}

export class Inputs {
  private readonly inputs: readonly Input[]
  private turn = 0
  /** The channel that the last element came from. */
  channel = -1
  private barrier: Barrier | null = null
  private watermark = -Infinity
  private ended = false
  /** Markers that have come on all inputs and were not taken yet: one element may complete several. */
  private readonly due: Marker[] = []

  constructor(channels: readonly Intake[]) {
    this.inputs = channels.map((channel) => ({ channel, blocked: false, ended: false, watermark: -Infinity }))
  }

  /** The next batch, or a marker that has now come on all inputs; `undefined` when there is nothing to do. */
  next(): Element | undefined {
    while (this.due.length === 0) {
      const input = this.choose()
      if (input === undefined) return undefined
      const element = input.channel.shift()!
      this.channel = input.channel.id
      if (element instanceof Batch) return element
      this.align(input, element)
    }
    return this.due.shift()
  }

  /** Whether `next` would answer something. */
  get waits(): boolean {
    if (this.due.length > 0) return true
    for (const input of this.inputs) if (!input.blocked && input.channel.length > 0) return true
    return false
  }

  /** The next input in turn that has something to take. */
  private choose(): Input | undefined {
    const { inputs } = this
    for (let k = 0; k < inputs.length; k++) {
      this.turn = this.turn + 1 < inputs.length ? this.turn + 1 : 0
      const input = inputs[this.turn]!
      if (!input.blocked && input.channel.length > 0) return input
    }
    return undefined
  }

  private align(input: Input, marker: Marker): void {
    switch (marker.kind) {
      case 'barrier':
        assert(this.barrier === null || this.barrier.epoch === marker.epoch, 'I1: one barrier at a time')
        this.barrier = marker
        input.blocked = true
        break
      case 'watermark':
        input.watermark = marker.time
        break
      case 'end':
        input.ended = true
        break
    }
    this.release()
    this.rise()
    this.finish()
  }

  /** Passes the barrier on when every input has delivered it (I1, I2). */
  private release(): void {
    const { barrier } = this
    if (barrier === null || !this.inputs.every((input) => input.blocked)) return
    for (const input of this.inputs) input.blocked = false
    this.barrier = null
    this.due.push(barrier)
  }

  /** Passes a watermark on when the least of the open inputs is another (I3). */
  private rise(): void {
    let least = Infinity
    for (const input of this.inputs) if (!input.ended && input.watermark < least) least = input.watermark
    const wasSetBack = least < this.watermark - SET_BACK_MS
    if (least === Infinity || (least <= this.watermark && !wasSetBack)) return
    this.watermark = least
    this.due.push({ kind: 'watermark', time: least })
  }

  private finish(): void {
    if (this.ended || !this.inputs.every((input) => input.ended)) return
    this.ended = true
    this.due.push({ kind: 'end' })
  }
}
