/**
 * A worker's process under `up`: starts it, starts it again as `supervise.ts` decides, and reads what it logs.
 *
 * Its standard error is a file, so that what it says is there when nobody listens, and it never waits for a reader. Its
 * standard input is held open, and ended to ask for an end in order: so it ends like this when this process is gone,
 * too. It has a session of its own, so that a terminal that sends Ctrl-C, or is closed, reaches this process alone, and
 * no worker that has just been started is killed by it. A service manager's SIGTERM reaches both: that is one request,
 * not two.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { EXIT_FAILED } from './exit.ts'
import { LogFile, type LogLine } from './log-file.ts'
import { type ChildEvent, type ChildState, started, superviseChild } from './supervise.ts'
import { readLines } from './whole-lines.ts'

export interface ChildOptions {
  readonly worker: string
  /** Its data folder. */
  readonly data: string
  /** Makes of the folder what it has to be, before each start: its disk may have been lost since the last one. */
  readonly prepare: () => void
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  /** Takes what the process writes to standard output, in whole lines; without it both write to the same one. */
  readonly output: ((lines: string) => void) | null
}

export interface ChildEvents {
  started(child: Child): void
  logged(child: Child, line: LogLine): void
  /**
   * It is not there; `how` says for a person what came of it. What is to be done next is done when the promise has
   * settled.
   */
  exited(child: Child, how: string): Promise<void>
  /** What has become of it: started again in `waitMs`, or `null` and its state says why not. */
  settled(child: Child, waitMs: number | null): void
}

export class Child {
  readonly worker: string
  readonly data: string
  state: ChildState = started
  pid: number | null = null
  private readonly options: ChildOptions
  private readonly events: ChildEvents
  private readonly log: LogFile
  private process: ChildProcess | null = null
  private timer: NodeJS.Timeout | undefined

  constructor(options: ChildOptions, events: ChildEvents) {
    this.worker = options.worker
    this.data = options.data
    this.options = options
    this.events = events
    this.log = new LogFile(`${options.data}/worker.log`)
  }

  /** No process of it is there, nor will be. */
  get over(): boolean {
    return ['left', 'ended', 'givenUp'].includes(this.state.phase)
  }

  /** Where its log lies. */
  get logPath(): string {
    return this.log.path
  }

  /** Asks it to end in order. */
  stop(): void {
    this.step({ kind: 'stop' })
    if (this.over) clearTimeout(this.timer)
  }

  /** Ends it at once. */
  kill(): void {
    this.process?.kill('SIGKILL')
  }

  /** Tells of what it has logged since the last call. */
  readLog(): void {
    for (const line of this.log.read()) this.events.logged(this, line)
  }

  /** Starts its process; what becomes of that is then seen to here. */
  start(): void {
    const { args, env, prepare, output } = this.options
    let log: number
    try {
      prepare()
      log = openSync(this.log.path, 'a', 0o600)
    } catch (error) {
      // As with a process that ends at once: its disk may be full, or not there, and better the next time.
      return this.gone(EXIT_FAILED, `cannot be started: ${(error as Error).message}`)
    }
    const child = spawn(process.execPath, [...process.execArgv, process.argv[1]!, ...args], {
      env,
      detached: true,
      stdio: ['pipe', output === null ? 'inherit' : 'pipe', log],
    })
    closeSync(log)
    this.process = child
    this.pid = child.pid ?? null
    child.stdin!.on('error', () => {})
    if (output !== null) readLines(child.stdout!, output)
    child.once('error', (error) => this.ended(EXIT_FAILED, `cannot be started: ${error.message}`))
    child.once('exit', (status, signal) => this.ended(status, `has ended by ${signal ?? `status ${status}`}`))
    this.events.started(this)
  }

  private ended(status: number | null, how: string): void {
    if (this.process === null) return
    this.process = null
    this.pid = null
    this.readLog()
    this.gone(status, how)
  }

  private gone(status: number | null, how: string): void {
    void this.events.exited(this, how).then(() => this.step({ kind: 'exited', status, nowMs: performance.now() }))
  }

  private step(event: ChildEvent): void {
    const { next, effects } = superviseChild(this.state, event)
    this.state = next
    let waitMs: number | null = null
    for (const effect of effects) {
      if (effect.kind === 'start') this.start()
      else if (effect.kind === 'dismiss') this.process?.stdin?.end()
      else {
        waitMs = effect.ms
        this.timer = setTimeout(() => this.step({ kind: 'due' }), waitMs)
      }
    }
    if (event.kind === 'exited') this.events.settled(this, waitMs)
  }
}
