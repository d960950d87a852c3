/**
 * The worker under proof: started as a user would, in a folder of its own, killed by its id.
 *
 * All processes of one proof are ended with it, whatever happens.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { type ControlClient, findWorker } from '../../src/cli/control-client.ts'
import { nodeFlags } from '../lib/subject.ts'
import { importing, type Mutant } from './mutant.ts'

const LAUNCH = resolve(import.meta.dirname, '../../src/launch.js')
const SAID_MAX = 256 << 10

/** How a process ended. */
export interface Ending {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
}

export interface Surroundings {
  readonly environment?: Readonly<Record<string, string>>
  readonly host?: readonly string[]
  /** What it writes to standard output is read by `output`. */
  readonly output?: boolean
}

const alive = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL')
})

export class Subject {
  /** What it has said on standard error, its first `SAID_MAX` characters. */
  said = ''
  readonly ended: Promise<Ending>
  readonly startedMs: number = performance.now()
  private readonly child: ChildProcess
  private readonly watchers = new Set<() => void>()

  /** Starts `potoroo ARGUMENTS`, on another host where `around` has the words that bring a command there. */
  constructor(args: readonly string[], mutant: Mutant | null, around: Surroundings = {}) {
    const { environment = {}, host = [], output = false } = around
    const [file = '', ...argv] = [
      ...[...host, process.execPath, '--conditions=source', ...nodeFlags()],
      ...[...importing(mutant), LAUNCH, ...args],
    ]
    const env = { ...process.env, ...environment }
    const child = spawn(file, argv, { stdio: ['ignore', output ? 'pipe' : 'ignore', 'pipe'], env })
    this.child = child
    alive.add(child)
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      if (this.said.length < SAID_MAX) this.said += text
      for (const watcher of this.watchers) watcher()
    })
    this.ended = once(child, 'close').then(([status, signal]) => {
      alive.delete(child)
      return { status, signal } as Ending
    })
  }

  get output(): Readable | null {
    return this.child.stdout
  }

  get pid(): number {
    return this.child.pid!
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null
  }

  /** Resolves with true once it has said `pattern`, with false when it has ended before. */
  says(pattern: RegExp): Promise<boolean> {
    return new Promise((resolve) => {
      const watcher = (): void => {
        if (!pattern.test(this.said)) return
        this.watchers.delete(watcher)
        resolve(true)
      }
      this.watchers.add(watcher)
      watcher()
      void this.ended.then(() => resolve(false))
    })
  }

  /** Sends `signal`, such as SIGSTOP, and waits for nothing. */
  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }

  /** Sends `signal` and waits for the end. */
  async stop(signal: NodeJS.Signals): Promise<Ending> {
    if (this.running) this.child.kill(signal)
    return this.ended
  }
}

/** A stack trace that nobody has made into an error with a code. */
export function bareStack(said: string): string | null {
  return /^ {4}at .*$/m.exec(said)?.[0]?.trim() ?? null
}

/** The state of every key of `step`, by the worker's own control API. */
export async function statesOf<S>(data: string, pipeline: string, step: string): Promise<Map<string, S>> {
  const worker: ControlClient = await findWorker({ data })
  const states = new Map<string, S>()
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query: string = cursor === '' ? '' : `?cursor=${encodeURIComponent(cursor)}`
    const page: {
      readonly found: readonly { readonly key: string; readonly state: S }[]
      readonly next: string | null
    } = await worker.get(`/v1/pipelines/${pipeline}/state/${step}${query}`)
    for (const { key, state } of page.found) states.set(key, state)
    cursor = page.next
  }
  return states
}
