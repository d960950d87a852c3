/** The options of commands that run a worker in this process, and what becomes of them. */
import { type Command, Option } from 'commander'
import type { Env } from '../env/env.ts'
import { realEnv } from '../env/real/env.ts'
import type { LogLevel, LogOptions } from '../env/real/log.ts'
import { collectPairs } from './load.ts'
import { type Given, readSettings, type Settings } from './settings.ts'

export interface WorkerFlags {
  readonly config?: string
  readonly data?: string
  readonly worker?: string
  readonly controlHost?: string
  readonly controlPort?: string
  readonly logLevel?: string
  readonly logFormat?: string
  readonly limit?: Record<string, string>
}

const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const

/** How much a worker logs; `what` says it of these. */
export function logLevelOption(what: string): Option {
  return new Option('--log-level <level>', what).choices(LOG_LEVELS)
}

export function addWorkerOptions(command: Command): Command {
  return command
    .option('--data <folder>', 'where state, journal and control.json lie')
    .option('--config <file>', 'settings in YAML (default: potoroo.yaml where it is there)')
    .option('--worker <name>', 'the name of this worker in its cluster (default: w1)')
    .option('--control-port <port>', 'where the control API listens (default: a free port)')
    .option('--control-host <host>', 'the address of the control API (default: 127.0.0.1)')
    .addOption(logLevelOption('what is logged'))
    .addOption(new Option('--log-format <format>', 'how it is logged').choices(['auto', 'json', 'pretty']))
    .option('--limit <name=value>', 'another limit than the default; may be repeated', collectPairs)
}

export function settingsOf(flags: ClusterFlags): Settings {
  const given: Record<string, string | undefined> = {
    worker: flags.worker,
    data: flags.data,
    cluster: flags.cluster,
    store: flags.store,
    journals: flags.journals,
    listen: flags.listen,
    reach: flags.reach,
    expected: flags.expected,
    sharePorts: flags.sharePorts && 'true',
    'control.host': flags.controlHost,
    'control.port': flags.controlPort,
    'log.level': flags.logLevel,
    'log.format': flags.logFormat,
  }
  for (const [name, value] of Object.entries(flags.limit ?? {})) given[`limits.${name}`] = value
  return readSettings(given satisfies Given, process.env, flags.config)
}

export interface ClusterFlags extends WorkerFlags {
  readonly cluster?: string
  readonly store?: string
  readonly journals?: string
  readonly listen?: string
  readonly reach?: string
  readonly expected?: string
  readonly sharePorts?: true
}

/** The options of a worker that may be one of several. */
export function addClusterOptions(command: Command): Command {
  return addWorkerOptions(command)
    .option('--store <path>', 'the folder that all workers of a cluster share; without it the worker is alone')
    .option(
      '--journals <path>',
      'a folder that all workers reach, for their journals: the others read those of one that is gone',
    )
    .option('--cluster <name>', 'the name of the cluster (default: potoroo)')
    .option('--listen <address>', 'where it takes the other workers’ connections (default: 127.0.0.1:0)')
    .option('--reach <host>', 'the name or address by which they reach it (default: the host of --listen)')
    .option('--expected <workers>', 'how many workers a new cluster waits for at its first start (default: 1)')
    .option('--share-ports', 'listen on the ports of sources together with other workers of this machine')
}

/** The number of key groups that was asked for; without that, it is the store's. */
export function keyGroupsOf({ limits, given }: Settings): number | null {
  return given.has('limits.keyGroups') ? limits.keyGroups : null
}

/** The world of a worker with these settings; `level` is what it logs when nothing else is said. */
export function envOf(settings: Settings, level: LogLevel): Env {
  return realEnv({ log: logOf(settings, level) })
}

/** How a worker logs. Beside the main thread nobody sees whether a terminal is there. */
export function logOf({ worker, log }: Settings, level: LogLevel): LogOptions {
  const format = log.format === 'auto' && process.stderr.isTTY === true ? 'pretty' : log.format
  return { level: log.level ?? level, format, common: { worker } }
}
