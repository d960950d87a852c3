/** `potoroo receive ADDRESS`: prints, keeps or counts the records that a sink writes. */
import { Command } from 'commander'
import { fail } from '../base/errors.ts'
import { portOwner } from '../env/real/port-owner.ts'
import type { Framing } from '../model/connector.ts'
import { addressOf, tcpAddressOf } from './address.ts'
import { FRAMINGS, framingOf } from './framing.ts'
import { wholeNumber } from './numbers.ts'
import { Progress } from './progress.ts'
import { RecordFile, recordsIn, requireOne } from './receive-file.ts'
import { ackedInlet, dialingInlet, type Inlet, plainInlet, type Taker, webSocketInlet } from './receive-inlets.ts'
import { printJson, say } from './terminal.ts'
import { readToken } from './token.ts'

interface Options {
  readonly framing: string
  readonly acked?: true
  readonly websocket?: true
  readonly inbox?: string
  readonly tokenFile?: string
  readonly count?: string
  readonly out?: string
  readonly quiet?: true
  readonly untilClosed?: true
  readonly json?: true
}

export function receiveCommand(): Command {
  return new Command('receive')
    .description('print, keep or count the records of a sink')
    .argument(
      '<address>',
      'where to listen: PORT or HOST:PORT; or a sink that listens, to read from: tcp://HOST:PORT of a tcpServerSink, ' +
        'ws://HOST:PORT/PATH of a webSocketServerSink',
    )
    .option('--framing <framing>', `how records are told apart: ${FRAMINGS}`, 'lines')
    .option('--acked', "for a sink with protocol: 'acked', whose records are taken once each")
    .option('--websocket', 'with --acked: the sink is a webSocketSink')
    .option('--inbox <folder>', 'with --acked: remember here what was taken; with --out a restart goes on exactly')
    .option('--token-file <file>', 'with --acked: what sinks have to show')
    .option('--count <records>', 'end after so many records')
    .option('--until-closed', 'end when the last sender has gone')
    .option('--out <file>', 'write the records to a file, in their frames')
    .option('--quiet', 'only count')
    .option('--json', 'the figures as JSON at the end')
    .action((address: string, options: Options) => receive(address, options))
}

async function receive(address: string, options: Options): Promise<void> {
  const framing = framingOf(options.framing)
  const most = options.count === undefined ? Infinity : wholeNumber('--count', options.count)
  const { out, inbox } = options
  checkOptions(address, options)
  // What an inbox remembers goes on in the file; otherwise the file begins anew.
  const kept = out !== undefined && inbox !== undefined ? await recordsIn(out, framing) : 0
  const got = { records: 0, bytes: 0 }
  const over = Promise.withResolvers<void>()
  const failed = (error: Error): void =>
    over.reject(fail('E_FILE', { operation: 'write', path: out, reason: error.message }, error))
  const file = out === undefined ? null : new RecordFile(out, inbox === undefined, failed)
  const taker: Taker = {
    take(records, bytes) {
      got.bytes += bytes
      const count = Math.min(records.length, most - got.records)
      got.records += count
      const frames = records.slice(0, count).flatMap((record) => frameFor(file === null, framing, record))
      if (inbox !== undefined && file !== null) for (const record of records) requireOne(framing, record)
      const busy = frames.length === 0 || options.quiet ? undefined : write(Buffer.concat(frames), file)
      if (got.records >= most) over.resolve()
      // What is beyond them is not taken: whoever sent it keeps it.
      if (records.length > count) return new Promise(() => {})
      return busy
    },
    alone: () => options.untilClosed && over.resolve(),
    failed: over.reject,
  }
  const inlet = await open(address, framing, options, kept, taker).catch(async (error: unknown) => {
    throw await withOwner(error, address)
  })
  say(inlet.says)
  const progress = new Progress('received', null, () => ({ ...got, detail: '' }))
  process.once('SIGINT', over.resolve)
  process.once('SIGTERM', over.resolve)
  await over.promise.finally(() => inlet.close())
  await file?.close()
  progress.end()
  if (options.json) printJson({ ...got, seconds: progress.seconds })
}

function checkOptions(address: string, { acked, websocket, inbox, tokenFile, quiet, out }: Options): void {
  const needsAcked = Object.entries({ '--websocket': websocket, '--inbox': inbox, '--token-file': tokenFile })
  const [alone] = needsAcked.find(([, given]) => given !== undefined) ?? []
  if (!acked && alone !== undefined) throw fail('E_USAGE', { reason: `${alone} goes with --acked` })
  if (quiet && out !== undefined) throw fail('E_USAGE', { reason: '--quiet keeps no record: leave it out, or --out' })
  if (acked && isUrl(address)) {
    throw fail('E_USAGE', { reason: 'acked sinks dial: with --acked write PORT or HOST:PORT, and --websocket' })
  }
}

function open(address: string, framing: Framing, options: Options, kept: number, taker: Taker): Promise<Inlet> {
  if (isTcp(address)) return dialingInlet(tcpAddressOf(address), framing, taker)
  if (isUrl(address)) return webSocketInlet(address, taker)
  if (!options.acked) return plainInlet(addressOf(address), framing, taker)
  const token = options.tokenFile === undefined ? null : readToken(options.tokenFile)
  const { inbox: path, out } = options
  return ackedInlet(
    addressOf(address),
    {
      by: options.websocket ? 'websocket' : 'tcp',
      ...(token === null ? {} : { token }),
      ...(path === undefined ? {} : { inbox: { path } }),
      ...(path === undefined || out === undefined ? {} : { after: kept }),
    },
    taker,
  )
}

/** A sink that listens. */
function isUrl(address: string): boolean {
  return isTcp(address) || /^wss?:/.test(address)
}

function isTcp(address: string): boolean {
  return address.startsWith('tcp:')
}

/** A port that is taken is named with who has it. */
async function withOwner(error: unknown, address: string): Promise<unknown> {
  const taken = error instanceof Error && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'EADDRINUSE'
  if (!taken) return error
  const { host, port } = addressOf(address)
  const owner = await portOwner(port)
  return fail('E_PORT_IN_USE', { host, port, by: owner === null ? '' : ` by ${owner}` }, error)
}

/** In a file a record keeps its frame; on standard output it is a line. */
function frameFor(isOutput: boolean, framing: Framing, record: Buffer): readonly Uint8Array[] {
  return isOutput ? [record, NEWLINE] : framing.frame(record)
}

const NEWLINE = Buffer.from('\n')

/** Adds to `file`, or to standard output where there is none. A promise: no more until it resolves. */
function write(bytes: Buffer, file: RecordFile | null): void | Promise<void> {
  if (file !== null) return file.write(bytes)
  if (!process.stdout.write(bytes)) return new Promise((resolve) => process.stdout.once('drain', resolve))
}
