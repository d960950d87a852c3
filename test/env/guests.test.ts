/** Connections of strangers leave the process some of its files. */
import { EventEmitter, once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { defaultLimits } from '../../src/base/limits.ts'
import type { HttpHandler } from '../../src/env/http.ts'
import type { Connection, ConnectionHandler, Listener, NetworkError } from '../../src/env/network.ts'
import { Guests, openFilesLimit } from '../../src/env/real/guests.ts'
import { RealHttp } from '../../src/env/real/http.ts'
import { RealNetwork } from '../../src/env/real/tcp.ts'

const FILES = 4
const at = { host: '127.0.0.1', port: 0 }
const handler = { onOpen() {}, onBytes() {}, onEnd() {}, onDrain() {}, onClosed() {} }
const pages = { onRequest: () => handler, onUpgrade: () => ({ status: 404 }), onRefused() {}, onExpelled() {} }

function world() {
  const said: string[] = []
  const log = { debug() {}, info() {}, error() {}, warn: (code: string) => void said.push(code) }
  const guests = new Guests(log, FILES)
  return { said, network: new RealNetwork(log, guests), http: new RealHttp(log, guests) }
}

type Told = (error: NetworkError | null, listener: Listener | null) => void
function opened(open: (told: Told) => void): Promise<Listener> {
  return new Promise((go, stop) => open((error, listener) => (error ? stop(error) : go(listener!))))
}

async function called({ address }: Listener): Promise<Socket> {
  const socket = connect(address)
  await once(socket, 'connect')
  return socket
}

test('of the files that a process may open connections of strangers take three quarters, on all of its ports together', async () => {
  const { said, network, http } = world()
  const events = new EventEmitter()
  let accepted = 0
  const accept = (connection: Connection): ConnectionHandler => {
    accepted++
    return { ...handler, onEnd: () => connection.end(), onClosed: () => void events.emit('closed') }
  }
  const tcp = await opened((told) => network.listen(at, {}, accept, told))
  const web = await opened((told) => http.serve(at, { limits: defaultLimits }, pages as unknown as HttpHandler, told))
  const members = await opened((told) => network.listen(at, { members: true }, accept, told))

  const guests = [await called(tcp), await called(tcp), await called(web)]
  for (const listener of [tcp, web, tcp]) await once((await called(listener)).resume(), 'close')
  expect(said).toEqual(['accept-refused'])
  expect(accepted).toBe(2)

  guests[0]!.destroy()
  await once(events, 'closed')
  guests.push(await called(tcp), await called(members))
  await once((await called(web)).resume(), 'close')
  expect(said).toEqual(['accept-refused', 'accept-refused'])
  expect(accepted).toBe(4)
  for (const socket of guests) socket.destroy()
  for (const listener of [tcp, web, members]) listener.close()
})

test.runIf(process.platform === 'linux')('how many files a process may open is known', () => {
  expect(openFilesLimit()).toBeGreaterThan(0)
})
