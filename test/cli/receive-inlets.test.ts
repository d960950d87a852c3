import { once } from 'node:events'
import { type AddressInfo, createServer, Server } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { dialingInlet, plainInlet, webSocketInlet } from '../../src/cli/receive-inlets.ts'
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

test('a sink that listens is read from, in its frames and no faster than its records are taken, until it goes', async () => {
  const ready = Promise.withResolvers<void>()
  const server = createServer((socket) => {
    socket.write('a\nb')
    void ready.promise.then(() => socket.end('c\nd\n'))
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const taken: string[] = []
  const { promise: alone, resolve } = Promise.withResolvers<void>()
  const hold = Promise.withResolvers<void>()
  const inlet = await dialingInlet({ host: '127.0.0.1', port: (server.address() as AddressInfo).port }, lines(), {
    take(records) {
      taken.push(...records.map(String))
      if (records.length === 1 && taken.length === 1) {
        ready.resolve()
        return hold.promise
      }
    },
    alone: resolve,
    failed() {},
  })
  onTestFinished(() => inlet.close())
  await ready.promise
  for (let turns = 0; turns < 300; turns++) await turn()
  expect(taken).toEqual(['a'])
  hold.resolve()
  await alone
  expect(taken).toEqual(['a', 'bc', 'd'])
})

test('where nobody listens it says so, and what to write for a sink that dials', async () => {
  // Port 1 is nobody's here.
  const inlet = dialingInlet({ host: '127.0.0.1', port: 1 }, lines(), { take() {}, alone() {}, failed() {} })
  await expect(inlet).rejects.toThrow(/cannot reach .*ECONNREFUSED.*; a sink that dials is received by PORT/)
})
