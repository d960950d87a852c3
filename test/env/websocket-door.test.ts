/** What a listener's WebSockets hold, by what comes over them piece by piece. */
import type { IncomingMessage } from 'node:http'
import { Duplex } from 'node:stream'
import { expect, test } from 'vitest'
import { makeLimits } from '../../src/base/limits.ts'
import type { WebSocketEnd } from '../../src/env/http.ts'
import { WebSocketDoor } from '../../src/env/real/websocket.ts'

const request = {
  method: 'GET',
  url: '/',
  headers: {
    ...{ upgrade: 'websocket', connection: 'Upgrade', 'sec-websocket-version': '13' },
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  },
} as unknown as IncomingMessage

/** The client's half of a connection: what it pushes comes as it is, chunk by chunk. */
class Wire extends Duplex {
  override _read(): void {}
  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done()
  }
}

/** A client's frame, masked by zeroes. */
function frame(first: number, payload: Buffer, length = payload.length): Buffer {
  const head = Buffer.alloc(14)
  head[0] = first
  head[1] = length < 126 ? 0x80 | length : 0xff
  if (length >= 126) head.writeUInt32BE(length, 6)
  return Buffer.concat([length < 126 ? head.subarray(0, 6) : head, payload])
}

/** How many of `pieces` come before the connection is closed, and how that ends. */
async function bring(
  partialBytes: number,
  pieces: Iterable<Buffer>,
): Promise<[count: number, end: WebSocketEnd | null]> {
  const door = new WebSocketDoor(makeLimits({ partialBytes }))
  const wire = new Wire()
  let end: WebSocketEnd | null = null
  door.open(request, wire, Buffer.alloc(0), 'peer', () => ({
    onOpen() {},
    onMessage() {},
    onDrain() {},
    onClosed: (ended) => {
      end = ended
    },
  }))
  let count = 0
  for (const piece of pieces) {
    wire.push(piece)
    await new Promise((resolve) => setImmediate(resolve))
    if (end !== null) break
    count++
  }
  wire.destroy()
  return [count, end]
}

const tooMuch = { error: { message: expect.stringContaining('unfinished messages hold more than 65536 bytes') } }

test('pieces of a byte take up more than a byte', async () => {
  function* drip() {
    yield frame(0x82, Buffer.alloc(0), 1 << 20)
    for (let i = 0; i < 2000; i++) yield Buffer.of(1)
  }
  const [count, end] = await bring(64 << 10, drip())
  expect(count).toBeLessThan(500)
  expect(end).toMatchObject(tooMuch)
})

test('a message is not whole because its sender pings between its fragments', async () => {
  function* fragments() {
    for (let i = 0; i < 50; i++) {
      yield frame(i === 0 ? 0x02 : 0x00, Buffer.alloc(10_000))
      yield frame(0x89, Buffer.alloc(100))
    }
  }
  const [count, end] = await bring(64 << 10, fragments())
  expect(count).toBeLessThan(20)
  expect(end).toMatchObject(tooMuch)
})

test('whole messages and pings hold nothing, however many', async () => {
  const pieces = Array.from({ length: 2000 }, (_, i) => frame(i % 2 === 0 ? 0x82 : 0x89, Buffer.alloc(100)))
  expect(await bring(1 << 10, pieces)).toEqual([2000, null])
})
