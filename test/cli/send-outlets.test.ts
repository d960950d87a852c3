import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { plainOutlet } from '../../src/cli/send-outlets.ts'
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
