/** The HTTP server of the control API by itself: what its callers do wrong is no fault of ours. */
import { ServerResponse } from 'node:http'
import { connect, Server } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { ControlServer, type Route } from '../../src/admin/http.ts'
import { makeLimits } from '../../src/base/limits.ts'

test('who goes before all of its body has come has not found a bug', async () => {
  const bugs: unknown[] = []
  const came: unknown[] = []
  const route: Route = { method: 'POST', path: '/', right: 'read', handle: ({ body }) => came.push(body) }
  const asked = Promise.withResolvers<void>()
  const rightOf = () => {
    asked.resolve()
    return 'read' as const
  }
  const server = new ControlServer({
    ...{ host: '127.0.0.1', port: 0, limits: makeLimits(), routes: [route] },
    tokens: { files: { admin: '', read: '' }, rightOf },
    onBug: (error) => bugs.push(error),
  })
  await server.listen()
  const end = vi.spyOn(ServerResponse.prototype, 'end')
  const answered = vi.waitUntil(() => end.mock.calls.length > 0)
  onTestFinished(() => end.mockRestore())
  const socket = connect(Number(server.address.split(':')[1]), '127.0.0.1')
  socket.write('POST / HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer x\r\ncontent-length: 10\r\n\r\n{')
  await asked.promise
  socket.destroy()
  // Nobody hears the answer, which is the last that is done about it.
  await answered
  expect([bugs, came]).toEqual([[], []])
  await server.close()
})

test('a caller who cannot be accepted, for want of files, ends nothing', async () => {
  const listens = vi.spyOn(Server.prototype, 'listen')
  onTestFinished(() => listens.mockRestore())
  const tokens = { files: { admin: '', read: '' }, rightOf: () => null }
  const options = { host: '127.0.0.1', port: 0, limits: makeLimits(), tokens, routes: [], onBug: () => {} }
  const server = new ControlServer(options)
  await server.listen()
  const listening = listens.mock.contexts[0] as Server
  for (let i = 0; i < 2; i++) listening.emit('error', new Error('accept EMFILE'))
  expect(listening.listening).toBe(true)
  await server.close()
})

test('who sends no head, and who reads nothing of what is answered, does not keep the place of another', async () => {
  const route: Route = { method: 'GET', path: '/healthz', right: 'none', handle: () => 'x'.repeat(100_000) }
  const tokens = { files: { admin: '', read: '' }, rightOf: () => null }
  const server = new ControlServer({
    ...{ host: '127.0.0.1', port: 0, limits: makeLimits(), tokens, routes: [route], unreadMs: 500 },
    onBug: () => {},
  })
  await server.listen()
  const guest = (said: string): Promise<unknown> => {
    const socket = connect(Number(server.address.split(':')[1]), '127.0.0.1')
    socket.on('error', () => {}).write(said)
    // Nothing is read: that it was closed is heard when it is written to.
    const timer = setInterval(() => socket.write('x'), 100)
    return new Promise((closed) => socket.on('close', closed)).finally(() => clearInterval(timer))
  }
  const asked = 'GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n'
  await Promise.all([guest('GET /healthz HTTP/1.1\r\n'), guest(asked.repeat(100))])
  await server.close()
}, 20_000)
