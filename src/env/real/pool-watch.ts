/** Says when all threads that Node has for files are taken (`calls.ts`): what waits for them shows no reason itself. */
import { stat } from 'node:fs'
import type { Log } from '../log.ts'

/** How often they are asked, in milliseconds. */
const LOOK_MS = 1000
/** From when on they count as taken, in milliseconds. */
const FULL_MS = 2000

/** Asks them every `lookMs`, and says once when nothing has been answered for `fullMs`, and when it has been again. */
export function watchPool(log: Log, lookMs = LOOK_MS, fullMs = FULL_MS): void {
  const ask = (): void => {
    const beginMs = performance.now()
    let [answered, told] = [false, false]
    const timer = setTimeout(() => {
      // A loop that has stood still hears of the time before it hears of the answer.
      setImmediate(() => {
        if (answered) return
        told = true
        const remedy = 'see docs/operations.md: fewer calls at once in asyncMap, or a volume that does not answer'
        log.warn('threads.taken', { message: 'all threads that Node has for files are taken', remedy })
      })
    }, fullMs).unref()
    stat('/', () => {
      answered = true
      clearTimeout(timer)
      if (told) log.warn('threads.free', { ms: Math.round(performance.now() - beginMs) })
      setTimeout(ask, lookMs).unref()
    })
  }
  ask()
}
