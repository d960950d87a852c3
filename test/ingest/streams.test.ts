/** The streams of a source, of which there may be a hundred thousand, and most are idle. */
import { expect, test, vi } from 'vitest'
import { defaultLimits } from '../../src/base/limits.ts'
import type { Stream } from '../../src/ingest/stream.ts'
import { Streams } from '../../src/ingest/streams.ts'

test('of the rows that were reported those are looked up that say something new, by whatever object the stream is known then', () => {
  const streams = new Streams('in', defaultLimits)
  const add = (producer: string): Stream => {
    const stream = streams.add(producer, '1', true)
    stream.state = { phase: 'home' }
    stream.admitted = 3
    return stream
  }
  const [idle, busy] = [add('idle'), add('busy')]
  const rows = streams.rows()
  const get = vi.spyOn(streams, 'get')
  const met = (of: typeof rows): Stream[] => {
    const found: Stream[] = []
    get.mockClear()
    streams.match(
      of,
      (stream) => stream !== idle,
      (stream) => found.push(stream),
    )
    return found
  }
  expect(met(rows)).toEqual([busy])
  expect(get).toHaveBeenCalledTimes(1)
  streams.remove(busy)
  expect(met(rows)).toEqual([])
  const again = add('busy')
  expect(met(rows)).toEqual([again])
  // Those of all members say the same.
  expect(met([...rows])).toEqual([again])
})
