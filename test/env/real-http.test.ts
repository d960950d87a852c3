/** What only real sockets can do to a listener: slow heads, bytes that are no HTTP, pings without end (H5). */
import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Limits } from '../../src/base/limits.ts'
import { dial, type Server, SocketEar, serve } from './http.contract.ts'
import { makeReal } from './real-fixture.ts'

const on = makeReal()
let server: Server
let socket: Socket
let heard = ''
let closed = false

async function knock(limits: Partial<Limits> = {}): Promise<void> {
  server = await serve(on, limits)
  socket = connect(server.listener.address.port, '127.0.0.1')
  socket.on('data', (chunk) => {
    heard += chunk.toString('latin1')
    on.changed()
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    closed = true
    on.changed()
  })
}

beforeEach(() => {
  heard = ''
  closed = false
})
afterEach(() => {
  server.listener.close()
  socket.destroy()
})

const upgrade =
  'GET /in HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'

/** A client's frame with a mask of zeroes, so that the payload stands as it is. */
function frame(first: number, payload: Buffer, length = payload.length): Buffer {
  const head =
    length < 126
      ? [first, 0x80 | length]
      : [first, 0xff, 0, 0, 0, 0, ...Buffer.from(Uint32Array.of(length).buffer).reverse()]
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), payload])
}

test('bytes that are no HTTP are answered 400 and counted', async () => {
  await knock()
  socket.write('EHLO mail.example\r\n\r\n')
  await on.until(() => closed)
  expect(heard).toMatch(/^HTTP\/1.1 400 /)
  expect(server.expelled).toEqual([expect.stringMatching(/^it sent no HTTP/)])
})

test('a peer that speaks TLS is told apart from one that speaks nonsense', async () => {
  await knock()
  socket.write(Buffer.from('160301020001000103', 'hex'))
  await on.until(() => closed)
  expect(server.expelled).toEqual([expect.stringMatching(/^it sent TLS, .* proxy in front, or write ws: for wss:/)])
})

test('a head over the limit is answered 431', async () => {
  await knock({ httpHeaderBytes: 2000 })
  socket.write(`GET / HTTP/1.1\r\nX-Long: ${'x'.repeat(3000)}\r\n\r\n`)
  await on.until(() => closed)
  expect(heard).toMatch(/^HTTP\/1.1 431 /)
  expect(server.expelled).toEqual(['its head is over the limit of 2000 bytes'])
})

test('a head that comes too slowly, or not at all, is given up', async () => {
  await knock({ httpHeadersMs: 100 })
  socket.write('GET / HTTP/1.1\r\nX-Slow: ')
  await on.until(() => closed)
  expect(heard).toMatch(/^HTTP\/1.1 408 /)
  expect(server.expelled).toEqual(['its head did not come within 100 ms'])
})

test('a listener that closes keeps nobody who has sent a part of a head, and answers who was promised one', async () => {
  await knock()
  socket.write('GET / HTTP/1.1\r\nX-Slow: ')
  const asking = connect(server.listener.address.port, '127.0.0.1')
  let [answer, gone] = ['', false]
  asking.on('data', (chunk) => (answer += chunk.toString('latin1')))
  asking.on('close', () => {
    gone = true
    on.changed()
  })
  server.answer = null
  asking.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n')
  await on.until(() => server.calls.length === 1)
  server.listener.close()
  await on.until(() => closed)
  expect(heard).toBe('')
  server.calls[0]!.call.answer({ status: 200 })
  await on.until(() => gone)
  expect(answer).toMatch(/^HTTP\/1.1 200 /)
  // Node would let it go as well, after a minute.
}, 30_000)

test('a body that stands still is given up, but not while we do not read it', async () => {
  await knock({ httpIdleMs: 200 })
  const head = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n'
  server.onHead = (call) => call.pause()
  const waiting = connect(server.listener.address.port, '127.0.0.1')
  let gone = false
  waiting.on('close', () => (gone = true))
  waiting.write(`${head}123`)
  await on.until(() => server.calls.length === 1)
  server.onHead = () => {}
  socket.write(`${head}123`)
  await on.until(() => closed && server.calls[1]!.answered !== null)
  expect(server.calls[1]!.answered).toBe(false)
  expect(gone).toBe(false)
  waiting.destroy()
})

test('of requests without end that come before any is answered only so many are taken', async () => {
  await knock()
  server.answer = null
  const one = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n'
  socket.write(one.repeat(16))
  await on.until(() => server.calls.length === 16)
  for (const { call } of server.calls) call.answer({ status: 200 })
  await on.until(() => heard.split('HTTP/1.1 200').length === 17)
  socket.write(one.repeat(200))
  await on.until(() => closed && server.calls.every(({ answered }) => answered !== null))
  expect(server.calls.length).toBe(32)
  expect(server.expelled).toEqual(['it asked again while 16 of its requests were not answered'])
})

