import { expect, test } from 'vitest'
import { ByteWriter } from '../../src/base/bytes.ts'
import { crc32 } from '../../src/base/crc.ts'
import { Intake } from '../../src/client/receiver/intake.ts'
import {
  appendRecord,
  type DeliveryMessage,
  deliveryHead,
  deliveryVersions,
  encodeDelivery,
  readDelivery,
} from '../../src/protocol/delivery.ts'
import { FRAME_HEADER_BYTES, FrameParser } from '../../src/protocol/frame.ts'

const { newest, oldest: oldestVersion } = deliveryVersions
const who = { pipeline: 'p', step: 'out', history: 'h', writer: 'w1', session: 's', token: '' }
const HELLO = { kind: 'hello', newest, oldestVersion, ...who, generation: 1, base: 0 } as const

function scene({ handles = true } = {}) {
  const taken: string[] = []
  const refusals: string[] = []
  const intake = new Intake(
    { name: 'r', token: '', creditBytes: 1000, recordBytes: 1000, keepAliveMs: 5000, remember: 100 },
    {
      keep: ({ records }, kept, handled) => {
        for (const { bytes } of records) taken.push(bytes.toString())
        kept()
        if (handles) handled()
      },
      moved() {},
      refused: (code) => void refusals.push(code),
    },
  )
  const dial = () => {
    const heard: DeliveryMessage[] = []
    const parser = new FrameParser(1 << 20)
    const socket = { open: true, reads: true, unread: 0 }
    const caller = intake.connect({
      send: (bytes) => {
        if (socket.reads) parser.push(Buffer.from(bytes), (frame) => heard.push(readDelivery(frame).message))
        else socket.unread += bytes.length
        return socket.unread
      },
      close: () => {
        socket.open = false
      },
    })
    const say = (message: Exclude<DeliveryMessage, { kind: 'batch' }>) => caller.onBytes(encodeDelivery(message))
    const batch = (first: number, ...records: string[]) => {
      const writer = new ByteWriter(1000)
      for (const record of records) appendRecord(writer, '', Buffer.from(record))
      const body = writer.take()
      caller.onBytes(Buffer.concat([deliveryHead(first, records.length, 0, body), body]))
    }
    return { heard, caller, say, batch, socket }
  }
  return { taken, refusals, intake, dial }
}

test('a batch may begin with what is known of the session', () => {
  const { taken, dial } = scene()
  const sink = dial()
  sink.say(HELLO)
  sink.batch(1, 'a', 'b', 'c')
  sink.batch(2, 'b', 'c', 'd')
  expect(taken).toEqual(['a', 'b', 'c', 'd'])
  expect(sink.heard.at(-2)).toEqual({ kind: 'ack', through: 4 })
  const again = dial()
  again.say(HELLO)
  expect(again.heard[0]).toMatchObject({ kind: 'welcome', resumeAfter: 4 })
  expect(sink.socket.open).toBe(false)
})

test('a gap, an answer, bytes that are none, and records before hello end the connection', () => {
  const refused = (act: (sink: ReturnType<ReturnType<typeof scene>['dial']>) => void): unknown => {
    const sink = scene().dial()
    act(sink)
    expect(sink.socket.open).toBe(false)
    return sink.heard.at(-1)
  }
  expect(refused((sink) => sink.batch(1, 'a'))).toMatchObject({ kind: 'refused', reason: 'it begins with hello' })
  expect(
    refused((sink) => {
      sink.say(HELLO)
      sink.batch(1, 'a')
      sink.batch(3, 'c')
    }),
  ).toMatchObject({ kind: 'refused', reason: '3 follows 1' })
  expect(
    refused((sink) => {
      sink.say(HELLO)
      sink.say({ kind: 'ack', through: 3 })
    }),
  ).toMatchObject({ kind: 'refused', code: 'E_MESSAGE' })
  expect(refused((sink) => sink.caller.onBytes(Buffer.alloc(40, 7)))).toMatchObject({ kind: 'refused' })
  expect(refused((sink) => sink.say({ ...HELLO, oldestVersion: 9, newest: 9 }))).toMatchObject({ code: 'E_VERSION' })
})

