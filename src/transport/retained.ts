/**
 * The frames that a session has numbered and the other side is not known to have.
 *
 * R1. Frames lie from `first` to `end` - 1 without a gap; a number is given once.
 */
import { assert } from '../base/assert.ts'
import type { FrameMemory } from './frame-memory.ts'

/** Released slots at the front from which on the array is moved together. */
const SLACK = 1024

export class Retained {
  /** The lowest number that is kept: what the other side is known to have received. */
  first = 0
  /** Bytes of the frames that are kept. */
  bytes = 0
  private frames: (Buffer | null)[] = []
  /** Slots of `frames` that are free at its front. */
  private free = 0
  /** Where frames lie, if that is to be used again. */
  private readonly memory: FrameMemory | null

  constructor(memory: FrameMemory | null = null) {
    this.memory = memory
  }

  /** The number of the next frame. */
  get end(): number {
    return this.first + this.frames.length - this.free
  }

  push(frame: Buffer): void {
    this.frames.push(frame)
    this.bytes += frame.length
    this.memory?.keep(frame)
  }

  at(sequence: number): Buffer {
    return this.frames[this.slot(sequence)]!
  }

  /** Puts `frame` in place of the one that has this number. */
  replace(sequence: number, frame: Buffer): void {
    const slot = this.slot(sequence)
    const before = this.frames[slot]!
    this.bytes += frame.length - before.length
    this.frames[slot] = frame
    this.memory?.keep(frame)
    this.memory?.release(before)
  }

  /** Forgets the frames below `sequence`. */
  release(sequence: number): void {
    assert(sequence <= this.end, 'R1: only what was numbered is released')
    while (this.first < sequence) {
      const frame = this.frames[this.free]!
      this.bytes -= frame.length
      this.frames[this.free++] = null
      this.first++
      this.memory?.release(frame)
    }
    if (this.free === this.frames.length) {
      this.frames = []
      this.free = 0
    } else if (this.free > SLACK && this.free * 2 > this.frames.length) {
      this.frames = this.frames.slice(this.free)
      this.free = 0
    }
  }

  clear(): void {
    this.release(this.end)
  }

  private slot(sequence: number): number {
    assert(sequence >= this.first && sequence < this.end, 'R1: the frame is kept')
    return sequence - this.first + this.free
  }
}
