/** `potoroo receive PORT`: listens, and prints, keeps or counts the records that a sink writes. */
import { createWriteStream, type WriteStream } from 'node:fs'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { Writable } from 'node:stream'
import { Command } from 'commander'
import { fail } from '../base/errors.ts'
import { defaultLimits } from '../base/limits.ts'
import { Assembler } from '../connectors/assembler.ts'
import type { Address } from '../env/network.ts'
import type { Framing } from '../model/connector.ts'
import { addressOf, showAddress } from './address.ts'
import { FRAMINGS, framingOf } from './framing.ts'
import { wholeNumber } from './numbers.ts'
import { Progress } from './progress.ts'
import { printJson, say, sayWarning } from './terminal.ts'

interface Options {
  readonly framing: string
  readonly count?: string
  readonly out?: string
  readonly quiet?: true
  readonly untilClosed?: true
  readonly json?: true
}

export function receiveCommand(): Command {
  return new Command('receive')
    .description('listen for a sink and print, keep or count its records')
    .argument('<address>', 'where to listen: PORT or HOST:PORT')
    .option('--framing <framing>', `how records are told apart: ${FRAMINGS}`, 'lines')
    .option('--count <records>', 'end after so many records')
    .option('--until-closed', 'end when the last sender has gone')
    .option('--out <file>', 'write the records to a file, in their frames')
    .option('--quiet', 'only count')
    .option('--json', 'the figures as JSON at the end')
    .action((address: string, options: Options) => receive(addressOf(address), options))
}

async function receive(address: Address, options: Options): Promise<void> {
  const framing = framingOf(options.framing)
  const most = options.count === undefined ? Infinity : wholeNumber('--count', options.count)
  const file = options.out === undefined ? null : createWriteStream(options.out)
  const target = options.quiet ? null : (file ?? process.stdout)
  const got = { records: 0, bytes: 0 }
  const over = Promise.withResolvers<void>()
  file?.on('error', (error) =>
    over.reject(fail('E_FILE', { operation: 'write', path: options.out, reason: error.message }, error)),
  )
  const sockets = new Set<Socket>()
  const server = await listen(address, (socket) => {
    sockets.add(socket)
    const sender = new Assembler(framing, defaultLimits.recordBytes, (bytes, cuts) => {
      const count = Math.min(cuts.count, most - got.records)
      const frames: Uint8Array[] = []
      for (let i = 0; i < count; i++) {
        const record = Buffer.from(bytes.subarray(cuts.starts[i], cuts.ends[i]))
        frames.push(...frameFor(file, framing, record))
      }
      got.records += count
      if (target !== null && count > 0 && !target.write(Buffer.concat(frames))) pauseUntilDrained(target, sockets)
      if (got.records >= most) over.resolve()
    })
    socket.on('data', (chunk: Buffer) => {
      got.bytes += chunk.length
      try {
        sender.push(chunk)
      } catch (error) {
        sayWarning(error)
        socket.destroy()
      }
    })
    socket.on('end', () => {
      if (!sender.finish()) say(`a sender ended inside a record`)
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      sockets.delete(socket)
      if (options.untilClosed && sockets.size === 0) over.resolve()
    })
  })
  say(`listens on ${showAddress({ ...address, port: (server.address() as AddressInfo).port })}`)
  const progress = new Progress('received', null, () => ({ ...got, detail: '' }))
  process.once('SIGINT', over.resolve)
  process.once('SIGTERM', over.resolve)
  await over.promise.finally(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  if (file !== null) await new Promise<void>((resolve) => file.end(resolve))
  progress.end()
  if (options.json) printJson({ ...got, seconds: progress.seconds })
}

/** In a file a record keeps its frame; on standard output it is a line. */
function frameFor(file: WriteStream | null, framing: Framing, record: Buffer): readonly Uint8Array[] {
  return file === null ? [record, NEWLINE] : framing.frame(record)
}

const NEWLINE = Buffer.from('\n')

/** Lets senders wait for whoever reads our output. */
function pauseUntilDrained(target: Writable, sockets: ReadonlySet<Socket>): void {
  for (const socket of sockets) socket.pause()
  target.once('drain', () => {
    for (const socket of sockets) socket.resume()
  })
}

function listen(address: Address, onConnection: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ noDelay: true }, onConnection)
    server.once('error', (error) =>
      reject(fail('E_PEER', { operation: 'listen on', address: showAddress(address), reason: error.message }, error)),
    )
    server.listen(address, () => resolve(server))
  })
}
