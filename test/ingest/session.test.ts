import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { crc32 } from '../../src/base/crc.ts'
import type { Session } from '../../src/ingest/session.ts'
import {
  type AckedMessage,
  ackedFrameBytes,
  batchHead,
  encodeAcked,
  NO_CLAIM,
  readAcked,
} from '../../src/protocol/acked.ts'
import { FRAME_HEADER_BYTES, FrameParser } from '../../src/protocol/frame.ts'
import { World } from '../../src/sim/world.ts'
import { Rig, texts } from './fixture.ts'

let rig: Rig

/** A client's end: what it was told, and whether the connection is closed. */
class Peer {
  readonly heard: AckedMessage[] = []
  closed = false
  readonly session: Session
  private readonly parser = new FrameParser(ackedFrameBytes(256))

  constructor() {
    this.session = rig.source!.session(
      'test',
      (bytes) => {
        this.parser.push(Buffer.from(bytes), (frame) => this.heard.push(readAcked(frame).message))
        return true
      },
      () => {
        this.closed = true
      },
    )
  }

  say(message: Exclude<AckedMessage, { kind: 'batch' }>): this {
    this.session.onBytes(encodeAcked(message))
    return this
  }

  hello(oldest = 1, changes: Partial<Extract<AckedMessage, { kind: 'hello' }>> = {}): this {
    const identity = { producer: 'p', incarnation: '1', source: 'lines', token: '', oldest, ...NO_CLAIM }
    return this.say({ kind: 'hello', newest: 1, oldestVersion: 1, ...identity, ...changes })
  }

  /** A hello of a client that writes names another way. */
  sayLatin1(producer: string): this {
    const hello = { kind: 'hello', newest: 1, oldestVersion: 1, producer, incarnation: '1', source: 'lines' } as const
    const bytes = encodeAcked({ ...hello, token: '', oldest: 1, ...NO_CLAIM })
    const at = bytes.indexOf(producer)
    const name = Buffer.from(producer, 'latin1')
    const rest = bytes.subarray(at + Buffer.byteLength(producer), bytes.length)
    return this.sayFrame(Buffer.concat([bytes.subarray(0, at - 1), Buffer.of(name.length), name, rest]))
  }

  /** A hello of a client of version 9, which says more in it than we know. */
  helloOfNine(oldestVersion: number): this {
    const names = { producer: 'p', incarnation: '1', source: 'lines', token: '', oldest: 1 }
    const known = encodeAcked({ kind: 'hello', newest: 9, oldestVersion, ...names, ...NO_CLAIM })
    return this.sayFrame(Buffer.concat([known, Buffer.from('more')]))
  }

  /** `frame` with the length and the checksum that it has. */
  private sayFrame(frame: Buffer): this {
    frame.writeUInt32LE(frame.length - FRAME_HEADER_BYTES, 4)
    frame.writeUInt32LE(crc32(frame.subarray(4)), 0)
    this.session.onBytes(frame)
    return this
  }

  batch(first: number, ...records: string[]): this {
    const body = Buffer.concat(
      records.flatMap((record) => {
        const length = Buffer.alloc(4)
        length.writeUInt32LE(Buffer.byteLength(record))
        return [length, Buffer.from(record)]
      }),
    )
    this.session.onBytes(Buffer.concat([batchHead(first, records.length, body), body]))
    return this
  }

  get last(): AckedMessage | undefined {
    return this.heard.at(-1)
  }

  get refusal(): string | undefined {
    return this.last?.kind === 'refused' ? this.last.code : undefined
  }
}

beforeEach(() => {
  const world = new World(1)
  rig = new Rig(world, world.machine('m'), 'rig').started()
})

