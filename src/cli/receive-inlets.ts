/** Where `receive` has records from. */

import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { showAddress } from '../base/address.ts'
import { fail } from '../base/errors.ts'
import { listenFault } from '../client/receiver/listen.ts'
import { type ReceiveOptions, receiveAcked } from '../client.ts'
import { Assembler } from '../connectors/assembler.ts'
import type { WebSocketEnd } from '../env/http.ts'
import type { Address } from '../env/network.ts'
import { dialWebSocket } from '../env/real/websocket.ts'
import type { Framing } from '../model/connector.ts'
import { RECORD_BYTES, STALE } from '../protocol/delivery.ts'
import { webSocketUrlOf } from './address.ts'
import { limitsHere } from './settings.ts'
import { say, sayWarning } from './terminal.ts'

/** How long a sink may take to answer as a WebSocket does. */
const DIAL_MS = 5000

/** What is done with records. */
export interface Taker {
  /** Takes records, and `bytes` as they came. A promise: bring no more until it resolves. */
  take(records: readonly Buffer[], bytes: number): void | Promise<void>
  /** The last sender has gone. */
  alone(): void
  /** Nothing can come any more, for this reason. */
  failed(error: unknown): void
}

export interface Inlet {
  /** What there is to say once it is open. */
  readonly says: string
  close(): void
}

/** Listens for sinks that dial by TCP. */
export async function plainInlet(address: Address, framing: Framing, taker: Taker): Promise<Inlet> {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    takeFrom(socket, 'a sender', framing, taker)
    socket.on('close', () => {
      sockets.delete(socket)
      if (sockets.size === 0) taker.alone()
    })
  })
  await new Promise<void>((resolve, reject) => {
    // Once it listens that is a sender who could not be accepted; the next one may be.
    server.on('error', (error) => reject(listenFault(address, error)))
    server.listen(address, () => resolve())
  })
  return {
    says: `listens on ${showAddress({ ...address, port: (server.address() as AddressInfo).port })}`,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** Subscribes to a sink that listens by TCP. */
export async function dialingInlet(address: Address, framing: Framing, taker: Taker): Promise<Inlet> {
  const name = showAddress(address)
  const socket = connect({ ...address, noDelay: true, timeout: DIAL_MS })
  await new Promise<void>((resolve, reject) => {
    const refuse = (why: string): void => {
      socket.destroy()
      reject(
        fail('E_PEER', { operation: 'reach', address: name, reason: `${why}; a sink that dials is received by PORT` }),
      )
    }
    socket.once('connect', resolve)
    socket.once('timeout', () => refuse(`no answer within ${DIAL_MS / 1000} s`))
    socket.once('error', (error) => refuse(error.message))
  })
  socket.setTimeout(0)
  takeFrom(socket, `the sink at ${name}`, framing, taker)
  socket.on('close', () => {
    say(`the sink at ${name} has closed the connection`)
    taker.alone()
  })
  return { says: `reads from tcp://${name}`, close: () => socket.destroy() }
}

/** Cuts what `socket` brings into records; its bytes are read no faster than they are taken. */
function takeFrom(socket: Socket, who: string, framing: Framing, taker: Taker): void {
  let busy: void | Promise<void>
  const sender = new Assembler(framing, RECORD_BYTES, (bytes, cuts) => {
    const records = Array.from({ length: cuts.count }, (_, i) =>
      Buffer.from(bytes.subarray(cuts.starts[i], cuts.ends[i])),
    )
    busy = taker.take(records, 0) ?? busy
  })
  socket.on('data', (chunk: Buffer) => {
    busy = taker.take([], chunk.length)
    try {
      sender.push(chunk)
    } catch (error) {
      sayWarning(error)
      socket.destroy()
    }
    if (busy === undefined) return
    socket.pause()
    void busy.then(() => socket.resume())
  })
  socket.on('end', () => {
    const why = sender.end(who)
    if (why !== null) say(why)
  })
  socket.on('error', () => {})
}

/** Subscribes to a sink that listens for WebSockets: each message is a record. */
export async function webSocketInlet(url: string, taker: Taker): Promise<Inlet> {
  const { host: address } = webSocketUrlOf(url)
  const opened = Promise.withResolvers<void>()
  const over = Promise.withResolvers<WebSocketEnd>()
  const socket = dialWebSocket(
    { url, limits: limitsHere(), timeoutMs: DIAL_MS },
    {
      onOpen: opened.resolve,
      onMessage(message) {
        const busy = taker.take([Buffer.from(message)], message.length)
        if (busy === undefined) return
        socket.pause()
        void busy.then(() => socket.resume())
      },
      onDrain() {},
      onClosed: over.resolve,
    },
  )
  const end = await Promise.race([opened.promise, over.promise])
  if (end !== undefined) {
    const reason = `nobody shows a WebSocket at ${url}; look at the port and the path (${end.error?.message})`
    throw fail('E_PEER', { operation: 'reach', address, reason })
  }
  void over.promise.then(({ code, reason, error }) => {
    say(`the sink at ${address} has gone: ${error?.message ?? (reason || `it closed the WebSocket (code ${code})`)}`)
    taker.alone()
  })
  return { says: `reads from ${url}`, close: () => socket.destroy() }
}

/** Takes what acked sinks send, each record once. */
export async function ackedInlet(
  address: Address,
  options: Pick<ReceiveOptions, 'by' | 'token' | 'inbox' | 'after'>,
  taker: Taker,
): Promise<Inlet> {
  const receiver = await receiveAcked({
    ...{ ...address, ...options },
    handle: ({ bytes }) => taker.take([bytes], bytes.length),
  })
  receiver.on('failed', (error) => taker.failed(error))
  // Each reason once: a sink that is refused comes again and again. Stale ones come with each change of owners.
  const told = new Set<string>([STALE])
  receiver.on('refused', ({ code, reason }) => {
    if (!told.has(code)) say(`refuses a sink (${code}): ${reason}`)
    told.add(code)
  })
  const sinks = options.by === 'websocket' ? 'webSocketSink' : 'tcpSink'
  return { says: `listens on ${showAddress(receiver.address)} for an acked ${sinks}`, close: () => receiver.close() }
}
