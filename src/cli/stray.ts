/**
 * Whose an error is that was thrown where nobody waits for it: ours, or that of a function that a pipeline has left
 * behind in a timer, a callback or a promise. The first line of the stack that is not Node's says so. Where there is
 * none, as behind an emitter that nobody listens to, what the program was marked with does (`Runner`).
 *
 * S1. What a stored program has left behind fails the pipelines that run it, and not their worker: it would come again
 *     at each start, and other pipelines would go down with it.
 * S2. An error that was thrown through our own code has left that in the middle of something: the process ends. A
 *     promise that is rejected interrupts nobody.
 */
import { fileURLToPath } from 'node:url'
import { fail, PotorooError } from '../base/errors.ts'
import { OWN_FOLDER } from '../base/own-files.ts'
import { programOf } from '../base/program-url.ts'

const OWN = fileURLToPath(OWN_FOLDER)

/** Who runs stored programs. It is told of them, so that commands which run none read nothing of a worker. */
export interface Runner {
  /** The hash of the program that has begun what runs now, for an `error` whose stack names no place; `null`: none. */
  markOf(error: Error): string | null
  /** Takes an error of the stored program whose hash begins with `program`. */
  take(program: string, error: PotorooError): void
}

let runner: Runner | null = null

/** From now on `known` gets what stored programs have left behind (S1). */
export function takeStrays(known: Runner): void {
  runner = known
}

/** Whether somebody has taken `thrown`, and the process goes on. */
export function isTaken(thrown: unknown, origin: NodeJS.UncaughtExceptionOrigin): boolean {
  if (runner === null || !(thrown instanceof Error) || thrown instanceof PotorooError) return false
  const place = firstPlace(thrown)
  const program = place === null ? runner.markOf(thrown) : programOf(place.path)
  if (program === null || (origin === 'uncaughtException' && isThroughOurs(thrown))) return false
  runner.take(program, ofWhom(thrown) as PotorooError)
  return true
}

/** The error to end with, in place of `thrown`, where a pipeline has thrown it; otherwise `thrown`. */
export function ofWhom(thrown: unknown): unknown {
  if (thrown instanceof PotorooError) return thrown
  const place = thrown instanceof Error ? placeOf(thrown) : ''
  if (place === null) return thrown
  return fail('E_STRAY', { reason: thrown instanceof Error ? thrown.message : String(thrown), at: place }, thrown)
}

/**
 * Calls `tell` where a pipeline, or what it imports, ends this process by `process.exit`: it would end in the middle of
 * its work, and nothing would say why.
 */
export function watchExit(tell: (error: PotorooError) => void): void {
  const { exit } = process
  process.exit = (...given) => {
    const place = placeOf(new Error(), 1)
    if (place !== null) tell(fail('E_EXIT', { status: given[0] ?? process.exitCode ?? 0, at: place }))
    // A status that is given and `undefined` is not the same as none.
    return exit(...given)
  }
}

/**
 * Where the error was thrown, such as ` at /home/you/orders.ts:6:72`; empty where nothing is known; `null` in our own.
 * The first `own` calls are passed over.
 */
function placeOf(error: Error, own = 0): string | null {
  const place = firstPlace(error, own)
  if (place === null) return ''
  return place.path.startsWith(OWN) ? null : ` at ${place.path}:${place.line}:${place.column}`
}

interface Place {
  readonly path: string
  readonly line: string
  readonly column: string
}

/** The first place in the stack that is not Node's, behind `own` calls. */
function firstPlace({ stack = '' }: Error, own = 0): Place | null {
  for (const line of callsOf(stack).slice(own)) {
    const place = readPlace(line)
    if (place !== null) return place
  }
  return null
}

function readPlace(line: string): Place | null {
  const found = /^ {4}at (?:.* \()?(?:file:\/\/)?(\/[^)]+|potoroo:[^)]+|[A-Za-z]:[^)]+):(\d+):(\d+)\)?$/.exec(line)
  return found && { path: found[1]!, line: found[2]!, column: found[3]! }
}

function callsOf(stack: string): readonly string[] {
  return stack.split('\n').filter((line) => line.startsWith('    at '))
}

/** Whether the error has come through our code, or may have: of a deep stack the beginning is not shown (S2). */
function isThroughOurs({ stack = '' }: Error): boolean {
  const calls = callsOf(stack)
  return calls.length >= Error.stackTraceLimit || calls.some((line) => readPlace(line)?.path.startsWith(OWN) === true)
}