describe('an acked connection', () => {
  test('is welcomed, and hears of the disk and of complete epochs', () => {
    const peer = new Peer().hello()
    expect(peer.last).toMatchObject({
      kind: 'welcome',
      version: 1,
      worker: 'w1',
      resumeAfter: 0,
      stable: 0,
      credit: 1024,
    })
    peer.batch(1, 'one', 'two')
    expect(peer.heard.length).toBe(1)
    expect(rig.source!.producers.unacknowledged).toEqual({ unjournaled: 2, unstable: 2 })
    rig.settle()
    expect(peer.last).toEqual({ kind: 'ack', journaled: 2, stable: 0 })
    expect(rig.source!.producers.unacknowledged).toEqual({ unjournaled: 0, unstable: 2 })
    expect(texts(rig.take())).toEqual(['one', 'two'])
    rig.source!.coverage.complete(rig.source!.cut())
    expect(peer.last).toEqual({ kind: 'ack', journaled: 2, stable: 2 })
    expect(rig.source!.producers.unacknowledged).toEqual({ unjournaled: 0, unstable: 0 })
  })

  test('is not told stable of what the disk does not have yet', () => {
    const peer = new Peer().hello()
    peer.batch(1, 'one')
    while (rig.take().length === 0) rig.world.step()
    expect(peer.heard.length).toBe(1)
    let secured = false
    rig.source!.secure(() => {
      secured = true
    })
    rig.source!.coverage.complete(rig.source!.cut())
    expect(peer.heard.length).toBe(1)
    expect(rig.world.runUntil(() => peer.heard.length === 2, rig.world.now + 100)).toBe(true)
    expect(peer.last).toEqual({ kind: 'ack', journaled: 1, stable: 1 })
    rig.settle()
    expect(secured).toBe(true)
  })

  test('may send what is known again, in other batches', () => {
    const peer = new Peer().hello()
    peer.batch(1, 'one', 'two').batch(1, 'one', 'two', 'three').batch(2, 'two', 'three').batch(3, 'three', 'four')
    rig.settle()
    expect(texts(rig.take())).toEqual(['one', 'two', 'three', 'four'])
    expect(rig.source!.counters.repeats).toBe(5)
    expect(peer.last).toEqual({ kind: 'ack', journaled: 4, stable: 0 })
  })

  test('goes on where the stream stands when it comes again, and the one before ends', () => {
    const old = new Peer().hello().batch(1, 'one', 'two')
    const peer = new Peer().hello()
    expect(peer.last).toMatchObject({ kind: 'welcome', resumeAfter: 2 })
    expect(old.refusal).toBe('E_ACKED_REPLACED')
    old.batch(3, 'from the old connection')
    peer.batch(3, 'three')
    rig.settle()
    expect(texts(rig.take())).toEqual(['one', 'two', 'three'])
  })

  test('gets its credit back as the pipeline takes records, and may not go beyond it', () => {
    const peer = new Peer().hello()
    const record = 'x'.repeat(200)
    peer.batch(1, record, record).batch(3, record, record)
    rig.settle()
    rig.take()
    expect(rig.source!.poll()).toBe(null)
    const credit = peer.heard.reduce((sum, message) => sum + (message.kind === 'credit' ? message.bytes : 0), 0)
    expect(credit).toBe(4 * 204)
    for (let i = 0; i < 6; i++) peer.batch(5 + 2 * i, record, record)
    expect(peer.refusal).toBe('E_ACKED_PROTOCOL')
    expect(peer.closed).toBe(true)
  })

  test('shares the room for the records of a batch with all others', () => {
    const { source } = rig
    const { admit } = source!
    const given = new Set<unknown>()
    source!.admit = (stream, bytes, cuts, ...rest) => {
      given.add(cuts)
      return admit.call(source, stream, bytes, cuts, ...rest)
    }
    for (const producer of ['p', 'q']) new Peer().hello(1, { producer }).batch(1, 'one', 'two')
    rig.settle()
    expect(texts(rig.take())).toEqual(['one', 'two', 'one', 'two'])
    expect(given.size).toBe(1)
  })

  test('of a later version is welcomed in ours, whatever else it says', () => {
    expect(new Peer().helloOfNine(2).last).toMatchObject({ kind: 'welcome', version: 2 })
  })

  test('is refused by name', () => {
    // A worker may be behind: it is asked again.
    expect(new Peer().hello(1, { source: 'other' }).last).toMatchObject({ code: 'E_SOURCE_UNKNOWN', retryMs: 1000 })
    expect(new Peer().hello(7).refusal).toBe('E_STREAM_UNKNOWN')
    expect(new Peer().helloOfNine(8).refusal).toBe('E_ACKED_VERSION')
    expect(new Peer().hello(1, { producer: '' }).refusal).toBe('E_ACKED_PROTOCOL')
    // Nothing is kept for strangers but a hello.
    expect(new Peer().batch(1, 'x'.repeat(100_000)).refusal).toBe('E_FRAME_TOO_LONG')
    expect(new Peer().sayLatin1('Müller').refusal).toBe('E_DAMAGED')
    expect(new Peer().hello().batch(5, 'a gap').refusal).toBe('E_ACKED_PROTOCOL')
    expect(new Peer().batch(1, 'before the hello').refusal).toBe('E_ACKED_PROTOCOL')
    expect(new Peer().hello().hello().refusal).toBe('E_ACKED_PROTOCOL')
    expect(new Peer().hello().say({ kind: 'ack', journaled: 1, stable: 1 }).refusal).toBe('E_ACKED_PROTOCOL')
    expect(new Peer().hello().batch(1, 'x'.repeat(257)).refusal).toBe('E_RECORD_TOO_LONG')
    for (let i = 0; i < 4; i++) new Peer().hello(1, { producer: `q${i}` })
    // A place may come free: who is told never to come again would be lost with what it has.
    const last = { kind: 'refused', code: 'E_PRODUCERS_FULL', retryMs: 1000 }
    expect(new Peer().hello(1, { producer: 'one too many' }).last).toMatchObject(last)
  })

  test('is parked when records are missing that it does not have any more', () => {
    new Peer().hello().batch(1, 'one')
    const peer = new Peer().hello(5)
    expect(peer.last).toMatchObject({ kind: 'refused', code: 'E_STREAM_PARKED', retryMs: 1000 })
  })

  test('is parked no longer for what has come another way, and nobody can give that up', () => {
    const first = new Peer().hello().batch(1, 'one')
    rig.settle()
    new Peer().hello(5)
    first.batch(2, 'two', 'three')
    rig.settle()
    expect(rig.source!.producers.parked).toMatchObject([{ first: 4, last: 4 }])
    first.batch(4, 'four', 'five')
    rig.settle()
    expect(rig.source!.producers.parked).toEqual([])
    expect(rig.take()).toHaveLength(5)
    expect(rig.source!.producers.abandon('p')).toEqual([])
    first.batch(6, 'six')
    rig.settle()
    expect(rig.take()).toHaveLength(1)
  })

  test('goes on behind records that are missing once they are given up, also after a restart', () => {
    new Peer().hello().batch(1, 'one')
    rig.settle()
    new Peer().hello(5)
    const missing = { producer: 'p', incarnation: '1', first: 2, last: 4, home: '' }
    expect(rig.source!.producers.parked).toEqual([missing])
    // What the pipeline has not taken yet would be passed over.
    expect(rig.source!.producers.abandon('p')).toEqual([])
    expect(rig.take()).toHaveLength(1)
    expect(rig.source!.poll()).toBe(null)
    expect(rig.source!.producers.abandon('q')).toEqual([])
    expect(rig.source!.producers.abandon('p')).toEqual([missing])
    expect(rig.source!.producers.parked).toEqual([])

    const peer = new Peer().hello(5)
    expect(peer.heard[0]).toMatchObject({ kind: 'welcome', resumeAfter: 4 })
    peer.batch(5, 'five')
    rig.settle()
    expect(rig.take().map(({ sequence }) => sequence)).toEqual([5])
    const rows = rig.source!.cut()
    expect(rows.find(([producer]) => producer === 'p')?.[2]).toBe(5)

    const { world, machine } = rig
    rig.process.kill()
    rig = new Rig(world, machine, 'b').started(rows)
    expect(new Peer().hello(6).heard[0]).toMatchObject({ kind: 'welcome', resumeAfter: 5 })
    expect(rig.drain()).toEqual([])
    expect(rig.reports).toEqual([])
  })

  test('is told why it was not welcomed, where it has said hello', () => {
    rig.source!.hold('the pipeline drains')
    const waiting = new Peer().hello()
    rig.settle(10_000)
    expect(waiting.last).toMatchObject({ kind: 'refused', code: 'E_SOURCE_WAITS', retryMs: 1000 })
    expect(waiting.last).toMatchObject({
      reason: expect.stringMatching(/producer "p" within 5000 ms: the pipeline drains$/),
    })
  })

  test('ends when it says nothing', () => {
    const dumb = new Peer()
    const idle = new Peer().hello()
    const live = new Peer().hello(1, { producer: 'q' })
    for (let s = 0; s < 30; s++) {
      rig.settle(1000)
      live.say({ kind: 'pong' })
    }
    expect(dumb.refusal).toBe('E_ACKED_SILENT')
    expect(idle.refusal).toBe('E_ACKED_SILENT')
    expect(live.closed).toBe(false)
    expect(live.last).toEqual({ kind: 'ping' })
  })

  test('is not silent while a long message comes by a WebSocket, unless that never ends', () => {
    const slow = new Peer().hello()
    const endless = new Peer().hello(1, { producer: 'q' })
    for (let second = 1; second <= 59; second++) {
      rig.settle(1000)
      slow.session.onPart()
      endless.session.onPart()
      if (second === 50) slow.batch(1, 'long')
    }
    expect([slow.closed, endless.closed]).toEqual([false, false])
    for (let second = 60; second <= 70; second++) {
      rig.settle(1000)
      slow.session.onPart()
      endless.session.onPart()
    }
    expect(slow.closed).toBe(false)
    expect(endless.refusal).toBe('E_ACKED_SILENT')
  })

  test('is refused once journals say that somebody else has brought what follows', () => {
    const peer = new Peer().hello(1, { newest: 2, writer: 'a copy' }).batch(1, 'one')
    rig.settle()
    const bystander = new Peer().hello(1, { newest: 2, writer: 'another', producer: 'q' })
    rig.reset([
      ['p', '1', 5, 'w1', 2, 0, true, 'the original'],
      ['q', '1', 5, 'w1', 2, 0, true, 'another'],
    ])
    rig.settle()
    rig.source!.release()
    expect(peer).toMatchObject({ refusal: 'E_STREAM_FORKED', closed: true })
    expect(bystander).toMatchObject({ last: { kind: 'ack', stable: 5 }, closed: false })
    expect(new Peer().hello(1, { newest: 2, writer: 'a copy' }).last).toMatchObject({ retryMs: 0 })
    const heir = new Peer().hello(1, { newest: 2, writer: 'heir', earlier: [{ writer: 'the original', last: 5 }] })
    expect(heir.last).toMatchObject({ kind: 'welcome', resumeAfter: 5 })
    expect(new Peer().hello().last).toMatchObject({ kind: 'welcome', version: 1, resumeAfter: 5 })
  })

  test('waits with its hello while the source recovers', () => {
    rig.reset([])
    const peer = new Peer().hello()
    expect(peer.heard).toEqual([])
    rig.settle()
    expect(peer.last).toMatchObject({ kind: 'welcome' })
  })

  test('is asked to send again what the disk loses while it is being fed', () => {
    const records = Array.from({ length: 60 }, (_, i) => `${i + 1} ${'x'.repeat(200)}`)
    const before = new Peer().hello()
    for (let i = 0; i < 60; i += 2) {
      before.batch(1 + i, records[i]!, records[i + 1]!)
      rig.settle(5)
      rig.take()
    }
    const { world, machine } = rig
    rig.process.kill()
    rig = new Rig(world, machine, 'b').started()
    const peer = new Peer().hello()
    expect(peer.heard.at(-2)).toMatchObject({ kind: 'welcome', resumeAfter: 60, stable: 0 })
    // What is on the disk is said at once: nothing may follow that would say it.
    expect(peer.last).toEqual({ kind: 'ack', journaled: 60, stable: 0 })
    const { disk } = rig.process.env
    disk.list('/journal', (_, names) => {
      const last = names.findLast((name) => name.includes('.rig.'))!
      disk.open(`/journal/${last}`, 'write', (_, file) => file.write([Buffer.alloc(100)], 200, () => {}))
    })
    rig.settle(20)
    const taken = rig.drain()
    expect(taken.length).toBeGreaterThan(40)
    expect(taken.length).toBeLessThan(60)
    expect(rig.reports.join()).toMatch(/lacks records \d+ to 60 of p/)
    expect(peer.last).toMatchObject({ kind: 'rewind', resumeAfter: taken.length })
    peer.batch(61, 'was on the way').say({ kind: 'rewound', resumeAfter: taken.length })
    for (let i = taken.length; i < 60; i++) {
      peer.batch(i + 1, records[i]!)
      rig.settle(5)
      taken.push(...rig.take())
    }
    expect(texts(taken)).toEqual(records)
  })

  test('survives any bytes', () => {
    const frames = [
      encodeAcked({ kind: 'ping' }),
      encodeAcked({ kind: 'rewound', resumeAfter: 3 }),
      encodeAcked({ kind: 'end' }),
      batchHead(1, 3, Buffer.from([1, 0, 0])),
    ]
    const piece = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constantFrom(...frames))
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), fc.boolean(), (pieces, greeted) => {
        const peer = new Peer()
        if (greeted) peer.hello()
        for (const bytes of pieces) peer.session.onBytes(Buffer.from(bytes))
        peer.session.onClosed()
        expect(peer.closed).toBe(true)
      }),
      { numRuns: 300 },
    )
    rig.settle()
    expect(rig.source!.counters.sessions).toBe(0)
  })
})
