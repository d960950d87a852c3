/**
 * `potoroo send ADDRESS FILE…`: sends the records of files or of standard input to a source, as plain bytes or by the
 * acknowledged protocol.
 */
import { createReadStream, statSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { Command, Option } from 'commander'
import { fail } from '../base/errors.ts'
import type { AckLevel } from '../client.ts'
import { Assembler } from '../connectors/assembler.ts'
import type { Framing } from '../model/connector.ts'
import { addressOf } from './address.ts'
import { FRAMINGS, framingOf } from './framing.ts'
import { positive, wholeNumber } from './numbers.ts'
import { Progress } from './progress.ts'
import { ackedOutlet, type Outlet, plainOutlet, webSocketOutlet } from './send-outlets.ts'
import { kebab, limitsHere } from './settings.ts'
import { print, printJson } from './terminal.ts'

interface Options {
  readonly framing: string
  readonly rate?: string
  readonly repeat: string
  readonly acked?: string
  readonly producer: string
  readonly outbox?: string
  readonly wait: AckLevel
  readonly tokenFile?: string
  readonly printToken?: true
  readonly json?: true
}

/** What means something with `--acked` alone. */
const ACKED_OPTIONS = ['producer', 'outbox', 'wait', 'tokenFile', 'printToken'] as const

/** How often a limited rate is kept up with, in milliseconds. */
const PACE_MS = 10

export function sendCommand(): Command {
  return new Command('send')
    .description('send the records of files, or of standard input, to a source')
    .argument('<address>', 'where the source listens: PORT, HOST:PORT or ws://HOST:PORT/PATH')
    .argument('[file...]', 'files to send one after another; "-" or none for standard input')
    .option('--framing <framing>', `how records are told apart: ${FRAMINGS}`, 'lines')
    .option('--rate <records>', 'at most so many records a second')
    .option('--repeat <times>', 'send the files so many times', '1')
    .option('--acked <source>', 'speak the acknowledged protocol to this source')
    .option('--producer <name>', 'the name of the producer, with --acked', 'send')
    .option('--outbox <folder>', 'keep unacknowledged records in this folder, with --acked')
    .addOption(
      new Option('--wait <level>', 'what to wait for at the end, with --acked')
        .choices(['journaled', 'stable'])
        .default('stable'),
    )
    .option('--token-file <file>', "the file with the source's token, with --acked")
    .option('--print-token', 'print the token behind which `query --after` shows what was sent, with --acked')
    .option('--json', 'the figures as JSON, and that token')
    .action((address: string, files: string[], options: Options, command: Command) => {
      if (options.acked === undefined) refuseAckedOptions(command)
      return send(address, files, options)
    })
}

/** Whoever says one of them thinks that what he sends is acknowledged. */
function refuseAckedOptions(command: Command): void {
  const given = ACKED_OPTIONS.find((name) => command.getOptionValueSource(name) === 'cli')
  if (given === undefined) return
  throw fail('E_USAGE', { reason: `--${kebab(given)} is for what is acknowledged: say --acked SOURCE` })
}

async function send(address: string, files: readonly string[], options: Options): Promise<void> {
  const framing = framingOf(options.framing)
  const repeat = wholeNumber('--repeat', options.repeat)
  const rate = options.rate === undefined ? null : positive('--rate', options.rate)
  const paths = files.length === 0 ? ['-'] : files
  if (paths.filter((path) => path === '-').length * repeat > 1) {
    throw fail('E_USAGE', { reason: 'standard input can be sent once: keep it in a file, and send that' })
  }
  const totalBytes = sizeOf(paths) === null ? null : sizeOf(paths)! * repeat
  const outlet = await outletTo(address, framing, options)
  const sent = { records: 0, bytes: 0 }
  const progress = new Progress('sent', totalBytes, () => ({ ...sent, detail: outlet.detail }))
  const pace = rate === null ? null : new Pace(rate)
  let token: string | null
  try {
    for (let time = 0; time < repeat; time++) {
      for (const path of paths) {
        for await (const { records, bytes } of readRecords(path, framing)) {
          await sendAll(outlet, records, pace)
          sent.records += records.length
          sent.bytes += bytes
        }
      }
    }
    token = await outlet.finish()
  } catch (error) {
    progress.cancel()
    throw error
  }
  progress.end()
  if (options.json) printJson({ ...sent, seconds: progress.seconds, ...(token === null ? {} : { token }) })
  else if (options.printToken && token !== null) print(token)
}

function outletTo(address: string, framing: Framing, options: Options): Promise<Outlet> {
  const { acked } = options
  if (/^wss?:/.test(address)) {
    return acked === undefined ? webSocketOutlet(address) : ackedOutlet({ url: address }, acked, options)
  }
  const at = addressOf(address)
  return acked === undefined ? plainOutlet(at, framing) : ackedOutlet(at, acked, options)
}

async function sendAll(outlet: Outlet, records: readonly Buffer[], pace: Pace | null): Promise<void> {
  if (pace === null) return outlet.send(records)
  for (let from = 0; from < records.length; ) {
    const until = from + (await pace.allowed(records.length - from))
    await outlet.send(records.slice(from, until))
    from = until
  }
}

/** Allows so many records a second, in portions. */
class Pace {
  private readonly rate: number
  private readonly startedMs = performance.now()
  private allowedSoFar = 0

  constructor(rate: number) {
    this.rate = rate
  }

  /** Resolves with how many of `wanted` records may go now, at least one. */
  async allowed(wanted: number): Promise<number> {
    for (;;) {
      const due = Math.floor(((performance.now() - this.startedMs) / 1000) * this.rate) + 1
      const portion = Math.min(wanted, due - this.allowedSoFar)
      if (portion > 0) {
        this.allowedSoFar += portion
        return portion
      }
      await wait(PACE_MS)
    }
  }
}

interface Portion {
  readonly records: readonly Buffer[]
  /** Bytes of the file that they were read from. */
  readonly bytes: number
}

/** The records of a file or of standard input, as they are read. Throws where the last one is incomplete. */
async function* readRecords(path: string, framing: Framing): AsyncGenerator<Portion> {
  let records: Buffer[] = []
  const assembler = new Assembler(framing, limitsHere().recordBytes, (bytes, cuts) => {
    for (let i = 0; i < cuts.count; i++) records.push(Buffer.from(bytes.subarray(cuts.starts[i], cuts.ends[i])))
  })
  try {
    for await (const chunk of path === '-' ? process.stdin : createReadStream(path)) {
      assembler.push(chunk as Buffer)
      yield { records, bytes: (chunk as Buffer).length }
      records = []
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined || (error as { kind?: string }).kind !== undefined)
      throw error
    throw fail('E_FILE', { operation: 'read', path: nameOf(path), reason: (error as Error).message }, error)
  }
  const left = assembler.pending
  if (!assembler.finish()) throw fail('E_FILE_FRAGMENT', { path: nameOf(path), bytes: left })
  if (records.length > 0) yield { records, bytes: 0 }
}

/** What a file is called to a person. */
function nameOf(path: string): string {
  return path === '-' ? 'standard input' : path
}

/** Bytes of all files together, `null` where standard input is among them. */
function sizeOf(paths: readonly string[]): number | null {
  let bytes = 0
  for (const path of paths) {
    if (path === '-') return null
    try {
      bytes += statSync(path).size
    } catch (error) {
      throw fail('E_FILE', { operation: 'read', path, reason: (error as Error).message }, error)
    }
  }
  return bytes
}
