/**
 * What will happen, in order: a binary heap of events by (time, sequence).
 *
 * V1. Events of one time happen in the order they were asked for.
 * V2. An event knows its place in the heap, so that a cancelled timer leaves at once: a worker that moves a timeout on
 *     with every frame would fill the heap with dead ones otherwise.
 */
import { assert } from '../base/assert.ts'
import type { Life } from './life.ts'

/** More than this is no simulation but a leak. */
const MAX_EVENTS = 1 << 20

/** The place of an event that is not in the heap. */
const NOWHERE = -1

export class SimEvent {
  time: number
  sequence: number
  /** Whose callback it is; `null` for the kernel's and the world's own, which no signal stops. */
  readonly life: Life | null
  fn: () => void
  place = NOWHERE

  constructor(time: number, sequence: number, life: Life | null, fn: () => void) {
    this.time = time
    this.sequence = sequence
    this.life = life
    this.fn = fn
  }
}

export class EventQueue {
  private readonly heap: SimEvent[] = []

  get length(): number {
    return this.heap.length
  }

  peek(): SimEvent | undefined {
    return this.heap[0]
  }

  push(event: SimEvent): void {
    assert(this.heap.length < MAX_EVENTS, 'a run has a bounded number of events ahead')
    this.heap.push(event)
    this.rise(event, this.heap.length - 1)
  }

  pop(): SimEvent | undefined {
    const first = this.heap[0]
    if (first !== undefined) this.remove(first)
    return first
  }

  /** Takes `event` out, wherever it stands; does nothing when it is not in the heap. */
  remove(event: SimEvent): void {
    const { place } = event
    if (place === NOWHERE) return
    event.place = NOWHERE
    const last = this.heap.pop()!
    if (last === event) return
    if (place > 0 && before(last, this.heap[(place - 1) >> 1]!)) this.rise(last, place)
    else this.sink(last, place)
  }

  private rise(event: SimEvent, from: number): void {
    const { heap } = this
    let place = from
    while (place > 0) {
      const up = (place - 1) >> 1
      const parent = heap[up]!
      if (!before(event, parent)) break
      heap[place] = parent
      parent.place = place
      place = up
    }
    heap[place] = event
    event.place = place
  }

  private sink(event: SimEvent, from: number): void {
    const { heap } = this
    const { length } = heap
    let place = from
    for (;;) {
      let down = 2 * place + 1
      if (down >= length) break
      if (down + 1 < length && before(heap[down + 1]!, heap[down]!)) down++
      const child = heap[down]!
      if (!before(child, event)) break
      heap[place] = child
      child.place = place
      place = down
    }
    heap[place] = event
    event.place = place
  }
}

function before(a: SimEvent, b: SimEvent): boolean {
  return a.time < b.time || (a.time === b.time && a.sequence < b.sequence)
}
