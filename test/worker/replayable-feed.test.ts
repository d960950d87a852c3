/**
 * Many splits of one source: how many are read at a time, what is kept of those that have ended, and what a snapshot
 * says of all.
 */
import { expect, test } from 'vitest'
import type { Into, Place, ReplayableReader } from '../../src/connectors/connector.ts'
import { Batch } from '../../src/dataflow/batch.ts'
import { ReplayableFeed } from '../../src/worker/execution/sources/replayable-feed.ts'
import { placesOf } from '../../src/worker/execution/sources/source-parts.ts'

/** A split of `size` values, which are their own positions. */
class Reader implements ReplayableReader {
  readonly status = { connections: 0, accepted: 0, refused: 0, expelled: 0, bytes: 0, records: 0 }
  closed = false
  private at: number
  private readonly size: number

  constructor(size: number, place: Place | null) {
    this.size = size
    this.at = place?.position ?? 0
  }

  poll(into: Into, max: number): 'more' | 'ended' {
    for (let left = max; left > 0 && this.at < this.size; left--) into.push(this.at, this.at++)
    this.status.records = this.at
    return this.at < this.size ? 'more' : 'ended'
  }

  place(): Place {
    return { position: this.at }
  }

  close(): void {
    this.closed = true
  }
}

function begun(splits: readonly (readonly [string, Place | null])[], most: number) {
  const feed = new ReplayableFeed(
    'in',
    { of: (name: string) => ({ use: () => Number(/\d+$/.exec(name)) }) } as never,
    () => {},
  )
  const readers = new Map<string, Reader>()
  feed.begin(splits, most, (name, place) => {
    const reader = new Reader(3, place)
    readers.set(name, reader)
    return reader
  })
  const poll = (max: number): [found: string, values: string[]] => {
    const batch = new Batch(16)
    const found = feed.poll(batch, max, 0)
    return [found, Array.from({ length: batch.length }, (_, i) => `${batch.splits[i]}.${batch.values[i]}`)]
  }
  return { feed, readers, poll }
}

const saved = (feed: ReplayableFeed) =>
  placesOf([{ step: 'in', worker: 'w1', snapshot: JSON.parse(JSON.stringify(feed.cut())) }], 'in')!

test('a replayable feed reads so many splits at a time, and lets go of each as it ends', () => {
  const { feed, readers, poll } = begun(
    [0, 1, 2, 3, 4].map((n) => [`s${n}`, n === 4 ? { position: 1 } : null]),
    2,
  )
  const values: string[] = []
  let open = 0
  for (let found = 'more'; found !== 'ended'; ) {
    let some: string[]
    ;[found, some] = poll(2)
    values.push(...some)
    open = Math.max(open, [...readers.values()].filter(({ closed }) => !closed).length)
  }
  expect(values.sort()).toEqual(
    [0, 1, 2, 3, 4].flatMap((n) => [0, 1, 2].slice(n === 4 ? 1 : 0).map((at) => `${n}.${at}`)),
  )
  expect(open).toBe(2)
  expect([...readers.values()].every(({ closed }) => closed)).toBe(true)
  expect(feed.status.records).toBe(15)
  expect([...saved(feed).values()]).toEqual(Array(5).fill({ position: 3 }))
})

test('a snapshot has every split, also those that have not been begun', () => {
  const { feed, poll } = begun(
    [
      ['s0', null],
      ['s1', { position: 2 }],
      ['s2', null],
    ],
    1,
  )
  poll(1)
  expect(Object.fromEntries(saved(feed))).toEqual({ s0: { position: 1 }, s1: { position: 2 }, s2: null })
})

test('a split has its place again when the feed is restored, whatever the split is called', () => {
  const names = ['__proto__', '10', 'constructor', '2']
  const places = saved(
    begun(
      names.map((name, position) => [name, { position }]),
      Infinity,
    ).feed,
  )
  for (const [position, name] of names.entries()) expect(places.get(name)).toEqual({ position })
  expect(places.get('toString')).toBeUndefined()
})

test('no feed has ended before its splits are known', () => {
  const feed = new ReplayableFeed('in', {} as never, () => {})
  expect(feed.poll(new Batch(1), 1, 0)).toBe('idle')
  feed.begin([], 1, () => new Reader(0, null))
  expect(feed.poll(new Batch(1), 1, 0)).toBe('ended')
})
