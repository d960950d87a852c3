import { expect, test } from 'vitest'
import { FrameMemory } from '../../src/transport/frame-memory.ts'

const FRAME_BYTES = 20_000

/** A frame of `memory`, all of whose bytes are `value`. */
function frame(memory: FrameMemory, value: number, length = FRAME_BYTES): Buffer {
  memory.writer.bytes(Buffer.alloc(length, value))
  const made = memory.writer.take()
  memory.keep(made)
  return made
}

function isWhole(frame: Buffer, value: number): boolean {
  return frame.equals(Buffer.alloc(frame.length, value))
}

test('Y1: memory is used again once all of its frames are released, and no kept frame is ever changed', () => {
  const memory = new FrameMemory()
  const pieces = new Set<ArrayBufferLike>()
  const kept: { frame: Buffer; value: number }[] = []
  for (let n = 0; n < 1000; n++) {
    const value = n % 251
    const made = frame(memory, value)
    pieces.add(made.buffer)
    kept.push({ frame: made, value })
    // Not in order: a marker that is amended lies behind those that follow it. And never in step with the pieces.
    while (kept.length > 5 + (n % 17)) {
      const [gone] = kept.splice((7 * n) % 3, 1)
      memory.release(gone!.frame)
    }
    for (const one of kept) expect(isWhole(one.frame, one.value)).toBe(true)
  }
  expect(pieces.size).toBeLessThan(10)
})

test('Y1: a frame that fills a piece to its end is in use, though nothing else in it is', () => {
  const memory = new FrameMemory()
  const kept = Array.from({ length: 4 }, (_, n) => frame(memory, n, 127_000))
  for (const [n, made] of kept.entries()) expect(isWhole(made, n)).toBe(true)
})

test('Y2: memory of frames that were kept over a change of connections is not used again', () => {
  const memory = new FrameMemory()
  const before = Array.from({ length: 30 }, (_, n) => frame(memory, n))
  memory.renew()
  for (const made of before) memory.release(made)
  const after = Array.from({ length: 30 }, () => frame(memory, 99))
  const old = new Set(before.map(({ buffer }) => buffer))
  expect(after.some(({ buffer }) => old.has(buffer))).toBe(false)
  for (const [n, made] of before.entries()) expect(isWhole(made, n)).toBe(true)
})

test('a frame that is longer than a piece has memory of its own', () => {
  const memory = new FrameMemory()
  memory.writer.bytes(Buffer.alloc(1 << 20, 7))
  const long = memory.writer.take()
  memory.keep(long)
  const next = frame(memory, 8)
  memory.release(next)
  memory.release(long)
  expect(isWhole(long, 7)).toBe(true)
  expect(isWhole(frame(memory, 9), 9)).toBe(true)
})
