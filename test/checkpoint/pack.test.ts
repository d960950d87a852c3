/** Packs: what was added is read back, and whatever happens to the file is found and named. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fail, type PotorooError } from '../../src/base/errors.ts'
import type { Limits } from '../../src/base/limits.ts'
import { type Damage, describeDamage, type Examined } from '../../src/checkpoint/damage.ts'
import type { FileStore } from '../../src/checkpoint/file-store.ts'
import type { ChunkKind, PackChunk, PackHandle } from '../../src/checkpoint/pack-format.ts'
import { openPack, readChunks } from '../../src/checkpoint/pack-reader.ts'
import { PackBlocks, PackWriter } from '../../src/checkpoint/pack-writer.ts'
import type { Store } from '../../src/checkpoint/store.ts'
import type { DiskWeather } from '../../src/sim/weather.ts'
import { Sim } from './fixture.ts'

const PATH = 'pipelines/p/1/packs/1-1-i-w'

interface Item {
  readonly step: string
  readonly keyGroup: number
  readonly kind: ChunkKind
  readonly bytes: Buffer
}

class Bench extends Sim {
  readonly store: FileStore
  /** Of all packs. */
  private readonly blocks: PackBlocks
  constructor(limits: Partial<Limits> = {}, disk: Partial<DiskWeather> = {}) {
    super(1, disk, limits)
    this.store = this.open()
    this.blocks = new PackBlocks(this.limits)
  }

  writer(path = PATH, onReady: () => void = () => {}): PackWriter {
    return new PackWriter({ store: this.store, clock: this.clock, limits: this.limits }, path, onReady, this.blocks)
  }

  write(items: readonly Item[], path = PATH): PackHandle {
    const writer = this.writer(path)
    for (const { step, keyGroup, kind, bytes } of items) writer.add(step, keyGroup, kind, bytes)
    return this.value<PackHandle | null>((done) => writer.finish(done))!
  }

  openPack(handle: PackHandle): Examined<readonly PackChunk[]> {
    return this.await((report) => openPack(this.store, handle, report))
  }

  readChunks(
    path: string,
    chunks: readonly PackChunk[],
  ): { bytes: Map<PackChunk, Buffer>; damages: readonly Damage[] } {
    const bytes = new Map<PackChunk, Buffer>()
    const damages = this.await<readonly Damage[]>((done) =>
      readChunks(this, path, chunks, (chunk, part) => bytes.set(chunk, part), done),
    )
    return { bytes, damages }
  }

  /** Puts `bytes` in the place of the file at `path`. */
  replace(path: string, bytes: Buffer): void {
    this.end((done) => this.store.put(path, bytes, done))
  }
}

const items: readonly Item[] = [
  { step: 'count', keyGroup: 3, kind: 'delta', bytes: Buffer.from('three') },
  { step: 'count', keyGroup: 4, kind: 'full', bytes: Buffer.alloc(0) },
  { step: 'größe', keyGroup: 1023, kind: 'delta', bytes: Buffer.from('x') },
  { step: 'lines', keyGroup: 0, kind: 'rows', bytes: Buffer.from('{"rows":[]}') },
]

