/** A set of entries of a table: a bit for each. */
export class EntrySet {
  private words = new Uint32Array(1)

  has(entry: number): boolean {
    // Past the end there is `undefined`, and its bits are 0.
    return (this.words[entry >>> 5]! & (1 << entry)) !== 0
  }

  add(entry: number): void {
    const word = entry >>> 5
    if (word >= this.words.length) this.grow(word)
    this.words[word]! |= 1 << entry
  }

  clear(): void {
    this.words.fill(0)
  }

  private grow(word: number): void {
    const words = new Uint32Array(Math.max(word + 1, this.words.length * 2))
    words.set(this.words)
    this.words = words
  }
}
