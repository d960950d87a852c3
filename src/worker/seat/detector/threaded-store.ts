/**
 * A store for the chain and the beats, on a thread of its own: what a worker's life in its cluster rests on does not
 * wait behind what its users do in Node's pool of threads (`env/real/calls.ts`).
 *
 * D1. Each call crosses to the thread and back once, in the order of the calls; the thread has one under way at a time.
 * D2. The thread waits for the system. Where a volume hangs nothing is answered, as `store.ts` allows, and nobody else
 *     waits with it: heartbeats have another thread.
 * D3. After `close` nothing is answered.
 */
import { Worker } from 'node:worker_threads'
import { type Details, type ErrorCode, fail, PotorooError } from '../../../base/errors.ts'
import { ownModule } from '../../../base/own-files.ts'
import type { CreateOutcome, SmallStore, StoreDone, StoreDoneVoid, Writer } from '../../../checkpoint/store.ts'
import type { OpenRecords, RecordsEvents } from '../cluster-settings.ts'

export interface StoreThreadData {
  /** The folder of the store, which has its mark. */
  readonly root: string
  readonly writer: Writer
}

export type StoreCall =
  | { readonly call: 'createExclusive' | 'put'; readonly path: string; readonly bytes: Uint8Array }
  | { readonly call: 'read' | 'list' | 'remove' | 'makeDurable'; readonly path: string }

/** The number of a call, and what it asks. */
export type ToStore = readonly [number, StoreCall]

export interface ErrorAcross {
  readonly code: ErrorCode
  readonly details: Details
}

/** The number of the call that is answered, and how it ended; of no call (0): that nothing is durable any more. */
export type FromStore = readonly [call: number, error: ErrorAcross | null, value: unknown]

type Answer = (error: PotorooError | null, value: never) => void

/** A record of the chain that begins an era holds the cluster: the bytes of it lie outside of the heap. */
const HEAP = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 }

/** Opens the store in the folder `root` on a thread of its own, each time another one. */
export function recordsOnThread(root: string): OpenRecords {
  return (writer, events) => new ThreadedStore({ root, writer }, events)
}

export class ThreadedStore implements SmallStore {
  private readonly thread: Worker
  private readonly waiting = new Map<number, Answer>()
  private readonly events: RecordsEvents
  private readonly worker: string
  private calls = 0
  private closed = false

  constructor(data: StoreThreadData, events: RecordsEvents) {
    this.events = events
    this.worker = data.writer.worker
    this.thread = new Worker(ownModule('worker/seat/detector/store-thread'), {
      workerData: data,
      resourceLimits: HEAP,
      name: 'potoroo-store',
    })
    this.thread.on('message', (message: FromStore) => this.take(message))
    this.thread.on('error', (error) => this.end(error instanceof Error ? error.message : String(error)))
    this.thread.on('exit', (status) => this.end(`it exited with status ${status}`))
  }

  createExclusive(
    path: string,
    bytes: Uint8Array,
    done: (outcome: CreateOutcome, error: PotorooError | null) => void,
  ): void {
    this.ask({ call: 'createExclusive', path, bytes }, (error, outcome: CreateOutcome) => done(outcome, error))
  }

  read(path: string, done: StoreDone<Buffer | null>): void {
    this.ask({ call: 'read', path }, (error, bytes: Uint8Array | null) => {
      // What has crossed is no `Buffer` any more.
      done(error, bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
    })
  }

  makeDurable(path: string, done: StoreDoneVoid): void {
    this.ask({ call: 'makeDurable', path }, done)
  }

  list(path: string, done: StoreDone<readonly string[]>): void {
    this.ask({ call: 'list', path }, done)
  }

  remove(path: string, done: StoreDoneVoid): void {
    this.ask({ call: 'remove', path }, done)
  }

  put(path: string, bytes: Uint8Array, done: StoreDoneVoid): void {
    this.ask({ call: 'put', path, bytes }, done)
  }

  close(): void {
    this.closed = true
    this.waiting.clear()
    void this.thread.terminate()
  }

  private ask(call: StoreCall, done: Answer): void {
    if (this.closed) return
    const message: ToStore = [++this.calls, call]
    this.waiting.set(this.calls, done)
    this.thread.postMessage(message)
  }

  private take([call, told, value]: FromStore): void {
    if (this.closed) return
    const error = told && new PotorooError(told.code, told.details)
    if (call === 0) return this.events.lost(error!)
    const done = this.waiting.get(call)!
    this.waiting.delete(call)
    done(error, value as never)
  }

  private end(reason: string): void {
    if (this.closed) return
    this.close()
    this.events.ended(fail('E_WATCH_ENDED', { worker: this.worker, reason }))
  }
}
