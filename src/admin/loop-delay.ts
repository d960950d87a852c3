/** How late the loop comes to its timers, measured from the first moment on, so that the first scrape shows it, too. */
import { monitorEventLoopDelay } from 'node:perf_hooks'

const RESOLUTION_MS = 10
const NANOSECONDS = 1e9
const PERCENTS = [50, 99, 100]

export class LoopDelay {
  private readonly histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })

  constructor() {
    this.histogram.enable()
  }

  /** Quantiles in seconds since the last call. */
  take(): readonly (readonly [quantile: number, seconds: number])[] {
    const quantiles = PERCENTS.map((one) => [one / 100, this.histogram.percentile(one) / NANOSECONDS] as const)
    this.histogram.reset()
    return quantiles
  }

  close(): void {
    this.histogram.disable()
  }
}
