/** The options of commands that run a worker in this process, and what becomes of them. */
import { type Command, Option } from 'commander'
import type { Env } from '../env/env.ts'
import { realEnv } from '../env/real/env.ts'
import type { LogLevel } from '../env/real/log.ts'
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

export function addWorkerOptions(command: Command): Command {
  return command
    .option('--data <folder>', 'where state, journal and control.json lie')
    .option('--config <file>', 'settings in YAML (default: potoroo.yaml where it is there)')
    .option('--worker <name>', 'the name of this worker in its cluster (default: w1)')
    .option('--control-port <port>', 'where the control API listens (default: a free port)')
    .option('--control-host <host>', 'the address of the control API (default: 127.0.0.1)')
    .addOption(
      new Option('--log-level <level>', 'what is logged').choices(['debug', 'info', 'warn', 'error', 'silent']),
    )
    .addOption(new Option('--log-format <format>', 'how it is logged').choices(['auto', 'json', 'pretty']))
    .option('--limit <name=value>', 'another limit than the default; may be repeated', collectPairs)
}

export function settingsOf(flags: WorkerFlags): Settings {
  const given: Record<string, string | undefined> = {
    worker: flags.worker,
    data: flags.data,
    'control.host': flags.controlHost,
    'control.port': flags.controlPort,
    'log.level': flags.logLevel,
    'log.format': flags.logFormat,
  }
  for (const [name, value] of Object.entries(flags.limit ?? {})) given[`limits.${name}`] = value
  return readSettings(given satisfies Given, process.env, flags.config)
}

/** The world of a worker with these settings; `level` is what it logs when nothing else is said. */
export function envOf(settings: Settings, level: LogLevel): Env {
  const { worker, log } = settings
  return realEnv({ log: { level: log.level ?? level, format: log.format, common: { worker } } })
}
