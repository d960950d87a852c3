/** What only a real receiver can do to who posts to it: answers without end. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { makeReal } from './real-fixture.ts'

test('what is wanted of a long answer stands by itself, and holds no block of the rest', async () => {
  const server = createServer((_, response) => response.end(Buffer.alloc(1 << 20, 'x'))).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}/`
  const request = { url, method: 'POST', headers: {}, body: Buffer.alloc(0), timeoutMs: 60_000, answerBytes: 100 }
  const body = await new Promise<Buffer>((resolve, reject) =>
    makeReal().env.http.request(request as never, (error, answer) => (error ? reject(error) : resolve(answer!.body))),
  )
  server.closeAllConnections()
  server.close()
  expect(body.toString()).toBe('x'.repeat(100))
  expect(body.buffer.byteLength).toBe(100)
})
