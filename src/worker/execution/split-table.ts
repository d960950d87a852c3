/** Numbers for the splits of a pipeline, as its batches carry them, and their names, as everything that lasts does. */
export class SplitTable {
  private readonly names: string[] = []
  private readonly numbers = new Map<string, number>()

  /** The number of `name`, a new one at its first sight. */
  numberOf(name: string): number {
    let number = this.numbers.get(name)
    if (number === undefined) {
      number = this.names.push(name) - 1
      this.numbers.set(name, number)
    }
    return number
  }

  nameOf(number: number): string {
    return this.names[number] ?? ''
  }
}
