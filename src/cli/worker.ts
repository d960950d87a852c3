/**
 * `potoroo worker`: a worker without a pipeline of its own. It runs what its cluster's chain says and takes submissions
 * over the control API, until SIGINT or SIGTERM; then every pipeline makes a last checkpoint.
 *
 * What it has to say it logs; the pipelines may write to standard output.
 */
import { Command } from 'commander'
import { openControl } from '../admin/control.ts'
import type { PotorooError } from '../base/errors.ts'
import type { Env } from '../env/env.ts'
import type { Log } from '../env/log.ts'
import { RealOutput } from '../env/real/output.ts'
import { watchPool } from '../env/real/pool-watch.ts'
import { markOf } from '../worker/loading/load-mark.ts'
import { Pipelines, type PipelinesEvents } from '../worker/pipelines/pipelines.ts'
import { clusterOf, needStoreFolder } from './cluster.ts'
import { keepCompiled } from './compiled.ts'
import { FOLDERS } from './control-client.ts'
import { startWarnings } from './doctor/folder.ts'
import { EXIT_FAILED } from './exit.ts'
import { isOpened } from './opening.ts'
import { onSignals } from './signals.ts'
import { takeStrays } from './stray.ts'
import { readClusterToken, readSourceToken } from './token.ts'
import { addClusterOptions, type ClusterFlags, envOf, keyGroupsOf, logOf, settingsOf } from './worker-options.ts'

interface Options extends ClusterFlags {
  readonly acceptLoss?: true
  readonly untilStdinEnds?: true
}

/** How long a worker whose supervisor is gone may take beyond its last checkpoint, in milliseconds. */
const ALONE_MS = 5000

export function workerCommand(): Command {
  const command = new Command('worker')
    .description('run a worker: what its cluster says, and what is submitted')
    .option('--until-stdin-ends', 'end as by SIGTERM when standard input ends: with the process that started it')
    .option('--accept-loss', 'where checkpoints are damaged, or older than they were, go on with what can be read')
  return addClusterOptions(command).action((options: Options) => work(options))
}

async function work(options: Options): Promise<void> {
  const settings = settingsOf(options)
  needStoreFolder(settings)
  const { worker, limits, control: place } = settings
  const env = envOf(settings, 'info')
  const { log } = env
  const data = settings.data ?? `${FOLDERS}/${worker}`
  for (const { code, message, remedy } of startWarnings(data, settings.store)) {
    log.warn('worker.warning', { error: code, message, remedy })
  }
  const stopped = Promise.withResolvers<PotorooError | null>()
  const workerOptions = {
    worker,
    data,
    limits,
    keyGroups: keyGroupsOf(settings),
    output: new RealOutput(),
    acceptLoss: options.acceptLoss === true,
    sourceToken: readSourceToken(),
    sharePorts: settings.sharePorts,
    cluster: clusterOf(settings, readClusterToken(), logOf(settings, 'info')),
  }
  const pipelines = new Pipelines(env, workerOptions, logged(env, stopped.resolve))
  watchPool(log)
  const take = (program: string, error: PotorooError): void => {
    if (pipelines.worker.residents.failProgram(program, error)) return
    log.warn('worker.warning', { error: error.code, message: error.message, remedy: error.remedy })
  }
  takeStrays({ markOf, take })
  const signals = onSignals((signal) => {
    log.info('worker.stopping', { signal })
    stopped.resolve(null)
  })
  if (options.untilStdinEnds === true) {
    process.stdin.resume().once('end', () => {
      log.info('worker.stopping', { signal: 'standard input has ended' })
      stopped.resolve(null)
      // Perhaps nobody is there to end it, should it not come to its end.
      setTimeout(() => process.exit(EXIT_FAILED), limits.drainTimeoutMs + ALONE_MS).unref()
    })
  }
  keepCompiled()
  if (!(await isOpened(pipelines, pipelines.follow(), stopped.promise, () => stuck(log)))) {
    const error = await stopped.promise
    if (error !== null) throw error
    return log.info('worker.ended')
  }
  const control = await openControl({ env, pipelines, limits, data, store: settings.store ?? null, ...place })
  try {
    log.info('worker.started', { data, control: control.address })
    // A cluster that is still to come together may be waited for in vain.
    await Promise.race([pipelines.seated().then(() => begin(pipelines, log)), stopped.promise])
    const error = await stopped.promise
    const failures = await pipelines.close()
    if (error !== null) throw error
    for (const failure of failures.values()) throw failure
    log.info('worker.ended')
  } finally {
    await control.close()
    signals.forget()
  }
}

/** It ends while it waits for its store, which does not answer. */
function stuck(log: Log): void {
  log.warn('worker.ended', { reason: 'the store, or the data folder, does not answer' })
}

/** Brings up what the chain says. */
async function begin(pipelines: Pipelines, log: Log): Promise<void> {
  log.info('worker.seated', { generation: pipelines.worker.cluster.generation })
  await pipelines.resume()
}

function logged({ log }: Env, stop: (error: PotorooError | null) => void): PipelinesEvents {
  const failed = (pipeline: string, { code, message, remedy }: PotorooError): void =>
    log.error('pipeline.failed', { pipeline, error: code, message, remedy })
  return {
    running: ({ name, base }) =>
      log.info('pipeline.running', { pipeline: name, epoch: base?.epoch ?? 0, keys: base?.counts.keys ?? 0 }),
    listening: ({ name }, step, address) => log.info('step.listening', { pipeline: name, step, address }),
    ended: ({ name }) => log.info('pipeline.ended', { pipeline: name }),
    over: (pipeline, how) => log.info(`pipeline.${how}`, { pipeline }),
    failed: ({ name }, error) => failed(name, error),
    unloaded: failed,
    warned: ({ name }, { code, message, remedy }) =>
      log.warn('pipeline.warning', { pipeline: name, error: code, message, remedy }),
    lost: stop,
    left: () => stop(null),
  }
}
