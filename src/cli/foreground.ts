/**
 * A worker for one pipeline, in the foreground of a terminal: `run` and `dev`. It ends by SIGINT or SIGTERM, when it is
 * told to, or when the worker cannot go on; in an orderly end with a last checkpoint.
 */
import { openControl } from '../admin/control.ts'
import type { Env } from '../env/env.ts'
import { RealInput } from '../env/real/input.ts'
import { RealOutput } from '../env/real/output.ts'
import { Pipelines, type PipelinesEvents } from '../worker/pipelines/pipelines.ts'
import { keepCompiled } from './compiled.ts'
import { startWarnings } from './doctor/folder.ts'
import { isOpened } from './opening.ts'
import type { Settings } from './settings.ts'
import { onSignals } from './signals.ts'
import { say, sayWarning } from './terminal.ts'
import { readSourceToken } from './token.ts'
import { keyGroupsOf } from './worker-options.ts'

/** Ends it: orderly with `null`. */
export type Stop = (error: Error | null) => void

export interface Seat {
  /** The name of the pipeline. */
  readonly pipeline: string
  readonly env: Env
  readonly settings: Settings
  readonly data: string
  readonly development: boolean
  readonly acceptLoss: boolean
}

/** It ends while it waits for its data folder. */
function stuck(): void {
  say('the data folder does not answer: ends at once')
}

/**
 * Opens the worker, starts `work`, and closes it when its end has come. `work` answers what is to be done when
 * everything has ended well. Rejects with what went wrong.
 */
export async function inForeground(
  { pipeline, env, settings, data, development, acceptLoss }: Seat,
  events: (stop: Stop) => PipelinesEvents,
  work: (pipelines: Pipelines, stopped: Promise<unknown>) => Promise<() => void>,
): Promise<void> {
  const { worker, limits } = settings
  for (const warning of startWarnings(data)) sayWarning(warning)
  const stopped = Promise.withResolvers<void>()
  /** What went wrong first, be it on the way to the end. */
  let wrong: Error | null = null
  const stop: Stop = (error) => {
    wrong ??= error
    stopped.resolve()
  }
  const options = {
    worker,
    data,
    limits,
    keyGroups: keyGroupsOf(settings),
    output: new RealOutput(),
    input: new RealInput(),
    acceptLoss,
    development,
    sourceToken: readSourceToken(),
  }
  const pipelines = new Pipelines(env, options, events(stop))
  const signals = onSignals((signal) => {
    say(`\n${signal}: makes a last checkpoint and ends; once more to end at once`)
    stop(null)
  })
  keepCompiled()
  // A signal, or a disk that takes nothing, may end it before it has begun.
  if (!(await isOpened(pipelines, pipelines.open(), stopped.promise, stuck))) {
    if (wrong !== null) throw wrong
    return
  }
  const control = await openControl({ env, pipelines, limits, data, alone: pipeline, ...settings.control })
  try {
    const end = await work(pipelines, stopped.promise)
    await stopped.promise
    const failures = await pipelines.close()
    if (wrong !== null) throw wrong
    for (const failure of failures.values()) throw failure
    end()
  } finally {
    await control.close()
    signals.forget()
  }
}
