/** A first-in first-out queue for items that something else bounds, by bytes for instance. `Ring` bounds by itself. */

export class Fifo<T> {
  private items: (T | undefined)[] = []
  private head = 0

  get length(): number {
    return this.items.length - this.head
  }

  push(item: T): void {
    this.items.push(item)
  }

  peek(): T | undefined {
    return this.items[this.head]
  }

  /** The item that was pushed last. */
  get last(): T | undefined {
    return this.items.at(-1)
  }

  /** Puts `item` in the place of the one that was pushed last. */
  amend(item: T): void {
    this.items[this.items.length - 1] = item
  }

  shift(): T | undefined {
    if (this.head === this.items.length) return undefined
    const item = this.items[this.head]
    this.items[this.head++] = undefined
    if (this.head === this.items.length) this.clear()
    // Half of the array is empty: move the rest, which costs each item one move on average.
    else if (this.head > 1024 && this.head * 2 > this.items.length) {
      this.items = this.items.slice(this.head)
      this.head = 0
    }
    return item
  }

  clear(): void {
    this.items = []
    this.head = 0
  }
}
