import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocketServer } from 'ws'
import { plainOutlet, webSocketOutlet } from '../../src/cli/send-outlets.ts'
import { lines } from '../../src/index.ts'

test('whoever waits for a source that takes nothing hears so, until it has taken all', async () => {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const connected = once(server, 'connection') as Promise<[Socket]>
  const outlet = await plainOutlet({ host: '127.0.0.1', port: (server.address() as AddressInfo).port }, lines())
  await outlet.send([Buffer.from('one')])
  expect(outlet.detail).toBe('')
  const finished = outlet.finish()
  expect(outlet.detail).toMatch(/^waits until the source has taken it/)
  const [socket] = await connected
  socket.resume().on('end', () => socket.end())
  await finished
  expect(outlet.detail).toBe('')
})

test('a record that is no text goes over a WebSocket as the bytes that it is', async () => {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const came: [string, boolean][] = []
  server.on('connection', (socket) =>
    socket.on('message', (bytes: Buffer, binary: boolean) => came.push([bytes.toString('latin1'), binary])),
  )
  const outlet = await webSocketOutlet(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  await outlet.send([Buffer.from('one'), Buffer.from([65, 0xff, 0])])
  await outlet.finish()
  expect(came).toEqual([
    ['one', false],
    ['A\xff\0', true],
  ])
})

test.each(['ws:///', 'http://h/', 'ws://h/in#here'])('%j is refused before it is dialled', async (url) => {
  await expect(webSocketOutlet(url)).rejects.toMatchObject({ code: 'E_USAGE' })
})
