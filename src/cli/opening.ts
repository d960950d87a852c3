/**
 * The way up of a worker that somebody may end before it is up: a supervisor's stop comes at any moment, also while the
 * worker waits for its store.
 */
import type { Pipelines } from '../worker/pipelines/pipelines.ts'
import { endAtOnce } from './signals.ts'

/** How long what has been begun may take to be closed again, in milliseconds: beyond that a disk does not answer. */
const CLOSE_MS = 1000

/**
 * Whether `opening`, which rejects where the worker cannot be opened, was there before its end was asked for
 * (`stopped`). Where it was not, `pipelines` is closed; where that takes too long, `stuck` is called and the process
 * ends: nothing runs that could lose anything by it.
 */
export async function isOpened(
  pipelines: Pick<Pipelines, 'close'>,
  opening: Promise<void>,
  stopped: Promise<unknown>,
  stuck: () => void,
): Promise<boolean> {
  const opened = await Promise.race([opening.then(() => true), stopped.then(() => false)])
  if (opened) return true
  const timer = setTimeout(() => {
    stuck()
    endAtOnce('SIGTERM')
  }, CLOSE_MS)
  await pipelines.close()
  clearTimeout(timer)
  return false
}