test('a request that offers another protocol than WebSocket is answered as any other', async () => {
  await knock()
  const offer = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAA\r\n'
  socket.write(`POST /in HTTP/1.1\r\nHost: x\r\n${offer}Content-Length: 3\r\n\r\nabc`)
  await on.until(() => closed || heard.endsWith('done'))
  expect(heard).toMatch(/^HTTP\/1.1 200 /)
  expect(server.upgrades).toEqual([])
  socket.destroy()
  await on.until(() => closed)
})

test('who asks for a WebSocket in the wrong way is answered 400', async () => {
  await knock()
  socket.write(upgrade.replace('Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n', ''))
  await on.until(() => closed)
  expect(heard).toMatch(/^HTTP\/1.1 400 /)
  expect(server.sockets).toEqual([])
})

for (const [what, bytes] of [
  ['a frame without a mask', Buffer.from([0x82, 1, 65])],
  ['a frame of an unknown kind', frame(0x83, Buffer.from('x'))],
  ['text that is no UTF-8', frame(0x81, Buffer.from([0xff, 0xfe]))],
  ['a compressed frame', frame(0xc2, Buffer.from('x'))],
  ['a ping that is too long', frame(0x89, Buffer.alloc(200))],
] as const) {
  test(`${what} closes the connection with a reason, and no other`, async () => {
    await knock()
    const ear = new SocketEar(on)
    const healthy = dial(on, server, ear)
    await on.until(() => ear.said.includes('open'))
    socket.write(upgrade)
    await on.until(() => server.sockets.length === 2)
    socket.write(bytes)
    const bad = server.sockets[1]!.ear
    socket.resume()
    await on.until(() => heard.length > 0 && closed)
    await on.until(() => bad.end !== null)
    expect(bad.end!.error?.code).toBe('protocol')
    expect(bad.messages).toEqual([])
    healthy.send(Buffer.from('well'), true)
    await on.until(() => server.sockets[0]!.ear.messages.length === 1)
    healthy.destroy()
    await on.until(() => ear.end !== null)
  })
}

test('pings of a peer that does not read are not answered without end', async () => {
  await knock()
  socket.write(upgrade)
  await on.until(() => server.sockets.length === 1)
  socket.pause()
  const { socket: far, ear } = server.sockets[0]!
  const pings = Buffer.concat(Array.from({ length: 10_000 }, () => frame(0x89, Buffer.alloc(125))))
  for (let i = 0; i < 20; i++) await new Promise<void>((go) => socket.write(pings, () => go()))
  socket.write(frame(0x82, Buffer.from('last')))
  await on.until(() => ear.messages.length === 1)
  expect(far.queued).toBeLessThan(70_000)
  far.destroy()
  await on.until(() => ear.end !== null)
})

test('unfinished messages of all connections together are bounded', async () => {
  await knock({ partialBytes: 300_000, messageBytes: 1 << 20, recordBytes: 1000 })
  const quiet = connect(server.listener.address.port, '127.0.0.1')
  quiet.write(upgrade)
  // One that sends whole messages, as many as it likes, counts for nothing.
  socket.write(upgrade)
  await on.until(() => server.sockets.length === 2)
  const [first, second] = server.sockets.map(({ ear }) => ear) as [SocketEar, SocketEar]
  const whole = frame(0x82, Buffer.alloc(50_000))
  for (let i = 0; i < 40; i++) socket.write(whole)
  await on.until(() => first.messages.length + second.messages.length === 40)
  quiet.write(frame(0x82, Buffer.alloc(200_000), 900_000))
  socket.write(whole)
  await on.until(() => first.messages.length + second.messages.length === 41)
  socket.write(frame(0x82, Buffer.alloc(200_000), 900_000))
  await on.until(() => first.end !== null || second.end !== null)
  const ended = first.end !== null ? first : second
  expect(ended.end!.error!.message).toContain('unfinished messages hold more than 300000 bytes')
  quiet.destroy()
})

test('connections between two messages hold nothing', async () => {
  await knock({ partialBytes: 300_000, messageBytes: 1 << 20, recordBytes: 1000 })
  const sockets = Array.from({ length: 12 }, () => connect(server.listener.address.port, '127.0.0.1'))
  for (const one of sockets) one.write(Buffer.concat([Buffer.from(upgrade), frame(0x82, Buffer.alloc(50_000))]))
  const came = (): number => server.sockets.reduce((sum, { ear }) => sum + ear.messages.length, 0)
  await on.until(() => came() === 12)
  for (const one of sockets) one.write(frame(0x82, Buffer.alloc(10)))
  await on.until(() => came() === 24 || server.sockets.some(({ ear }) => ear.end !== null))
  expect(came()).toBe(24)
  for (const one of sockets) one.destroy()
})
