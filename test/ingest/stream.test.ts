import { expect, test } from 'vitest'
import { Stream, type StreamRow } from '../../src/ingest/stream.ts'

test('a stream, which is kept for days, keeps no more memory than the bytes of its name', () => {
  const { key, keyBytes } = new Stream('orders', 'till-4é', 'a1b2', true)
  expect(keyBytes.toString()).toBe(key)
  expect(keyBytes.buffer.byteLength).toBe(keyBytes.length)
})

test('its row is the same object in each epoch until it says something else', () => {
  const stream = new Stream('orders', 'till', 'a1b2', true)
  const changes: readonly (() => void)[] = [
    () => (stream.position = 7),
    () => (stream.home = 'w2'),
    () => (stream.sessions = 3),
    () => (stream.time = 1000),
    () => (stream.fedTrail = stream.fedTrail.follow(0, 'client')),
    () => (stream.fedTrail = stream.fedTrail.follow(7, 'other')),
  ]
  for (const change of changes) {
    const { row } = stream
    expect(stream.row).toBe(row)
    change()
    expect(stream.row).not.toEqual(row)
  }
  expect(stream.row).toEqual(['till', 'a1b2', 7, 'w2', 3, 1000, true, 'other', { writer: 'client', last: 7 }])
})

test('what its journal may lose with the power is stable only below the floor, also where the pipeline begins anew behind it', () => {
  const stream = new Stream('in', 'p', 'i', true)
  const row = (position: number): StreamRow => ['p', 'i', position, '', 1, 0, true, '']
  const read = (position: number, end: number, hard: number): void => {
    stream.reset(row(position))
    stream.settle(end, stream.admitted, stream.trail)
    stream.inherit(end, hard)
  }
  read(0, 10, 5)
  expect(stream.journaled).toBe(5)
  stream.position = stream.covered = 10
  read(10, 12, 12)
  expect([stream.journaled, stream.stable]).toEqual([5, 5])
  stream.raiseFloor(9)
  expect(stream.stable).toBe(5)
  stream.raiseFloor(10)
  expect([stream.journaled, stream.stable]).toEqual([12, 10])
})

test('what came in here counts however old it is, until an epoch has had it: behind that its home has forgotten the stream', () => {
  const row: StreamRow = ['p', 'i', 10, 'w2', 1, 1000, true, 'client']
  const after = (happens: (stream: Stream) => void): boolean => {
    const stream = new Stream('in', 'p', 'i', true)
    stream.admittedHere = true
    happens(stream)
    stream.reset(null)
    return stream.isKnown
  }
  expect(after(() => {})).toBe(true)
  expect(after((stream) => stream.reset(row))).toBe(false)
  expect(after((stream) => (stream.covered = 10))).toBe(false)
  expect(after((stream) => (stream.given = row))).toBe(false)
  expect(after((stream) => (stream.forgotten = true))).toBe(false)
})
