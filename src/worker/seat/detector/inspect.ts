/**
 * Asks the main thread what it is doing, from beside it, while it does it: a session of Node's inspector inside this
 * process, for which no port is opened. The main thread is paused for some milliseconds and goes on.
 *
 * Nothing in the data plane has to be written for it: the step, the key and the record are read where they stand, in
 * the frames of `Runtime.step` and of the tasks' `work`, by the names that they have there.
 */
import { type Debugger, Session } from 'node:inspector'
import type { Stuck } from '../watch.ts'

export const nowhere: Stuck = { pipeline: null, step: null, key: null, stack: '' }

const KEY_LENGTH = 200
const STACK_LENGTH = 2000

const STEP = '({ pipeline: this.plan.pipeline, step: this.running })'
const KEY = `(typeof keys === 'object' && typeof i === 'number' ? String(keys[i]).slice(0, ${KEY_LENGTH}) : null)`
const STACK = 'new Error().stack'

/**
 * Answers where the main thread is, `nowhere` where it has not been heard of in `patienceMs`: one that waits in a call
 * into the system does not look up. One that comes to it later, as on a busy machine, is answered for once more.
 * `goesOn` says that it went on by itself before it was paused: then there is nothing to tell of it.
 */
export function askMainThread(patienceMs: number, goesOn: () => boolean, done: (found: Stuck) => void): void {
  const session = new Session()
  session.connectToMainThread()
  let answered = false
  const timer = setTimeout(() => {
    answered = true
    done(nowhere)
  }, patienceMs)
  const answer = (found: Stuck | null): void => {
    clearTimeout(timer)
    // Whoever is paused has to go on, also where nobody waits for it any more.
    session.post('Debugger.resume', () => session.post('Debugger.disable', () => session.disconnect()))
    if (found !== null) done(found)
    else if (!answered) done(nowhere)
  }
  session.once('Debugger.paused', ({ params }) => {
    if (goesOn()) answer(null)
    else readFrames(session, params.callFrames, answer)
  })
  session.post('Debugger.enable')
  session.post('Debugger.pause')
}

function readFrames(session: Session, frames: readonly Debugger.CallFrame[], done: (found: Stuck) => void): void {
  const runtime = frames.find((frame) => frame.functionName === 'step' && frame.this.className === 'Runtime')
  const work = frames.find((frame) => frame.functionName === 'work')
  evaluate<string>(session, frames[0], STACK, (stack) => {
    evaluate<{ pipeline: string; step: string }>(session, runtime, STEP, (at) => {
      evaluate<string | null>(session, work, KEY, (key) => {
        done({ pipeline: at?.pipeline ?? null, step: at?.step ?? null, key, stack: cut(stack ?? '') })
      })
    })
  })
}

/** The value of `expression` in `frame`, `null` where there is none. */
function evaluate<T>(
  session: Session,
  frame: Debugger.CallFrame | undefined,
  expression: string,
  done: (value: T | null) => void,
): void {
  if (frame === undefined) return done(null)
  const { callFrameId } = frame
  const question = { callFrameId, expression, returnByValue: true, silent: true }
  session.post('Debugger.evaluateOnCallFrame', question, (error, answer) => {
    // There is none where somebody else has let the main thread go on, or it ends.
    if (error !== null) return done(null)
    const { result, exceptionDetails } = answer as Debugger.EvaluateOnCallFrameReturnType
    done(exceptionDetails === undefined ? ((result.value as T | undefined) ?? null) : null)
  })
}

/** Without the lines of the question itself. */
function cut(stack: string): string {
  const lines = stack.split('\n').filter((line, i) => i > 0 && !/ at eval \(eval at /.test(line))
  return lines.join('\n').slice(0, STACK_LENGTH)
}
