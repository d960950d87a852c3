/**
 * `potoroo run FILE`: one worker with one pipeline, in the foreground. What it says goes to standard error; standard
 * output belongs to the pipeline.
 *
 * Ends with a last checkpoint and status 0: when every source has ended, when all of standard input has been taken
 * where a source reads it, or by SIGINT or SIGTERM.
 */
import { Command } from 'commander'
import type { Env } from '../env/env.ts'
import { plan } from '../model/planner.ts'
import { refuseFaults } from '../model/validate.ts'
import type { PipelinesEvents, Resident } from '../worker/pipelines/pipelines.ts'
import { EXIT_FAILED } from './exit.ts'
import { inForeground, type Stop } from './foreground.ts'
import { collect, collectPairs, loadGraph } from './load.ts'
import { Waiting } from './progress.ts'
import { proposals, sayBeginning, sayEnd } from './remarks.ts'
import { readsInput, sourceForInput, withInput, withOutput } from './standard-streams.ts'
import { say, sayWarning } from './terminal.ts'
import { addWorkerOptions, envOf, settingsOf, type WorkerFlags } from './worker-options.ts'

export interface BeginningFlags extends WorkerFlags {
  readonly param?: Record<string, string>
  readonly from?: string
  readonly fresh?: true
  readonly drop?: string[]
  readonly acceptLoss?: true
  readonly stdout?: true
}

interface Options extends BeginningFlags {
  readonly dev?: true
  readonly stdin?: string | true
}

/** How often a pipeline that reads standard input is asked whether it has taken everything, in milliseconds. */
const TAKEN_MS = 10

/** The options of how a pipeline begins in the foreground. */
export function addBeginningOptions(command: Command): Command {
  return command
    .argument('<file>', 'a pipeline file')
    .option('--param <name=value>', 'a parameter of the pipeline; may be repeated', collectPairs)
    .option('--stdout', 'write to standard output in place of the sinks')
    .option('--fresh', 'forget the state of earlier runs; savepoints stay')
    .option('--from <savepoint>', 'begin with the state of a savepoint')
    .option('--drop <step>', 'do not take over the state of a step; may be repeated', collect)
    .option('--accept-loss', 'where checkpoints are damaged, or older than they were, go on with what can be read')
}

export function runCommand(): Command {
  const command = new Command('run').description('run a pipeline in the foreground, with one worker')
  addBeginningOptions(command)
    .option('--stdin [source]', 'read standard input in place of the source; ends with it')
    .option('--dev', 'look after every step for shared objects and state that cannot be written; slow')
  return addWorkerOptions(command).action(async (file: string, options: Options) => run(file, options))
}

async function run(file: string, options: Options): Promise<void> {
  const settings = settingsOf(options)
  const { bundle, pipeline, graph } = await loadGraph(file, options.param, settings.limits)
  refuseFaults(graph)
  const { stdin, stdout } = options
  const input = stdin === undefined ? null : sourceForInput(plan(graph), stdin)
  const env = envOf(settings, 'warn')
  const data = settings.data ?? `.potoroo/${pipeline.name}`
  const [development, acceptLoss] = [options.dev === true, options.acceptLoss === true]
  let cancelled = false
  const events = (stop: Stop): PipelinesEvents => ({
    ...told(env, data, stop),
    // From another terminal: there is nothing left to run.
    over(_pipeline, how) {
      cancelled = how === 'cancelled'
      stop(null)
    },
  })
  await inForeground(
    { pipeline: pipeline.name, env, settings, data, development, acceptLoss },
    events,
    async (pipelines) => {
      const waiting = new Waiting('brings the state back')
      const submitted = pipelines.submit(pipeline, bundle, graph.parameters, {
        savepoint: options.from ?? null,
        fresh: options.fresh === true,
        drop: options.drop ?? [],
        rewrite: (planned) => {
          const fed = input === null ? planned : withInput(planned, input)
          return stdout === true ? withOutput(fed) : fed
        },
      })
      void submitted
        .then((resident) => pipelines.settled(resident))
        .finally(() => waiting.end())
        .catch(() => {})
      const resident = await submitted
      return () => (cancelled ? say(`${pipeline.name}: cancelled`) : sayEnd(resident))
    },
  )
}

function told(env: Env, data: string, stop: Stop): PipelinesEvents {
  let begun = false
  const listens = (resident: Resident, step: string, address: string): void => {
    if (readsInput(resident.plan, step)) endWithInput(env, resident, step, stop)
    else say(proposals.listening(resident.plan, step, address))
  }
  return {
    // Sinks listen before that.
    running(resident) {
      sayBeginning(resident, data)
      begun = true
      for (const [step, address] of resident.addresses) listens(resident, step, address)
    },
    listening: (...where) => {
      if (begun) listens(...where)
    },
    ended: () => stop(null),
    failed: (_resident, error) => stop(error),
    warned(_resident, error) {
      sayWarning(error)
      // It ends in order, and what was not read is not done.
      if (error.code === 'E_INPUT_LEFT') process.exitCode = EXIT_FAILED
    },
    lost: stop,
  }
}

/** The run ends when the pipeline has taken all of standard input. */
function endWithInput(env: Env, resident: Resident, step: string, stop: Stop): void {
  const look = (): void => {
    if (resident.execution.tookAll(step)) stop(null)
    else env.clock.after(TAKEN_MS, look)
  }
  look()
}
