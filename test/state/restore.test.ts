/**
 * Restoring:
 * - a chunk of an older schema goes through `migrate`; what cannot is refused by name
 * - damaged bytes are refused, never become state
 * - the format of a chunk is what it was
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ByteWriter } from '../../src/base/bytes.ts'
import { PotorooError } from '../../src/base/errors.ts'
import { hashKey } from '../../src/base/hash.ts'
import { ChunkReader, encodeChunk, Rows } from '../../src/state/chunk.ts'
import { foldChunks, type Schema } from '../../src/state/fold.ts'
import { KeyTable } from '../../src/state/key-table.ts'
import { KeyedStore } from '../../src/state/keyed-store.ts'
import { Loading } from '../../src/state/loading.ts'
import { Sweeper } from '../../src/state/sweeper.ts'

const hash = hashKey('a')
const keyGroup = hash >>> 31

function chunk(schemaVersion: number): Uint8Array {
  const writer = new ByteWriter()
  const rows = new Rows()
  rows.keys.push('a', 2)
  rows.states.push({ total: 5 }, { total: 6 })
  rows.times.push(1000, 2000.5)
  encodeChunk(writer, schemaVersion, ['gone', 7n, false], rows)
  return writer.take()
}

function open(bytes: Uint8Array, schemaVersion: number, migrate?: Schema['migrate'], timed = false): KeyedStore {
  const options = { step: 'count', keyGroups: 2, shift: 31, timed, schemaVersion }
  const store = new KeyedStore(options)
  const loading = new Loading({ migrate })
  loading.add(keyGroup, bytes)
  store.restore(loading)
  store.open(keyGroup)
  return store
}

const refused = (code: string) => expect.objectContaining({ code })

describe('a chunk of another schema', () => {
  test('of an older one goes through migrate', () => {
    const store = open(chunk(1), 3, (state, from) => ({ sum: (state as { total: number }).total, from }))
    expect(store.peek(hash, 'a')).toEqual({ sum: 5, from: 1 })
  })

  test('is refused without migrate, by one that throws, and from the future', () => {
    expect(() => open(chunk(1), 2)).toThrow(refused('E_STATE_NO_MIGRATE'))
    const throwing = () => {
      throw new TypeError('no')
    }
    expect(() => open(chunk(1), 2, throwing)).toThrow(refused('E_STATE_MIGRATE'))
    expect(() => open(chunk(1), 2, async () => ({}))).toThrow(refused('E_STATE_MIGRATE'))
    expect(() => open(chunk(1), 2, () => 7 as unknown as object)).toThrow(refused('E_STATE_MIGRATE'))
    expect(() => open(chunk(3), 2, (state) => state as object)).toThrow(refused('E_STATE_NEWER'))
  })

  test('is not written again as it is, also where nobody has needed it yet', () => {
    const written = (version: number): readonly Uint8Array[] => {
      const store = new KeyedStore({ step: 'count', keyGroups: 2, shift: 31, timed: true, schemaVersion: version })
      const loading = new Loading({ migrate: (state) => ({ ...(state as object), more: true }) })
      loading.add(keyGroup, chunk(1))
      store.restore(loading)
      const chunks: Uint8Array[] = []
      store.freeze([keyGroup]).write(
        () => true,
        (_, _kind, bytes) => chunks.push(bytes),
      )
      return chunks
    }
    expect(written(1)).toEqual([chunk(1)])
    const [bytes] = written(2)
    const reader = new ChunkReader(bytes!)
    expect([reader.schemaVersion, reader.states()]).toEqual([2, [5, 6].map((total) => ({ total, more: true }))])
  })
})

test('F1: of a chunk, however many keys it has, the states are made that no newer one has', () => {
  const keys = Array.from({ length: 5000 }, (_, i) => `key${i}`).filter((key) => hashKey(key) >>> 31 === 0)
  const write = (of: readonly string[], total: (key: string) => number): Uint8Array => {
    const writer = new ByteWriter()
    const rows = new Rows()
    rows.keys.push(...of)
    rows.states.push(...of.map((key) => ({ total: total(key) })))
    encodeChunk(writer, 1, [], rows)
    return writer.take()
  }
  const isNewer = (key: string) => keys.indexOf(key) % 3 === 1
  const older = write(keys, () => 1)
  const newer = write(keys.filter(isNewer), () => 2)
  const table = new KeyTable(0, false)
  const migrated: string[] = []
  const migrate = (state: unknown): object => {
    migrated.push('one')
    return state as object
  }
  expect(foldChunks(table, [older, newer], { step: 'count', version: 2, migrate })).toBe(
    keys.length + keys.filter(isNewer).length,
  )
  expect(keys.length).toBeGreaterThan(2048)
  expect(table.size).toBe(keys.length)
  expect(migrated.length).toBe(keys.length)
  for (const key of keys) {
    expect(table.state(table.find(hashKey(key), key))).toEqual({ total: isNewer(key) ? 2 : 1 })
  }
})

test('a key of a step that had no TTL begins its time at the first sweep', () => {
  const writer = new ByteWriter()
  const rows = new Rows()
  rows.keys.push('a')
  rows.states.push({ total: 5 })
  encodeChunk(writer, 1, [], rows)
  const store = open(writer.take(), 1, undefined, true)
  const sweeper = new Sweeper(store, 100)
  expect(sweeper.isOver(store.table(hash).times![0]!, 50_000)).toBe(false)
  for (const [time, keys] of [
    [50_000, 1],
    [50_100, 1],
    [50_201, 0],
  ] as const) {
    sweeper.rise(time)
    while (sweeper.next());
    expect(store.keys).toBe(keys)
  }
})

test('of a restored chunk only what is needed is decoded', () => {
  const options = { step: 'count', keyGroups: 2, shift: 31, timed: false, schemaVersion: 1 }
  const store = new KeyedStore(options)
  const loading = new Loading({ migrate: undefined })
  loading.add(0, chunk(1))
  loading.add(1, chunk(1))
  store.restore(loading)
  expect(store.tables).toEqual([null, null])
  store.table(hash)
  expect(store.tables.filter((table) => table !== null).length).toBe(1)
  expect(store.loadNext()).toBe(true)
  expect(store.loadNext()).toBe(false)
  expect(store.keys).toBe(4)
})

test('a chunk that contradicts itself or is of another format is refused', () => {
  const other = chunk(1).slice()
  other[0] = 3
  expect(() => new ChunkReader(other)).toThrow(refused('E_STORE_VERSION'))
  other[0] = 0
  expect(() => new ChunkReader(other)).toThrow(refused('E_DAMAGED'))
  const writer = new ByteWriter()
  const rows = new Rows()
  rows.keys.push('a', 'b')
  rows.states.push({})
  encodeChunk(writer, 1, [], rows)
  expect(() => new ChunkReader(writer.take()).states()).toThrow(refused('E_DAMAGED'))
})

test('a chunk with damaged bytes is refused', () => {
  const whole = chunk(1)
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), fc.boolean(), (at, flip, cut) => {
      const bytes = Buffer.from(cut ? whole.subarray(0, at) : whole)
      if (!cut) bytes[at]! ^= flip
      try {
        const reader = new ChunkReader(bytes)
        const states = reader.states()
        expect(states.length).toBe(reader.keys.length)
      } catch (error) {
        // A flipped bit may also make another valid chunk; the pack's checksum is there for that.
        expect(error).toBeInstanceOf(PotorooError)
        expect(at === 0 ? ['E_DAMAGED', 'E_STORE_VERSION'] : ['E_DAMAGED']).toContain((error as PotorooError).code)
      }
    }),
    { numRuns: 2000 },
  )
})

test('only a chunk with a hole, or with an object without prototype, is of the second format', () => {
  const hours: number[] = []
  hours[2] = 7
  const chunkOf = (state: object): Buffer => {
    const rows = new Rows()
    rows.keys.push('a')
    rows.states.push(state)
    const writer = new ByteWriter()
    // Behind another one that is of it.
    encodeChunk(writer, 1, [], rows)
    writer.clear()
    encodeChunk(writer, 1, [], rows)
    return writer.take()
  }
  const formats = [{ hours: [undefined, 7] }, { hours }, Object.assign(Object.create(null), { n: 1 }), {}].map(
    (state) => {
      const bytes = chunkOf(state)
      expect(new ChunkReader(bytes).states()).toStrictEqual([state])
      return bytes[0]
    },
  )
  expect(formats).toEqual([1, 2, 2, 1])
  expect(chunkOf({ hours }).toString('hex')).toMatchInlineSnapshot(
    `"0201000101060201610001010d0a010605686f757273090310100407000000"`,
  )
})

test('a chunk has the bytes that it has always had', () => {
  expect(Buffer.from(chunk(1)).toString('hex')).toMatchInlineSnapshot(
    `"0101030d0604676f6e650800010702020d060161040200000002050000000000408f400000000000429f40020d0a010605746f74616c04050000000a010605746f74616c0406000000"`,
  )
})
