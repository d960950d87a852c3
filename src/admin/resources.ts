/** What this process takes of its machine, as the operating system and V8 count it. */
import { getHeapStatistics } from 'node:v8'

const PER_SECOND = 1e6

export interface Resources {
  /** Memory that it has, of all kinds. */
  readonly residentBytes: number
  /** What is in use of V8's heap, where the state lives, and what may be: beyond that the process ends. */
  readonly heapBytes: number
  readonly heapLimitBytes: number
  /** Buffers, which lie outside of the heap. */
  readonly bufferBytes: number
  /** Time of processors that it has used. */
  readonly cpuSeconds: number
}

export function resources(): Resources {
  const { heap_size_limit: heapLimitBytes } = getHeapStatistics()
  const { rss: residentBytes, heapUsed: heapBytes, arrayBuffers: bufferBytes } = process.memoryUsage()
  const { user, system } = process.cpuUsage()
  return { residentBytes, heapBytes, heapLimitBytes, bufferBytes, cpuSeconds: (user + system) / PER_SECOND }
}
