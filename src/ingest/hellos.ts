/** Hellos that cannot be answered yet: those that wait for their source, and those that wait for one stream. */
import type { Stream } from './stream.ts'

/** Asks again; at most once for each time that it waits. */
export type Later = () => void

export class Hellos {
  private readonly all = new Set<Later>()
  private readonly ofStream = new Map<Stream, Set<Later>>()
  /** Which stream each of those waits for: thousands may come and go while owners change. */
  private readonly streamOf = new Map<Later, Stream>()

  /** `later` waits until everything can be answered. */
  wait(later: Later): void {
    this.all.add(later)
  }

  /** `later` waits until the home of `stream` is known. */
  waitFor(stream: Stream, later: Later): void {
    const waiting = this.ofStream.get(stream)
    if (waiting === undefined) this.ofStream.set(stream, new Set([later]))
    else waiting.add(later)
    this.streamOf.set(later, stream)
  }

  /** The connection of `later` is over. */
  forget(later: Later): void {
    this.all.delete(later)
    const stream = this.streamOf.get(later)
    if (stream === undefined) return
    this.streamOf.delete(later)
    const waiting = this.ofStream.get(stream)!
    waiting.delete(later)
    if (waiting.size === 0) this.ofStream.delete(stream)
  }

  /** What is known of streams means nothing any more: all wait for their source. */
  gather(): void {
    for (const later of this.streamOf.keys()) this.all.add(later)
    this.ofStream.clear()
    this.streamOf.clear()
  }

  answer(stream: Stream): void {
    const waiting = this.ofStream.get(stream) ?? new Set()
    this.ofStream.delete(stream)
    for (const later of waiting) this.streamOf.delete(later)
    for (const later of waiting) later()
  }

  answerAll(): void {
    const waiting = [...this.all]
    this.all.clear()
    for (const later of waiting) later()
  }
}