describe('a pack', () => {
  test('is looked at by two reads at once, of its beginning and of its end', () => {
    const asked: number[] = []
    const store = { readRange: (_: string, position: number) => asked.push(position) } as unknown as Store
    openPack(store, { path: 'p', bytes: 200_000, crc: 1 } as PackHandle, () => {})
    expect(asked).toEqual([0, 200_000 - (64 << 10)])
  })

  const item = fc.record({
    step: fc.string({ minLength: 1, maxLength: 8, unit: 'grapheme' }),
    keyGroup: fc.nat(65_535),
    kind: fc.constantFrom<ChunkKind>('delta', 'full', 'rows'),
    bytes: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  })

  test('is not touched by the packs that are written beside it and after it with its blocks', () => {
    fc.assert(
      fc.property(fc.array(item, { minLength: 1, maxLength: 40 }), fc.integer({ min: 16, max: 300 }), (added, size) => {
        const bench = new Bench({ packWriteBytes: size, packQueueBytes: 2 * size })
        const [given, kept, later] = ['1-1-i-w', '2-1-i-w', '3-1-i-w'].map((name) => `pipelines/p/1/packs/${name}`)
        const writers = [bench.writer(given), bench.writer(kept)] as const
        for (const { step, keyGroup, kind, bytes } of added) {
          for (const writer of writers) writer.add(step, keyGroup, kind, bytes)
        }
        // Given up while its blocks are under way.
        writers[0].abort()
        const handle = bench.value<PackHandle | null>((done) => writers[1].finish(done))!
        const other = bench.write([{ step: 's', keyGroup: 1, kind: 'full', bytes: Buffer.alloc(3000, 'x') }], later)
        for (const pack of [handle, other]) expect(bench.openPack(pack).kind).toBe('intact')
        const found = bench.openPack(handle)
        if (found.kind !== 'intact') return
        const { bytes, damages } = bench.readChunks(kept!, found.value)
        expect(damages).toEqual([])
        expect(found.value.map((chunk) => bytes.get(chunk))).toEqual(added.map((one) => one.bytes))
      }),
      { numRuns: 100 },
    )
  })

  test('holds what was added, in that order, whatever the sizes of writes and reads', () => {
    fc.assert(
      fc.property(fc.array(item, { minLength: 1, maxLength: 40 }), fc.integer({ min: 16, max: 700 }), (added, size) => {
        const bench = new Bench({ packWriteBytes: size, packQueueBytes: 2 * size })
        const handle = bench.write(added)
        const opened = bench.openPack(handle)
        if (opened.kind !== 'intact') throw new Error(opened.kind)
        const { bytes, damages } = bench.readChunks(PATH, opened.value)
        expect(damages).toEqual([])
        const found = opened.value.map((chunk) => {
          const { step, keyGroup, kind } = chunk
          return { step, keyGroup, kind, bytes: bytes.get(chunk)! }
        })
        expect(found).toEqual(added)
      }),
      { numRuns: 60 },
    )
  })

  test('with a long index is read by its end', () => {
    const bench = new Bench()
    const many = Array.from({ length: 9000 }, (_, i) => ({ ...items[0]!, keyGroup: i }))
    const handle = bench.write(many)
    const opened = bench.openPack(handle)
    expect(opened.kind === 'intact' && opened.value.length).toBe(9000)
    const bytes = Buffer.from(bench.read(bench.store, PATH)!)
    bytes[3]! ^= 1
    bench.replace(PATH, bytes)
    expect(bench.openPack(handle)).toMatchObject({ damage: { reason: 'it does not begin as a pack does' } })
  })

  test('that nothing was added to leaves no file', () => {
    const bench = new Bench()
    expect(bench.value((done) => bench.writer().finish(done))).toBeNull()
    expect(bench.read(bench.store, PATH)).toBeNull()
  })

  test('that is given up leaves no file, whenever that is', () => {
    for (let ms = 0; ms < 8; ms += 0.1) {
      const bench = new Bench({ packWriteBytes: 64, packQueueBytes: 128 }, { jitterMs: 1 })
      const writer = bench.writer()
      for (let i = 0; i < 10; i++) writer.add('s', i, 'delta', Buffer.alloc(50))
      bench.world.run(bench.world.now + ms)
      writer.abort()
      bench.world.run(bench.world.now + 1000)
      expect(bench.read(bench.store, PATH)).toBeNull()
    }
  })

  test('whose disk fails says so, takes what is added without keeping it, and leaves no file', () => {
    const bench = new Bench({ packWriteBytes: 64, packQueueBytes: 128 })
    const writer = bench.writer()
    writer.add('s', 0, 'delta', Buffer.alloc(100))
    bench.world.run(bench.world.now + 50)
    bench.machine.volume.capacityBytes = 0
    for (let i = 0; i < 10; i++) {
      writer.add('s', i, 'delta', Buffer.alloc(100))
      bench.world.run(bench.world.now + 50)
    }
    const error = bench.await<PotorooError | null>((report) => writer.finish((failed) => report(failed)))
    expect(error?.code).toBe('E_STORE')
    expect(bench.read(bench.store, PATH)).toBeNull()
  })

  test('P4: whose disk fails while somebody waits to add more lets that go on', () => {
    let ready = 0
    const bench = new Bench({ packWriteBytes: 64, packQueueBytes: 128 })
    const writer = bench.writer(PATH, () => ready++)
    bench.machine.volume.capacityBytes = 0
    for (let i = 0; writer.ready; i++) writer.add('s', i, 'delta', Buffer.alloc(100))
    bench.world.run(bench.world.now + 50)
    expect([writer.ready, ready]).toEqual([true, 1])
    const error = bench.await<PotorooError | null>((report) => writer.finish((failed) => report(failed)))
    expect(error?.code).toBe('E_STORE')
  })

  test('what is left in a block that is not full stops nobody, however few blocks may wait', () => {
    let ready = 0
    const bench = new Bench({ packWriteBytes: 1000, packQueueBytes: 1000 })
    const writer = bench.writer(PATH, () => ready++)
    writer.add('s', 0, 'delta', Buffer.alloc(1700))
    expect(writer.ready).toBe(false)
    bench.world.run(bench.world.now + 1000)
    expect([writer.ready, ready]).toEqual([true, 1])
  })

  test('is written at no more than its rate, and asks for a pause when too much waits', () => {
    let ready = 0
    const bench = new Bench({ packWriteBytes: 1000, packQueueBytes: 4000, packBytesPerSecond: 100_000 })
    const writer = bench.writer(PATH, () => ready++)
    const start = bench.world.now
    for (let i = 0; i < 20; i++) writer.add('s', i, 'delta', Buffer.alloc(1000))
    expect(writer.ready).toBe(false)
    bench.world.runUntil(() => ready > 0, start + 10_000)
    expect(writer.ready).toBe(true)
    bench.value((done) => writer.finish(done))
    // 20,000 bytes at 100 a millisecond.
    expect(bench.world.now - start).toBeGreaterThan(195)
    expect(bench.world.now - start).toBeLessThan(260)
    expect(ready).toBe(1)
  })
})

