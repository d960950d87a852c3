/** How far a long run is, in one line on the terminal that is written over; nothing where nobody looks. */
import { performance } from 'node:perf_hooks'
import type { Sums } from './runs.ts'

/** Between two looks, in milliseconds. */
const EVERY_MS = 200

export class Progress {
  private readonly shown = process.stderr.isTTY
  private readonly begin = performance.now()
  private readonly of: string
  private lastMs = 0

  /** `of` what: `of 2000 clusters`. */
  constructor(of: string) {
    this.of = of
  }

  /** So much has been run by now. */
  show({ ran, found }: Pick<Sums, 'ran' | 'found'>): void {
    const ms = performance.now() - this.begin
    if (!this.shown || ms < this.lastMs + EVERY_MS) return
    this.lastMs = ms
    const rate = ((1000 * ran) / ms).toFixed(1)
    process.stderr.write(`\r\x1b[K${ran} ${this.of}, ${rate} per second, ${found.length} of them wrong`)
  }

  /** Makes room for what is printed. */
  clear(): void {
    if (this.shown) process.stderr.write('\r\x1b[K')
  }
}
