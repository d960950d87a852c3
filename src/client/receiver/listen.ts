/** By what sinks come: TCP, or WebSockets whose messages are read as one stream of bytes. */

import { type AddressInfo, createServer, type Socket } from 'node:net'
import { WebSocketServer } from 'ws'
import { showAddress } from '../../base/address.ts'
import { fail, type PotorooError } from '../../base/errors.ts'
import type { Address } from '../options.ts'
import { CLOSING_MS } from '../transport.ts'
import { UNREAD_BYTES } from './caller.ts'
import type { Intake } from './intake.ts'

export interface Listening {
  readonly address: Address
  /** Stops listening; the connections are closed by the intake. */
  close(): void
}

/** A message of a sink is at most a frame. */
const MESSAGE_BYTES = 32 << 20

export function listenTcp(address: Address, intake: Intake): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const server = createServer({ noDelay: true }, (socket: Socket) => {
      const caller = intake.connect({
        send: (bytes) => {
          socket.write(bytes)
          return socket.writableLength
        },
        close: () => {
          socket.end()
          setTimeout(() => socket.destroy(), CLOSING_MS).unref()
        },
      })
      socket.on('data', (chunk: Buffer) => caller.onBytes(chunk))
      socket.on('error', () => {})
      socket.on('close', () => caller.onClosed())
    })
    // Once it listens that is a connection which could not be accepted; the next one may be.
    server.on('error', (error) => reject(listenFault(address, error)))
    server.listen(address, () => resolve({ address: addressOf(server.address()), close: () => server.close() }))
  })
}

export function listenWebSocket(address: Address, intake: Intake): Promise<Listening> {
  return new Promise((resolve, reject) => {
    // As a whole: an import would have Node read what it has for its `fetch`, too.
    const http = process.getBuiltinModule('node:http').createServer((_, response) => {
      response
        .writeHead(426, { 'content-type': 'text/plain', upgrade: 'websocket' })
        .end('acked sinks come by WebSocket\n')
    })
    const server = new WebSocketServer({
      server: http,
      perMessageDeflate: false,
      maxPayload: MESSAGE_BYTES,
      // A browser lets any page open a WebSocket to this machine, and says where the page is from. No sink is a page.
      verifyClient: ({ req }, verified) => verified(req.headers.origin === undefined, 403, 'no page is a sink'),
    })
    server.on('connection', (socket, { socket: wire }) => {
      socket.binaryType = 'nodebuffer'
      const caller = intake.connect({
        send: (bytes) => {
          socket.send(bytes)
          return socket.bufferedAmount
        },
        close: () => {
          socket.close()
          setTimeout(() => socket.terminate(), CLOSING_MS).unref()
        },
      })
      // In front of the library's own listener, which shows no message before it is whole.
      wire.prependListener('data', (chunk: Buffer) => {
        if (!caller.onPart(chunk.length)) socket.terminate()
      })
      socket.on('message', (chunk: Buffer) => caller.onBytes(chunk))
      // The library answers each of them.
      socket.on('ping', () => {
        if (socket.bufferedAmount > UNREAD_BYTES) caller.turnOut()
      })
      socket.on('error', () => {})
      socket.on('close', () => caller.onClosed())
    })
    server.on('error', (error) => reject(listenFault(address, error)))
    const close = (): void => {
      server.close()
      http.close()
      // Who has sent a part of a head only would be kept, for Node looks at nobody any more.
      http.closeAllConnections()
    }
    http.listen(address, () => resolve({ address: addressOf(http.address()), close }))
  })
}

function addressOf(found: AddressInfo | string | null): Address {
  const { address, port } = found as AddressInfo
  return { host: address, port }
}

/** A port that cannot be listened on. */
export function listenFault(address: Address, error: Error): PotorooError {
  const { host, port } = address
  return fail('E_RECEIVER_LISTEN', { address: showAddress({ host, port }), reason: error.message }, error)
}
