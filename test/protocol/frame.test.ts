import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ByteWriter } from '../../src/base/bytes.ts'
import { beginFrame, endFrame, FRAME_HEADER_BYTES, FrameParser } from '../../src/protocol/frame.ts'
import { codeOf } from '../base/code-of.ts'

const LIMIT = 5000

interface Sent {
  tag: number
  generation: number
  sequence: number
  payload: Uint8Array
}

const sent: fc.Arbitrary<Sent> = fc.record(
  {
    tag: fc.integer({ min: 0, max: 255 }),
    generation: fc.integer({ min: 0, max: 0xffffffff }),
    sequence: fc.integer({ min: 0, max: 0xffffffff }),
    payload: fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 1000, maxLength: LIMIT })),
  },
  { noNullPrototype: true },
)

function framed({ tag, generation, sequence, payload }: Sent): Buffer {
  const writer = new ByteWriter(256)
  beginFrame(writer)
  writer.bytes(payload)
  return endFrame(writer, tag, generation, sequence, LIMIT)
}

/** Pushes `bytes` in pieces of the given sizes, each overwritten after its call, as a socket's buffer is. */
function parse(bytes: Buffer, sizes: readonly number[]): Sent[] {
  const frames: Sent[] = []
  const parser = new FrameParser(LIMIT)
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const chunk = Buffer.from(bytes.subarray(at, at + (sizes[i % sizes.length] ?? bytes.length)))
    parser.push(chunk, (frame) => void frames.push({ ...frame, payload: new Uint8Array(frame.payload) }))
    at += chunk.length
    chunk.fill(0xee)
  }
  return frames
}

describe('the parser', () => {
  test('finds every frame, however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(sent, { maxLength: 6 }),
        fc.array(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 4000 })), { minLength: 1 }),
        (frames, sizes) => {
          expect(parse(Buffer.concat(frames.map(framed)), sizes)).toStrictEqual(frames)
        },
      ),
    )
  })

  test('shows a frame that lies in one chunk without copying it (F2)', () => {
    const bytes = framed({ tag: 1, generation: 2, sequence: 3, payload: new Uint8Array(100) })
    new FrameParser(LIMIT).push(bytes, (frame) => expect(frame.payload.buffer).toBe(bytes.buffer))
    expect.assertions(1)
  })

  test('refuses every flipped bit of a frame, and shows nothing of it (F1)', () => {
    const first = { tag: 1, generation: 7, sequence: 0, payload: Uint8Array.of(1, 2, 3) }
    const bytes = framed(first)
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = Buffer.concat([bytes, bytes])
      damaged[bit >> 3]! ^= 1 << (bit & 7)
      const shown: unknown[] = []
      const parser = new FrameParser(LIMIT)
      const outcome = codeOf(() => parser.push(damaged, (frame) => void shown.push(frame)))
      // A length that grew may make the parser wait for more; it never shows the frame.
      if (outcome === 'nothing') expect(parser.waiting).toBeGreaterThan(0)
      else expect(['E_FRAME_CHECKSUM', 'E_FRAME_TOO_LONG']).toContain(outcome)
      expect(shown).toStrictEqual([])
    }
  })

  test('shows nothing after damage or stop (F3)', () => {
    const bytes = framed({ tag: 1, generation: 0, sequence: 0, payload: new Uint8Array(3) })
    const bad = Buffer.from(bytes)
    bad[19]! ^= 1
    const parser = new FrameParser(LIMIT)
    let shown = 0
    expect(codeOf(() => parser.push(bad, () => shown++))).toBe('E_FRAME_CHECKSUM')
    parser.push(bytes, () => shown++)
    expect(shown).toBe(0)

    const stopping = new FrameParser(LIMIT)
    stopping.push(Buffer.concat([bytes, bytes, bytes.subarray(0, 9)]), () => {
      shown++
      stopping.stop()
    })
    expect(shown).toBe(1)
    expect(stopping.waiting).toBe(0)
  })

  test('refuses a long frame by its header, before it is there', () => {
    const header = Buffer.alloc(FRAME_HEADER_BYTES)
    header.writeUInt32LE(LIMIT + 1, 4)
    expect(codeOf(() => new FrameParser(LIMIT).push(header, () => {}))).toBe('E_FRAME_TOO_LONG')
    const drop = new FrameParser(LIMIT)
    expect(
      codeOf(() => {
        for (const byte of header) drop.push(Buffer.of(byte), () => {})
      }),
    ).toBe('E_FRAME_TOO_LONG')
  })
})

test('the writer refuses a long frame and can go on', () => {
  const writer = new ByteWriter()
  beginFrame(writer)
  writer.bytes(new Uint8Array(LIMIT + 1))
  expect(codeOf(() => endFrame(writer, 1, 0, 0, LIMIT))).toBe('E_FRAME_TOO_LONG')
  beginFrame(writer)
  expect(endFrame(writer, 1, 0, 0, LIMIT)).toHaveLength(FRAME_HEADER_BYTES)
})

test('a frame has these bytes', () => {
  const bytes = framed({ tag: 9, generation: 258, sequence: 0xfffffffe, payload: Buffer.from('hi') })
  expect(bytes.toString('hex')).toBe('6048849a' + '02000000' + '02010000' + 'feffffff' + '09' + '6869')
})
