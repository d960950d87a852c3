/** What `watch-inside.ts` saw inside a worker. */
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

export type WatchKind =
  /** The loop came back to its timers so late. */
  | 'away'
  /** A turn of the pipeline's own work. */
  | 'work'
  /** Work of a checkpoint on the loop. */
  | 'slice'
  | 'freeze'
  | 'complete'
  | 'control'
  | 'minor collection'
  | 'major collection'
  | 'incremental marking'
  | 'weak callbacks'
  /** Not on the loop: a record waits for the write, an acknowledgement for the sync. */
  | 'journal write'
  | 'journal sync'
  /** The way up. */
  | 'process started'
  | 'program loaded'
  | 'folder opened'
  | 'state read'
  | 'running'
  | 'journal replayed'

export interface WatchEvent {
  readonly kind: WatchKind
  /** Wall time of its beginning, in milliseconds. */
  readonly atMs: number
  readonly ms: number
  /** For `away`: how long the thread was on a processor. */
  readonly cpuMs: number | null
}

const hook = pathToFileURL(resolve(import.meta.dirname, 'watch-hook.ts')).href

/** What `node` and the environment need for a worker that is watched into `file`. */
export function watching(file: string): {
  readonly argv: readonly string[]
  readonly environment: Record<string, string>
} {
  return { argv: ['--import', hook], environment: { BENCH_WATCH: file } }
}

/** The events that began between two wall times, in milliseconds. The worker writes them twice a second. */
export function watched(file: string, fromMs: number, toMs: number): WatchEvent[] {
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
  return lines
    .map((line) => JSON.parse(line) as WatchEvent)
    .filter(({ atMs, ms }) => atMs + ms >= fromMs && atMs <= toMs)
}

/** The longest event of these kinds, or 0 ms. */
export function longestMs(events: readonly WatchEvent[], ...kinds: readonly WatchKind[]): number {
  return events.reduce((longest, { kind, ms }) => (kinds.includes(kind) ? Math.max(longest, ms) : longest), 0)
}

/** What happened between two wall times, longest first, for people. */
export function tell(events: readonly WatchEvent[], fromMs: number, toMs: number): string {
  const within = events.filter(({ atMs, ms }) => atMs + ms >= fromMs && atMs <= toMs)
  const parts = within
    .toSorted((a, b) => b.ms - a.ms)
    .slice(0, 4)
    .map(({ kind, ms, cpuMs }) => {
      const idle = cpuMs === null ? '' : ` (on a processor for ${cpuMs.toFixed(1)})`
      return `${kind} ${ms.toFixed(1)} ms${idle}`
    })
  return parts.length === 0 ? 'nothing that was seen' : parts.join(', ')
}