test('a sink of a later version is welcomed in ours, whatever else its hello says', () => {
  const { caller, heard } = scene().dial()
  const hello = Buffer.concat([encodeDelivery({ ...HELLO, newest: 9 }), Buffer.from('more')])
  hello.writeUInt32LE(hello.length - FRAME_HEADER_BYTES, 4)
  hello.writeUInt32LE(crc32(hello.subarray(4)), 0)
  caller.onBytes(hello)
  expect(heard).toMatchObject([{ kind: 'welcome', version: newest }])
})

test('whoever stands behind it hears why a sink is refused', () => {
  const { refusals, dial } = scene()
  dial().batch(1, 'a')
  expect(refusals).toEqual(['E_MESSAGE'])
})

test('a sink that is silent for four looks is given up, one that answers is not', () => {
  const { intake, dial } = scene()
  const [silent, lively] = [dial(), dial()]
  lively.say(HELLO)
  for (let look = 0; look < 5; look++) {
    lively.say({ kind: 'pong' })
    intake.tick()
  }
  expect([silent.socket.open, lively.socket.open]).toEqual([false, true])
  expect(lively.heard.filter(({ kind }) => kind === 'ping').length).toBeGreaterThan(2)
})

test('a frame that does not end gives its connection up, whatever follows it; one that comes slowly does not', () => {
  const { intake, dial } = scene()
  const [damaged, slow] = [dial(), dial()]
  damaged.say(HELLO)
  slow.say({ ...HELLO, writer: 'w2' })
  const frame = encodeDelivery({ kind: 'floor', epoch: 1 })
  const pong = encodeDelivery({ kind: 'pong' })
  const half = pong.length >>> 1
  frame.writeUInt32LE(1000, 4)
  damaged.caller.onBytes(frame)
  slow.caller.onBytes(pong.subarray(0, half))
  for (let look = 0; look < 13; look++) {
    damaged.caller.onBytes(pong)
    slow.caller.onBytes(Buffer.concat([pong.subarray(half), pong.subarray(0, half)]))
    intake.tick()
  }
  expect([damaged.socket.open, slow.socket.open]).toEqual([false, true])
})

test('a sink whose message takes long to come whole is not silent, and is given up where it never does', () => {
  const { intake, dial } = scene()
  const [slow, endless, stranger] = [dial(), dial(), dial()]
  slow.say(HELLO)
  endless.say({ ...HELLO, writer: 'w2' })
  for (let look = 1; look <= 12; look++) {
    slow.caller.onPart(1000)
    endless.caller.onPart(1000)
    stranger.caller.onPart(1)
    if (look % 10 === 0) slow.batch(1, 'long')
    intake.tick()
  }
  expect([slow.socket.open, endless.socket.open, stranger.socket.open]).toEqual([true, true, false])
  endless.caller.onPart(1000)
  intake.tick()
  expect([slow.socket.open, endless.socket.open]).toEqual([true, false])
})

test('a sink that sends beyond its credit is turned away, and what is held of it stays bounded', () => {
  const { taken, dial } = scene({ handles: false })
  const sink = dial()
  sink.say(HELLO)
  const megabyte = 'x'.repeat(1 << 20)
  for (let first = 1; first <= 40 && sink.socket.open; first++) sink.batch(first, megabyte)
  expect(sink.heard.at(-1)).toMatchObject({ kind: 'refused', code: 'E_CREDIT' })
  expect(sink.socket.open).toBe(false)
  expect(taken.length).toBeLessThan(10)
  // It may come again, and is told that there is no room.
  const again = dial()
  again.say(HELLO)
  expect(again.heard[0]).toMatchObject({ kind: 'welcome', credit: 0, resumeAfter: taken.length })
})

