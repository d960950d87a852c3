/**
 * Ctrl-C and SIGTERM: the first asks for an orderly end, the second ends at once, also where a disk does not answer.
 */

/** What a shell adds to a signal's number in an exit status. */
const SIGNALLED = 128
/**
 * What comes so soon after the first is the same request: a terminal's Ctrl-C reaches all that was started in it, and
 * npm passes it on once more.
 */
const SAME_MS = 300
const NUMBERS = { SIGINT: 2, SIGTERM: 15 } as const

type Signal = keyof typeof NUMBERS

export interface Signals {
  /** The end has come: signals mean nothing special any more. */
  forget(): void
}

/**
 * Calls `stop` at the first signal. At a second one, which is no echo of it, it calls `last`, and the process ends as
 * by that signal, with status 130 or 143.
 */
export function onSignals(stop: (signal: Signal) => void, last: () => void = () => {}): Signals {
  let askedMs: number | null = null
  const listener = (signal: Signal): void => {
    const nowMs = performance.now()
    if (askedMs === null) {
      askedMs = nowMs
      stop(signal)
    } else if (nowMs - askedMs > SAME_MS) {
      last()
      endAtOnce(signal)
    }
  }
  const signals = Object.keys(NUMBERS) as Signal[]
  for (const signal of signals) process.on(signal, listener)
  return {
    forget: () => {
      for (const signal of signals) process.off(signal, listener)
    },
  }
}

/**
 * Ends the process by `signal`, as if nobody had listened to it. `process.exit` waits for what the threads of the file
 * system are at, for ever where a disk does not answer; it is for the first process of a container, which no signal
 * ends.
 */
export function endAtOnce(signal: Signal): never {
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
  process.exit(SIGNALLED + NUMBERS[signal])
}
