import { once } from 'node:events'
import { type AddressInfo, Server } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { plainInlet, webSocketInlet } from '../../src/cli/receive-inlets.ts'
import { lines } from '../../src/model/framing.ts'

/** More than all buffers on the way hold. */
const MESSAGES = 128
const MESSAGE = Buffer.alloc(256 << 10, 'x')

test('a WebSocket whose records are not taken yet is not read, so that they wait where they are sent', async () => {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  onTestFinished(() => server.close())
  let sent = 0
  server.on('connection', (socket: WebSocket) => {
    for (let i = 0; i < MESSAGES; i++) socket.send(MESSAGE, () => sent++)
  })
  await once(server, 'listening')
  const hold = Promise.withResolvers<void>()
  const all = Promise.withResolvers<void>()
  let taken = 0
  const inlet = await webSocketInlet(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`, {
    take(records) {
      taken += records.length
      if (taken === MESSAGES) all.resolve()
      return taken === 1 ? hold.promise : undefined
    },
    alone() {},
    failed: all.reject,
  })
  onTestFinished(() => inlet.close())
  for (let turns = 0; turns < 3000 && sent < MESSAGES; turns++) await turn()
  expect([taken, sent < MESSAGES]).toEqual([1, true])
  hold.resolve()
  await all.promise
})

test('a sender that cannot be accepted, for want of files, ends nothing', async () => {
  const listens = vi.spyOn(Server.prototype, 'listen')
  onTestFinished(() => listens.mockRestore())
  const inlet = await plainInlet({ host: '127.0.0.1', port: 0 }, lines(), { take() {}, alone() {}, failed() {} })
  onTestFinished(() => inlet.close())
  const server = listens.mock.contexts[0] as Server
  for (let i = 0; i < 2; i++) server.emit('error', new Error('accept EMFILE'))
  expect(server.listening).toBe(true)
})
