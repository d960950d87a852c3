/**
 * Inputs that no well-behaved program sends: noise, frames and requests that are nearly right, and all of them cut,
 * over-long or with bits turned. fast-check makes them; a seed makes the same ones again.
 */
import fc from 'fast-check'
import { ByteWriter } from '../../../src/base/bytes.ts'
import type { Prng } from '../../../src/base/prng.ts'
import { type AckedMessage, batchHead, encodeAcked } from '../../../src/protocol/acked.ts'
import { beginFrame, endFrame } from '../../../src/protocol/frame.ts'

/** Inputs of each kind that are made; each is changed again whenever it is sent. */
const POOL = 2000

export type Kind = 'noise' | 'text' | 'prefixed' | 'frame' | 'acked' | 'http' | 'upgrade' | 'socket'

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array))
const word = fc.string({ maxLength: 40 })
const count = fc.oneof(fc.nat(100), fc.maxSafeNat())

/** A frame whose checksum is right, with anything in it. */
const frame = fc.tuple(fc.nat(40), fc.nat(20), bytes(300)).map(([tag, generation, payload]) => {
  const writer = new ByteWriter(512)
  beginFrame(writer)
  writer.bytes(payload)
  return endFrame(writer, tag, generation, 0, 1 << 20)
})

/** Few names, so that what is remembered of producers stays small. */
const producer = fc.nat(30).map((n) => `stranger-${n}`)

function messages(token: string): fc.Arbitrary<Buffer> {
  const hello = fc
    .record({
      kind: fc.constant('hello' as const),
      newest: fc.nat(3),
      oldestVersion: fc.nat(3),
      producer: fc.oneof(producer, word),
      incarnation: fc.constantFrom('', '1', '\0'),
      source: fc.constantFrom('acked', 'garbage/acked', 'nothing', ''),
      oldest: fc.constantFrom(0, 1, 2, Number.MAX_SAFE_INTEGER),
      token: fc.constantFrom(token, token, '', 'wrong'),
      writer: fc.constantFrom('', 'a', 'b'.repeat(64)),
      earlier: fc.array(fc.record({ writer: fc.constantFrom('a', 'c'), last: count }), { maxLength: 3 }),
      ageMs: fc.constantFrom(0, 1, Number.MAX_SAFE_INTEGER),
    })
    .map((message) => encodeAcked(message))
  const batch = fc
    .tuple(count, fc.nat(2000), bytes(400))
    .map(([first, records, body]) => Buffer.concat([batchHead(first, records, body), body]))
  const other = fc
    .constantFrom<Exclude<AckedMessage, { kind: 'batch' }>>(
      { kind: 'ack', journaled: 1, stable: 9 },
      { kind: 'rewound', resumeAfter: 3 },
      { kind: 'ping' },
      { kind: 'end' },
      { kind: 'credit', bytes: 2 ** 32 - 1 },
      { kind: 'refused', code: 'E', reason: 'no', retryMs: 0 },
    )
    .map(encodeAcked)
  return fc.array(fc.oneof(hello, hello, batch, other), { minLength: 1, maxLength: 5 }).map((all) => Buffer.concat(all))
}

const bodies: fc.Arbitrary<Buffer> = fc.oneof(
  bytes(300),
  fc.json().map((text) => Buffer.from(text)),
  fc.constant(Buffer.from('5\r\n1234\r\nzz\r\n')),
)

