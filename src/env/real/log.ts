/**
 * The log on standard error: one JSON object per line, or one line for a person when a terminal is there.
 *
 * Lines are written at once, not buffered: the last line before a crash is the one that is wanted.
 */
import { type DestinationStream, destination, type Logger, type LoggerOptions, pino, stdTimeFunctions } from 'pino'
import type { Log, LogFields } from '../log.ts'
import { prettyLine } from './pretty.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

export interface LogOptions {
  /** The least grave level that is written. */
  readonly level: LogLevel
  /** Fields that stand in every line, such as the worker's id. */
  readonly common: LogFields
  /** `'auto'`: for a person when standard error is a terminal. */
  readonly format: 'auto' | 'json' | 'pretty'
  /** Takes each line in place of standard error. */
  readonly write?: (line: string) => void
}

const STANDARD_ERROR = 2
/** So much is kept, while the disk takes nothing, of what was to be written; what comes then is lost. */
const KEPT_BYTES = 1 << 20

export class RealLog implements Log {
  private readonly logger: Logger

  constructor(options: LogOptions) {
    const settings: LoggerOptions = {
      level: options.level,
      base: options.common,
      messageKey: 'code',
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    }
    this.logger = pino(settings, output(options))
  }

  debug(code: string, fields: LogFields = {}): void {
    this.logger.debug(fields, code)
  }

  info(code: string, fields: LogFields = {}): void {
    this.logger.info(fields, code)
  }

  warn(code: string, fields: LogFields = {}): void {
    this.logger.warn(fields, code)
  }

  error(code: string, fields: LogFields = {}): void {
    this.logger.error(fields, code)
  }
}

/** Writes lines to `descriptor`. That there is no room for them on its disk ends nobody. */
export function written(descriptor: number): DestinationStream {
  const stream = destination({ dest: descriptor, sync: true, maxLength: KEPT_BYTES })
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') throw error
  })
  return stream
}

function output(options: LogOptions): DestinationStream {
  const plain: DestinationStream = options.write ? { write: options.write } : written(STANDARD_ERROR)
  const terminal = process.stderr.isTTY === true
  const pretty = options.format === 'pretty' || (options.format === 'auto' && terminal)
  if (!pretty) return plain
  const coloured = options.write === undefined && terminal && process.stderr.hasColors()
  return { write: (line) => plain.write(prettyLine(line, coloured)) }
}
