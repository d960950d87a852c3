/**
 * The way of one plain connection into the journal.
 *
 * L1. Records are copied during `push`; the connection's buffer is its own again when it returns.
 */
import type { Cuts } from '../model/connector.ts'
import type { Room } from './room.ts'

/** What a lane asks of its source. */
export interface LaneSource {
  readonly room: Pick<Room, 'isOpen' | 'when' | 'forget'>
  admitPlain(bytes: Buffer, cuts: Cuts): void
}

export class Lane {
  private readonly source: LaneSource
  private resume: (() => void) | null = null
  private closed = false

  constructor(source: LaneSource) {
    this.source = source
  }

  /** Takes the records that `cuts` finds in `bytes`. `false`: taken, but bring no more until `onRoom`'s function. */
  push(bytes: Buffer, cuts: Cuts): boolean {
    if (cuts.count > 0) this.source.admitPlain(bytes, cuts)
    return this.ready()
  }

  /** Whether it takes anything now. `false`: bring nothing until `onRoom`'s function. */
  ready(): boolean {
    if (this.source.room.isOpen) return true
    this.source.room.when(this.goOn)
    return false
  }

  /** Names what is called when there is room again. */
  onRoom(fn: () => void): void {
    this.resume = fn
  }

  /** The connection has ended; what it brought stays. */
  close(): void {
    this.closed = true
    this.source.room.forget(this.goOn)
  }

  private readonly goOn = (): void => {
    if (!this.closed) this.resume?.()
  }
}
