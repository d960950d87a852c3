/**
 * A watch on a thread of its own, as the worker's loop sees it: messages to the thread and from it, and the counter by
 * which the thread sees that the loop goes on.
 */
import { Worker } from 'node:worker_threads'
import { type Details, type ErrorCode, fail, PotorooError } from '../../../base/errors.ts'
import type { Limits } from '../../../base/limits.ts'
import { ownModule } from '../../../base/own-files.ts'
import type { Beat } from '../../../cluster/beats.ts'
import type { LogOptions } from '../../../env/real/log.ts'
import type { Evidence, OpenWatch, Stuck, Watch, WatchEvents, Watched, Watcher } from '../watch.ts'

export interface ThreadOptions {
  readonly limits: Limits
  readonly cluster: string
  readonly token: string
  /** The address at which heartbeats are taken. */
  readonly host: string
  /** The name or address by which others reach it. */
  readonly reach: string
  /** The folder of the store. */
  readonly store: string
  readonly log: LogOptions
}

/** What the thread begins with. */
export interface ThreadData {
  readonly options: ThreadOptions
  readonly watcher: Watcher
  readonly pulse: SharedArrayBuffer
}

export type ToThread =
  | { readonly kind: 'follow'; readonly others: readonly Watched[] }
  | { readonly kind: 'tell'; readonly evidence: Evidence }

export type Heard = Pick<Watch, 'beat' | 'gone' | 'stuck'>

export type FromThread =
  | ({ readonly kind: 'opened' | 'changed' } & Heard)
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly details: Details }
  | { readonly kind: 'found'; readonly found: Beat | null; readonly stood: boolean }
  | { readonly kind: 'wasStuck'; readonly stuck: Stuck; readonly ms: number }

/** The thread holds little: a small heap of its own leaves the memory to the worker. */
const HEAP = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 }

/** Opens watches on threads of their own. */
export function watchOnThread(options: ThreadOptions): OpenWatch {
  return (watcher, events, done) => new ThreadWatch(options, watcher, events, done)
}

class ThreadWatch implements Watch {
  beat: Beat
  gone: ReadonlySet<string> = new Set()
  stuck: Watch['stuck'] = new Map()
  private readonly events: WatchEvents
  private readonly thread: Worker
  private readonly timer: NodeJS.Timeout
  private opened: ((error: PotorooError | null) => void) | null
  private closed = false

  constructor(options: ThreadOptions, watcher: Watcher, events: WatchEvents, done: Parameters<OpenWatch>[2]) {
    this.events = events
    this.beat = { ...watcher, heartbeats: '', counter: 0, hears: [] }
    this.opened = (error) => done(error, this)
    const shared = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
    const pulse = new Int32Array(shared)
    this.timer = setInterval(() => pulse[0]!++, options.limits.heartbeatMs)
    const workerData: ThreadData = { options, watcher, pulse: shared }
    this.thread = new Worker(ownModule('worker/seat/detector/thread'), {
      workerData,
      resourceLimits: HEAP,
      name: 'potoroo-watch',
    })
    this.thread.on('message', (message: FromThread) => this.take(message))
    this.thread.on('error', (error) => this.end(error instanceof Error ? error.message : String(error)))
    this.thread.on('exit', (status) => this.end(`it exited with status ${status}`))
  }

  follow(others: readonly Watched[]): void {
    this.send({ kind: 'follow', others })
  }

  tell(evidence: Evidence): void {
    this.send({ kind: 'tell', evidence })
  }

  close(): void {
    this.closed = true
    clearInterval(this.timer)
    void this.thread.terminate()
  }

  private send(message: ToThread): void {
    if (!this.closed) this.thread.postMessage(message)
  }

  private take(message: FromThread): void {
    if (this.closed) return
    switch (message.kind) {
      case 'opened':
      case 'changed':
        this.beat = message.beat
        this.gone = message.gone
        this.stuck = message.stuck
        if (message.kind === 'opened') this.settle(null)
        else if (this.opened === null) this.events.changed()
        break
      case 'refused':
        this.close()
        this.settle(new PotorooError(message.code, message.details))
        break
      case 'found':
        this.events.found(message.found, message.stood)
        break
      case 'wasStuck':
        this.events.wasStuck(message.stuck, message.ms)
    }
  }

  private end(reason: string): void {
    if (this.closed) return
    this.close()
    const error = fail('E_WATCH_ENDED', { worker: this.beat.worker, reason })
    if (this.opened === null) this.events.failed(error)
    else this.settle(error)
  }

  private settle(error: PotorooError | null): void {
    const { opened } = this
    this.opened = null
    opened?.(error)
  }
}
