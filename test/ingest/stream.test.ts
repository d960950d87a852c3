import { expect, test } from 'vitest'
import { Stream } from '../../src/ingest/stream.ts'

test('a stream, which is kept for days, keeps no more memory than the bytes of its name', () => {
  const { key, keyBytes } = new Stream('orders', 'till-4é', 'a1b2', true, 1)
  expect(keyBytes.toString()).toBe(key)
  expect(keyBytes.buffer.byteLength).toBe(keyBytes.length)
})