describe('damage', () => {
  test('of any byte is found, by file or by chunk, and no wrong byte is believed', () => {
    const bench = new Bench()
    const handle = bench.write(items)
    const whole = bench.read(bench.store, PATH)!
    for (let at = 0; at < whole.length; at++) {
      for (const mask of [1, 0x80, 0xff]) {
        const bytes = Buffer.from(whole)
        bytes[at]! ^= mask
        bench.replace(PATH, bytes)
        const opened = bench.openPack(handle)
        const damages = opened.kind === 'damaged' ? [opened.damage] : []
        if (opened.kind === 'intact') damages.push(...bench.readChunks(PATH, opened.value).damages)
        expect(damages, `byte ${at}`).toHaveLength(1)
        expect(damages[0]!.path).toBe(PATH)
      }
    }
  })

  test('by a cut at any place, or by more bytes, is found', () => {
    const bench = new Bench()
    const handle = bench.write(items)
    const whole = bench.read(bench.store, PATH)!
    for (let length = 0; length < whole.length; length++) {
      bench.replace(PATH, whole.subarray(0, length))
      expect(bench.openPack(handle)).toMatchObject({ damage: { reason: expect.stringContaining('its length') } })
    }
    bench.replace(PATH, Buffer.concat([whole, Buffer.from('x')]))
    expect(bench.openPack(handle).kind).toBe('damaged')
  })

  test('of one chunk is named with its step and key group, and the others are read', () => {
    const bench = new Bench()
    const handle = bench.write(items)
    const whole = Buffer.from(bench.read(bench.store, PATH)!)
    const opened = bench.openPack(handle)
    if (opened.kind !== 'intact') throw new Error(opened.kind)
    whole[opened.value[2]!.position]! ^= 4
    bench.replace(PATH, whole)
    const { bytes, damages } = bench.readChunks(PATH, opened.value)
    expect(damages.map(describeDamage)).toEqual([`${PATH}, step "größe", key group 1023: its checksum does not match`])
    expect(bytes.size).toBe(3)
  })

  test('P7: what the disk does not give is asked for again, and counts as damaged then', () => {
    const bench = new Bench({ packGapBytes: 0, packWriteBytes: 11 })
    const handle = bench.write(items)
    const opened = bench.openPack(handle)
    if (opened.kind !== 'intact') throw new Error(opened.kind)
    const bad = opened.value[3]!
    let left = 2
    const store = Object.create(bench.store) as Store
    store.readRange = (path, position, length, done) => {
      const touches = position <= bad.position && bad.position < position + length && left-- > 0
      if (!touches) return bench.store.readRange(path, position, length, done)
      const error = fail('E_STORE', { operation: 'read', path, reason: 'input/output error' })
      bench.clock.soon(() => done(error, null))
    }
    const read = () => {
      const bytes = new Map<PackChunk, Buffer>()
      const { clock, limits } = bench
      const damages = bench.await<readonly Damage[]>((done) =>
        readChunks({ store, clock, limits }, PATH, opened.value, (chunk, part) => bytes.set(chunk, part), done),
      )
      return { bytes, damages }
    }
    expect(read()).toMatchObject({ damages: [], bytes: { size: 4 } })
    left = Infinity
    const { bytes, damages } = read()
    expect(damages).toMatchObject([{ path: PATH, part: { step: bad.step, keyGroup: bad.keyGroup } }])
    expect(damages[0]!.reason).toMatch('input/output error')
    expect(bytes.size).toBe(3)
  })

  test('another pack under the name, and no pack, are found', () => {
    const bench = new Bench()
    const handle = bench.write(items)
    const other = bench.write(items, 'pipelines/p/1/packs/2-1-i-w')
    bench.replace(PATH, bench.read(bench.store, other.path)!)
    expect(bench.openPack(handle)).toMatchObject({ kind: 'damaged', damage: { path: PATH } })
    expect(bench.openPack({ ...handle, path: 'packs/none' })).toMatchObject({
      damage: { path: 'packs/none', reason: 'it is absent' },
    })
  })
})
