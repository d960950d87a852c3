/** A bounded first-in first-out queue without allocation per item. */
import { assert } from './assert.ts'

export class Ring<T> {
  readonly capacity: number
  private readonly slots: (T | undefined)[]
  private head = 0
  private count = 0

  constructor(capacity: number) {
    assert(capacity > 0, 'a ring holds at least one item')
    this.capacity = capacity
    this.slots = new Array<T | undefined>(capacity).fill(undefined)
  }

  get length(): number {
    return this.count
  }

  get full(): boolean {
    return this.count === this.capacity
  }

  push(item: T): void {
    assert(this.count < this.capacity, 'a full ring takes nothing')
    let at = this.head + this.count
    if (at >= this.capacity) at -= this.capacity
    this.slots[at] = item
    this.count++
  }

  peek(): T | undefined {
    return this.count === 0 ? undefined : this.slots[this.head]
  }

  /** The item that was pushed last. */
  get last(): T | undefined {
    return this.count === 0 ? undefined : this.slots[this.tail]
  }

  /** Puts `item` in the place of the one that was pushed last. */
  amend(item: T): void {
    assert(this.count > 0, 'there is an item to amend')
    this.slots[this.tail] = item
  }

  private get tail(): number {
    const at = this.head + this.count - 1
    return at >= this.capacity ? at - this.capacity : at
  }

  shift(): T | undefined {
    if (this.count === 0) return undefined
    const item = this.slots[this.head]
    this.slots[this.head] = undefined
    this.head = this.head + 1 === this.capacity ? 0 : this.head + 1
    this.count--
    return item
  }

  clear(): void {
    while (this.count > 0) this.shift()
  }
}
