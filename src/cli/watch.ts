/**
 * `status --watch`: the same view again and again, with what has happened in between. On a terminal it stays in its
 * place and fits the window; elsewhere each view is appended. Ends with Ctrl-C, status 0.
 *
 * W1. At most one view in a second, and none before the last answer has come.
 * W2. A worker that does not answer is said so, and asked again.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { PotorooError } from '../base/errors.ts'
import { fitting, print, showProblem, visible } from './terminal.ts'

const EVERY_MS = 1000

/** Up to the top left, and from there to the end: nothing flickers. */
const HOME = '\x1b[H'
const REST = '\x1b[J'
const LINE_REST = '\x1b[K'
/** Another screen, without a cursor; and back. */
const ENTER = '\x1b[?1049h\x1b[?25l'
const LEAVE = '\x1b[?25h\x1b[?1049l'

/**
 * Shows what `look` answers until Ctrl-C; `seconds` have passed since the last answer, 0 at the first. `lines`: a line
 * for each answer, for a program.
 */
export async function watch(look: (seconds: number) => Promise<string>, lines = false): Promise<void> {
  const terminal = process.stdout.isTTY === true && !lines
  const stopped = new AbortController()
  const stop = (): void => stopped.abort()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop)
  if (terminal) process.stdout.write(ENTER)
  let last = ''
  try {
    let answeredMs = 0
    while (!stopped.signal.aborted) {
      const startedMs = performance.now()
      const seconds = answeredMs === 0 ? 0 : (startedMs - answeredMs) / 1000
      last = await answer(look, seconds)
      answeredMs = startedMs
      if (stopped.signal.aborted) break
      if (terminal) show(last)
      else print(lines ? last : `${last}\n`)
      await wait(EVERY_MS - (performance.now() - startedMs), undefined, stopped).catch(() => {})
    }
  } finally {
    if (terminal) {
      process.stdout.write(LEAVE)
      print(last)
    }
  }
}

/** W2. */
async function answer(look: (seconds: number) => Promise<string>, seconds: number): Promise<string> {
  try {
    return await look(seconds)
  } catch (error) {
    if (error instanceof PotorooError && error.kind !== 'user') return showProblem('warning', error)
    throw error
  }
}

/** What fits into the window, in the place of what stood there. */
function show(text: string): void {
  const shown = fitting(visible(text), process.stdout).map((line) => `${line}${LINE_REST}`)
  process.stdout.write(`${HOME}${shown.join('\n')}\n${REST}`)
}
