/**
 * `potoroo send ADDRESS FILE…`: sends the records of files or of standard input to a source, as plain bytes or by the
 * acknowledged protocol.
 */
import { createReadStream, statSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { Command, Option } from 'commander'
import { fail } from '../base/errors.ts'
import { defaultLimits } from '../base/limits.ts'
import { type AckLevel, type Client, connect } from '../client.ts'
import { Assembler } from '../connectors/assembler.ts'
import type { Address } from '../env/network.ts'
import type { Framing } from '../model/connector.ts'
import { addressOf, showAddress } from './address.ts'
import { FRAMINGS, framingOf } from './framing.ts'
import { positive } from './numbers.ts'
import { Progress } from './progress.ts'
import { printJson, say } from './terminal.ts'
import { readToken } from './token.ts'

interface Options {
  readonly framing: string
  readonly rate?: string
  readonly repeat: string
  readonly acked?: string
  readonly producer: string
  readonly outbox?: string
  readonly wait: AckLevel
  readonly tokenFile?: string
  readonly json?: true
}

/** How often a limited rate is kept up with, in milliseconds. */
const PACE_MS = 10

/** Where records go. */
interface Outlet {
  /** Resolves when more may be sent. */
  send(records: readonly Buffer[]): Promise<void>
  /** Resolves when all that was sent has arrived, as far as the outlet can know. */
  finish(): Promise<void>
  readonly detail: string
}

export function sendCommand(): Command {
  return new Command('send')
    .description('send the records of files, or of standard input, to a source')
    .argument('<address>', 'where the source listens: PORT or HOST:PORT')
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
    .option('--json', 'the figures as JSON')
    .action((address: string, files: string[], options: Options) => send(addressOf(address), files, options))
}

async function send(address: Address, files: readonly string[], options: Options): Promise<void> {
  const framing = framingOf(options.framing)
  const repeat = positive('--repeat', options.repeat)
  const rate = options.rate === undefined ? null : positive('--rate', options.rate)
  const paths = files.length === 0 ? ['-'] : files
  const totalBytes = sizeOf(paths) === null ? null : sizeOf(paths)! * repeat
  const outlet = options.acked === undefined ? await plainOutlet(address, framing) : await ackedOutlet(address, options)
  const sent = { records: 0, bytes: 0 }
  const progress = new Progress('sent', totalBytes, () => ({ ...sent, detail: outlet.detail }))
  const pace = rate === null ? null : new Pace(rate)
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
    await outlet.finish()
  } catch (error) {
    progress.cancel()
    throw error
  }
  progress.end()
  if (options.json) printJson({ ...sent, seconds: progress.seconds })
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
  const assembler = new Assembler(framing, defaultLimits.recordBytes, (bytes, cuts) => {
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
    throw fail('E_FILE', { operation: 'read', path, reason: (error as Error).message }, error)
  }
  const left = assembler.pending
  if (!assembler.finish()) throw fail('E_FILE_FRAGMENT', { path, bytes: left })
  if (records.length > 0) yield { records, bytes: 0 }
}

async function plainOutlet(address: Address, framing: Framing): Promise<Outlet> {
  const socket = await dial(address)
  let broken: Error | null = null
  socket.on('error', (error) => {
    broken ??= error
  })
  // A plain source says nothing; one of the acknowledged protocol refuses bytes that are none of its messages.
  socket.on('data', () => {
    broken = new Error('it answers, so it is no plain source: try --acked SOURCE')
    socket.destroy()
  })
  const closed = new Promise<void>((resolve) => socket.once('close', resolve))
  const refuse = () => {
    const reason = broken?.message ?? 'the other end closed the connection'
    return fail('E_PEER', { operation: 'send to', address: showAddress(address), reason })
  }
  return {
    detail: '',
    async send(records) {
      if (socket.destroyed) throw refuse()
      const frames = records.flatMap((record) => framing.frame(record))
      if (frames.length === 0 || socket.write(Buffer.concat(frames))) return
      await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), closed])
      if (socket.destroyed) throw refuse()
    },
    async finish() {
      socket.end()
      await closed
      if (broken !== null) throw refuse()
    },
  }
}

function dial(address: Address): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(address)
    socket.once('connect', () => {
      socket.removeAllListeners('error')
      resolve(socket)
    })
    socket.once('error', (error) =>
      reject(fail('E_PEER', { operation: 'reach', address: showAddress(address), reason: error.message }, error)),
    )
  })
}

async function ackedOutlet(address: Address, options: Options): Promise<Outlet> {
  const { outbox, producer, acked: source } = options
  const token = readToken(options.tokenFile)
  const client: Client = await connect({
    ...{ ...address, producer, source: source! },
    ...(outbox === undefined ? {} : { outbox: { path: outbox } }),
    ...(token === null ? {} : { token }),
  })
  client.on('refused', ({ code, reason }) => say(`${code}: ${reason}`))
  client.on('disconnect', (reason) => say(`disconnected (${reason}), tries again`))
  // Once, until one is reached: a client tries for ever.
  let told = false
  client.on('connect', () => (told = false))
  client.on('unreachable', ({ address: tried, reason }) => {
    if (!told) say(`cannot reach a worker at ${showAddress(tried)} (${reason}); tries again until one is there`)
    told = true
  })
  return {
    get detail() {
      return `journaled ${client.journaled}, stable ${client.stable}`
    },
    send: (records) => client.send(records),
    async finish() {
      await client.flush(options.wait)
      client.close()
    },
  }
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
