/** Real processes of the command line, awaited by what they say. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inject, onTestFinished } from 'vitest'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** The launcher of this checkout, whose sources run as they are. */
export const checkout = join(root, 'src/launch.js')

/** The launcher of the package that was built (`built.ts`); the checkout's where nothing was, as beside other tests. */
export const launcher = inject('launcher') ?? checkout

/** A folder that is gone after the test. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'potoroo-process-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

export interface Ended {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
}

export interface Options {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  /** It leads a process group of its own. */
  readonly detached?: boolean
}

/** A process that is still there at the end of the test is killed. */
export class Program {
  readonly child: ChildProcess
  out = ''
  err = ''
  readonly ended: Promise<Ended>
  private readonly waiters = new Set<() => void>()

  constructor(command: string, args: readonly string[], options: Options = {}) {
    const env = options.env ?? process.env
    this.child = spawn(command, args, { ...options, env, stdio: ['pipe', 'pipe', 'pipe'] })
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => this.hear(() => (this.out += text)))
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => this.hear(() => (this.err += text)))
    this.ended = once(this.child, 'close').then(([status, signal]) => {
      this.hear(() => {})
      return { status, signal }
    })
    onTestFinished(() => {
      this.child.kill('SIGKILL')
    })
  }

  private hear(take: () => void): void {
    take()
    for (const look of this.waiters) look()
  }

  /** Resolves with what `pattern` has found in what the program has said so far, on either stream. */
  said(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = pattern.exec(this.out) ?? pattern.exec(this.err)
        const over = this.child.exitCode !== null || this.child.signalCode !== null
        if (found === null && !over) return
        this.waiters.delete(look)
        if (found !== null) resolve(found)
        else reject(new Error(`it ended without saying ${pattern}:\n${this.out}\n${this.err}`))
      }
      this.waiters.add(look)
      look()
    })
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }

  /** Sends the signal to all that it has started, too, as a terminal does; it is `detached`. */
  killGroup(signal: NodeJS.Signals): void {
    process.kill(-this.child.pid!, signal)
  }
}

/** Starts `potoroo` with `args`. */
export function potoroo(args: readonly string[], options: Options = {}): Program {
  return new Program(process.execPath, [launcher, ...args], options)
}

/** Runs `potoroo` to its end. */
export async function ran(
  args: readonly string[],
  options: { cwd?: string; input?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Ended & { readonly out: string; readonly err: string }> {
  const { input = '', ...rest } = options
  const program = potoroo(args, rest)
  program.child.stdin!.end(input)
  const ended = await program.ended
  return { ...ended, out: program.out, err: program.err }
}
