import { expect, test } from 'vitest'
import { defaultLimits } from '../../src/base/limits.ts'
import { isOfSource, streamKey } from '../../src/ingest/format.ts'
import { Segment } from '../../src/ingest/segment.ts'
import { Segments, type SegmentsOptions } from '../../src/ingest/segments.ts'
import { neededBy, neededOf } from '../../src/ingest/survey.ts'

const STRETCH = 1000
const ENTRY = 300
const [a, b] = ['a', 'b'].map((producer) => streamKey('source', producer, 'i'))

/** A segment in which two streams have written in turn, ten records in an entry. */
function written(entries: number): Segment {
  const segment = new Segment('folder', 1, 0, 'i', 0)
  for (let n = 0; n < entries; n++) {
    const key = n % 2 === 0 ? a! : b!
    segment.wrote(key, 10 * (1 + (n >> 1)), ENTRY, 50 + n * ENTRY, STRETCH)
  }
  segment.bytes = 50 + entries * ENTRY
  return segment
}

/** Where reading begins for streams that stand at these positions, `null` where nothing is read. */
function from(segment: Segment, positions: Readonly<Record<string, number>>): number | null {
  return neededBy([segment], 'source', (key) => positions[key] ?? 0)[0]?.from ?? null
}

test('G4: what lies in front of the first stretch that is needed is not read again', () => {
  const segment = written(40)
  const begins = (position: number) => from(segment, { [a!]: position, [b!]: position })
  expect(begins(0)).toBe(50)
  expect(begins(199)).toBeGreaterThan(50 + 35 * ENTRY)
  expect(begins(200)).toBeNull()
  for (let position = 0; position < 200; position += 10) {
    const entry = 50 + (2 * position * ENTRY) / 10
    const begin = begins(position)!
    expect(begin).toBeLessThanOrEqual(entry)
    expect(begin).toBeGreaterThan(entry - STRETCH - ENTRY)
  }
})

test('G4: one stream that stands far behind is enough to begin there', () => {
  const segment = written(40)
  expect(from(segment, { [a!]: 200, [b!]: 0 })).toBe(50)
  expect(from(segment, { [a!]: 200, [b!]: 190 })).toBeGreaterThan(50 + 35 * ENTRY)
})

test('for streams that are named the same is read as for a whole source of which only these stand behind', () => {
  const segment = written(40)
  const others = Array.from({ length: 9 }, (_, i) => [streamKey('source', `none${i}`, 'i'), 0] as const)
  for (const position of [0, 5, 10, 100, 190, 199, 200]) {
    const alone = from(segment, { [a!]: position, [b!]: Infinity })
    // There may be fewer of them than a stretch knows, or more.
    for (const more of [[], others]) {
      const named = neededOf([segment], new Map([[a!, position], ...more]))
      expect([position, named[0]?.from ?? null]).toEqual([position, alone])
    }
  }
  segment.gone = true
  expect(neededOf([segment], new Map([[a!, 0]]))).toEqual([])
})

test('a segment that was found is read from its beginning', () => {
  const segment = new Segment('folder', 1, 0, 'i', 0)
  segment.note(a!, 10, ENTRY)
  expect(from(segment, {})).toBe(0)
})

function segmentsOf(found: readonly Segment[]): Segments {
  return new Segments(
    { limits: defaultLimits, incarnation: 'i', inUse: () => true } as unknown as SegmentsOptions,
    found,
  )
}

test('what is kept of thousands of streams in many segments is counted a part at a time', () => {
  const keys = Array.from({ length: 5000 }, (_, i) => streamKey('source', `producer-${i}`, 'i'))
  const found = Array.from({ length: 20 }, (_, serial) => {
    const segment = new Segment('folder', serial, 0, 'i', 0)
    for (const key of keys) segment.note(key, serial + 1, 10)
    segment.note(streamKey('other', 'one', 'i'), 1, 7)
    return segment
  })
  const segments = segmentsOf(found)
  expect(segments.keptOf('source')).toBe(20 * 5000 * 10)
  let looked = 0
  const measure = (): void =>
    segments.measure((key) => {
      looked++
      return key.startsWith('other') ? 0 : 15
    })
  measure()
  expect(looked).toBeLessThanOrEqual(25_010)
  for (let i = 0; i < 5; i++) measure()
  expect(segments.keptOf('source')).toBe(5 * 5000 * 10)
  expect(segments.keptOf('other')).toBe(20 * 7)
})

test('G4: of segments that were written long ago stretches take up no memory', () => {
  const segments = segmentsOf([])
  const all = Array.from({ length: 8 }, () => written(40))
  for (const segment of all) segments.add(segment)
  const behind = { [a!]: 200, [b!]: 190 }
  expect(all.map((segment) => (from(segment, behind)! > 0 ? 'known' : 'whole'))).toEqual([
    ...['whole', 'whole', 'whole', 'whole'],
    ...['known', 'known', 'known', 'known'],
  ])
  expect(from(all[0]!, { [a!]: 200, [b!]: 200 })).toBeNull()
})

test('a stream is one of its source only', () => {
  const key = streamKey('p.1/in', 'producer', 'i')
  expect(['p.1/in', 'p.1/i', 'p.1/in2', ''].map((source) => isOfSource(key, source))).toEqual([
    true,
    false,
    false,
    false,
  ])
})