test('a receiver that is started again and again takes no more for that', () => {
  const { intake, dial } = scene({ handles: false })
  intake.beginBehind(900)
  const sink = dial()
  sink.say(HELLO)
  expect(sink.heard.at(-1)).toMatchObject({ kind: 'welcome', credit: 100 })
  const again = dial()
  again.say(HELLO)
  expect(again.heard.at(-1)).toMatchObject({ kind: 'welcome', credit: 100 })
  const other = dial()
  intake.beginBehind(5000)
  other.say({ ...HELLO, writer: 'w2' })
  expect(other.heard.at(-1)).toMatchObject({ kind: 'welcome', credit: 0 })
  intake.catchUp(4200)
  expect([again.heard.at(-1), other.heard.at(-1)]).toEqual([
    { kind: 'credit', bytes: 100 },
    { kind: 'credit', bytes: 200 },
  ])
  intake.catchUp(800)
  expect([again.heard.at(-1), other.heard.at(-1)]).toEqual([
    { kind: 'credit', bytes: 800 },
    { kind: 'credit', bytes: 800 },
  ])
  const late = dial()
  late.say({ ...HELLO, writer: 'w3' })
  expect(late.heard.at(-1)).toMatchObject({ kind: 'welcome', credit: 1000 })
})

test('a stranger is kept nothing for but a hello', () => {
  const { dial } = scene()
  const [stranger, sink] = [dial(), dial()]
  const head = deliveryHead(1, 1, 0, Buffer.alloc(1 << 20))
  stranger.caller.onBytes(head)
  expect(stranger.socket.open).toBe(false)
  sink.say(HELLO)
  sink.caller.onBytes(head)
  expect(sink.socket.open).toBe(true)
})

test('nothing is remembered of a batch that cannot be read to its end', () => {
  const { taken, dial } = scene()
  const writer = new ByteWriter(1000)
  appendRecord(writer, 'id', Buffer.from('a'))
  const body = writer.take()
  const send = (count: number) => {
    const sink = dial()
    sink.say(HELLO)
    sink.caller.onBytes(Buffer.concat([deliveryHead(1, count, 0, body), body]))
    return sink.heard.at(-1)?.kind
  }
  expect([send(2), taken, send(1), taken]).toEqual(['refused', ['a'], 'credit', ['a']])
})

test('beyond a thousand sinks one that is not connected is forgotten, with all that is known of it', () => {
  const { taken, dial } = scene()
  const first = dial()
  first.say({ ...HELLO, history: 'first' })
  first.batch(1, 'a')
  const second = dial()
  second.say({ ...HELLO, history: 'second' })
  second.batch(1, 'b')
  second.caller.onClosed()
  for (let i = 0; i < 999; i++) {
    const passing = dial()
    passing.say({ ...HELLO, history: `h${i}` })
    passing.caller.onClosed()
  }
  expect(first.socket.open).toBe(true)
  first.batch(1, 'a', 'c')
  expect(taken).toEqual(['a', 'b', 'c'])
  const again = dial()
  again.say({ ...HELLO, history: 'second' })
  expect(again.heard[0]).toMatchObject({ kind: 'welcome', resumeAfter: 0 })
  const known = dial()
  known.say({ ...HELLO, history: 'h998' })
  known.batch(1, 'd')
  known.caller.onClosed()
  const back = dial()
  back.say({ ...HELLO, history: 'h998' })
  expect(back.heard[0]).toMatchObject({ kind: 'welcome', resumeAfter: 1 })
})

test('a sink that asks and asks and reads no answer is turned out before they fill the memory', () => {
  const sink = scene().dial()
  sink.say(HELLO)
  sink.socket.reads = false
  for (let n = 0; n < 200_000; n++) sink.say({ kind: 'ping' })
  expect(sink.socket.open).toBe(false)
  expect(sink.socket.unread).toBeLessThan(2 << 20)
})