function requests(token: string): fc.Arbitrary<Buffer> {
  const header = fc.oneof(
    fc.constantFrom(
      'Content-Type: application/json',
      'Content-Type: application/x-ndjson',
      'Content-Type: text/plain',
      'Transfer-Encoding: chunked',
      'Content-Length: 5',
      'Content-Length: 99999999999',
      'Content-Length: -1',
      'Expect: 100-continue',
      'Connection: close',
      'Idempotency-Key: stranger:1',
      'Idempotency-Key: stranger:999999',
      'Idempotency-Key: ///:::',
      'Content-Encoding: gzip',
      `Authorization: Bearer ${token}`,
      'Authorization: Bearer wrong',
      `X: ${'y'.repeat(20_000)}`,
    ),
    fc.tuple(word, word).map(([name, value]) => `${name}: ${value}`),
  )
  /** A head that is right, with any body: what is wrong is found behind it. */
  const right = fc.tuple(fc.constantFrom('application/json', 'application/x-ndjson'), bodies).map(([type, body]) => {
    const head = `POST /in HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: ${type}`
    return Buffer.concat([Buffer.from(`${head}\r\nContent-Length: ${body.length}\r\n\r\n`), body])
  })
  const any = fc
    .record({
      method: fc.constantFrom('POST', 'POST', 'POST', 'GET', 'PUT', 'CONNECT', 'BREW', ''),
      target: fc.constantFrom('/in', '/in', '/in?answer=soon', '/', '/v1/pipelines', '/%00', '//', 'http://x/in', '*'),
      version: fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/9', ''),
      headers: fc.array(header, { maxLength: 6 }),
      body: bodies,
      honest: fc.boolean(),
    })
    .map(({ method, target, version, headers, body, honest }) => {
      const more = honest
        ? [...headers.filter((line) => !/length|encod/i.test(line)), `Content-Length: ${body.length}`]
        : headers
      const head = [`${method} ${target} ${version}`, 'Host: x', ...more].join('\r\n')
      return Buffer.concat([Buffer.from(`${head}\r\n\r\n`), body])
    })
  return fc.oneof(any, right)
}

/** A WebSocket's frame: right now and then, and masked as a client's has to be. */
const socketFrame = fc
  .record({
    first: fc.oneof(fc.constantFrom(0x81, 0x82, 0x89, 0x88, 0x01, 0x80), fc.nat(255)),
    masked: fc.nat(9),
    body: bytes(125),
  })
  .map(({ first, masked, body }) => {
    const mask = masked > 0 ? 0x80 : 0
    return Buffer.concat([Buffer.of(first, mask | body.length), Buffer.alloc(mask === 0 ? 0 : 4), body])
  })

/** A WebSocket's handshake with frames behind it. */
const upgrade = fc
  .tuple(fc.constantFrom('/ws', '/ws', '/in', '/'), fc.array(socketFrame, { maxLength: 6 }), bytes(100))
  .map(([path, frames, rest]) => {
    const head = `GET ${path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n`
    const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n'
    return Buffer.concat([Buffer.from(head + key), ...frames, rest])
  })

export class Garbage {
  private readonly pools: Readonly<Record<Kind, readonly Buffer[]>>
  private readonly chance: Prng

  constructor(seed: number, token: string, chance: Prng) {
    this.chance = chance
    const pool = (arbitrary: fc.Arbitrary<Buffer>) => fc.sample(arbitrary, { seed, numRuns: POOL })
    this.pools = {
      noise: pool(bytes(2000)),
      text: pool(fc.string({ unit: 'binary', maxLength: 200 }).map((text) => Buffer.from(`${text}\n`))),
      prefixed: pool(
        bytes(200).map((body) => {
          const length = Buffer.alloc(4)
          length.writeUInt32BE(body.length)
          return Buffer.concat([length, body])
        }),
      ),
      frame: pool(frame),
      acked: pool(messages(token)),
      http: pool(requests(token)),
      upgrade: pool(upgrade),
      socket: pool(socketFrame),
    }
  }

  /** An input of `kind`, as it was made, or spoilt once more. */
  next(kind: Kind): Buffer {
    const { chance } = this
    const made = this.pools[kind][chance.below(POOL)]!
    const bytes = Buffer.from(made)
    switch (chance.below(6)) {
      case 0:
        return bytes.subarray(0, chance.below(bytes.length + 1))
      case 1:
        for (let n = chance.below(4); n >= 0 && bytes.length > 0; n--) {
          bytes[chance.below(bytes.length)]! ^= 1 << chance.below(8)
        }
        return bytes
      case 2: {
        // A length that promises more than anybody may send.
        const long = Buffer.alloc(4, 0xff)
        const at = chance.below(bytes.length + 1)
        return Buffer.concat([bytes.subarray(0, at), long, bytes.subarray(at)])
      }
      default:
        return bytes
    }
  }
}
