/** A process under test: started by the bench, ended by its id, its CPU time read from the system. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

/** The program, as a user starts it. */
export const launch: string = resolve(import.meta.dirname, '../../src/launch.js')

export interface Subject {
  readonly process: ChildProcess
  /** CPU time of all its threads so far, in milliseconds. */
  cpuMs(): number
  /** Resident memory in bytes. */
  residentBytes(): number
  stop(signal?: NodeJS.Signals): Promise<void>
}

/**
 * `--node=FLAG` on the command line, any number of times: what Node is started with for whatever is measured, the
 * reference included.
 */
export function nodeFlags(): string[] {
  const given = '--node='
  return process.argv.flatMap((argument) => (argument.startsWith(given) ? [argument.slice(given.length)] : []))
}

/** Starts `node ARGUMENTS` and, where `ready` is given, waits for output on `from` that matches it. */
export async function start(
  argv: readonly string[],
  ready: RegExp | null,
  from: 'stdout' | 'stderr' = 'stderr',
  environment: Record<string, string> = {},
): Promise<Subject> {
  const child = spawn(process.execPath, argv, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  })
  let said = ''
  await new Promise<void>((resolve, reject) => {
    const read = (name: 'stdout' | 'stderr') => (chunk: Buffer) => {
      if (said.length < 1 << 16) said += chunk
      if (ready !== null && name === from && ready.test(said)) resolve()
    }
    child.stdout!.on('data', read('stdout'))
    child.stderr!.on('data', read('stderr'))
    if (ready === null) resolve()
    child.once('exit', (code, signal) => reject(new Error(`${argv.join(' ')} ended (${code ?? signal}):\n${said}`)))
  })
  return {
    process: child,
    cpuMs: () => cpuMs(child.pid!),
    residentBytes: () => residentBytes(child.pid!),
    stop: async (signal = 'SIGKILL') => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.kill(signal)
      await gone
    },
  }
}

/** Clock ticks of `/proc/PID/stat` are hundredths of a second on Linux. */
const TICK_MS = 10

/** CPU time of all threads of a process so far, in milliseconds. */
export function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}

/** Resident memory of a process in bytes. */
export function residentBytes(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096
}
