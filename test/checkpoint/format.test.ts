/** How small objects lie in the store: paths, envelopes, owners, records, manifests. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ByteReader } from '../../src/base/bytes.ts'
import { PotorooError } from '../../src/base/errors.ts'
import type { Json } from '../../src/base/json.ts'
import { type Cluster, clusterFromJson, clusterToJson, emptyCluster } from '../../src/checkpoint/cluster.ts'
import { seal, unseal } from '../../src/checkpoint/envelope.ts'
import * as layout from '../../src/checkpoint/layout.ts'
import {
  decodeManifest,
  encodeManifest,
  type Manifest,
  makeManifest,
  type Snapshot,
  sealManifest,
} from '../../src/checkpoint/manifest.ts'
import { decodeOwners, encodeOwners } from '../../src/checkpoint/owners.ts'
import { decodeIndex, encodeEnd, encodeIndex, type PackChunk } from '../../src/checkpoint/pack-format.ts'
import { decodeRecord, encodeRecord, type RecordBody } from '../../src/checkpoint/record.ts'
import { newEntry } from './entry.ts'

const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 })
const anyName = fc.oneof(name, fc.constantFrom('\ud800', '\ud801', 'a\udc00', '%', '%u', 'A', 'a', '.', '..', '/'))

describe('paths', () => {
  test('W1: a name comes back, and two names never share a path, also where case does not count', () => {
    fc.assert(
      fc.property(anyName, anyName, (a, b) => {
        const path = layout.escapeName(a)
        expect(layout.unescapeName(path)).toBe(a)
        expect(path).toMatch(/^[a-z0-9_%-]+$/)
        if (a !== b) expect(path.toLowerCase()).not.toBe(layout.escapeName(b).toLowerCase())
      }),
    )
    expect(layout.escapeName('../../etc')).toBe('%2e%2e%2f%2e%2e%2fetc')
    expect(() => layout.escapeName('ü'.repeat(100))).toThrow(expect.objectContaining({ code: 'E_STORE_NAME' }))
    expect(() => layout.escapeName('')).toThrow()
  })

  test('W2: byte order is the order of numbers, and the numbers come back', () => {
    const packs = [9, 10, 100, 12_345].map((epoch) => {
      return layout.pack({ pipeline: 'p', run: 1 }, { epoch, generation: 2, worker: 'w', incarnation: 'i' })
    })
    expect(packs.toSorted()).toEqual(packs)
    const names = packs.map((path) => path.slice(path.lastIndexOf('/') + 1))
    expect(names.map(layout.epochOf)).toEqual([9, 10, 100, 12_345])
    expect(layout.chainNumberOf(layout.chainRecord(77).slice('chain/'.length))).toBe(77)
    expect([layout.epochOf('notes.txt'), layout.chainNumberOf('77')]).toEqual([null, null])
  })
})

describe('an envelope', () => {
  const format = { kind: 'test', version: 2 }
  const bytes = seal(format, { a: [1, 'ü', null], b: { c: true } })

  test('gives back what was put in, as text', () => {
    expect(unseal(format, 'x', bytes)).toEqual({ kind: 'value', value: { a: [1, 'ü', null], b: { c: true } } })
    expect(bytes.toString()).toMatch(/^potoroo-test 2 \d+ [0-9a-f]{8}\n\{"a":.*\}\n$/)
  })

  test('finds every change of a bit and every cut', () => {
    for (let at = 0; at < bytes.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const changed = Buffer.from(bytes)
        changed[at]! ^= 1 << bit
        expect(unseal(format, 'x', changed).kind, `byte ${at}, bit ${bit}`).toBe('damaged')
      }
      expect(unseal(format, 'x', bytes.subarray(0, at)).kind).toBe('damaged')
    }
    expect(unseal(format, 'x', Buffer.concat([bytes, Buffer.from('\n')])).kind).toBe('damaged')
  })

  test('of another kind is damaged, of a newer version refused by name', () => {
    expect(unseal({ kind: 'other', version: 2 }, 'x', bytes).kind).toBe('damaged')
    const newer = unseal({ kind: 'test', version: 1 }, 'chain/7', bytes)
    expect(newer).toMatchObject({
      kind: 'newer',
      error: { message: expect.stringContaining('chain/7 has format version 2') },
    })
  })
})

test('owners come back from as few bits as their number needs', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), fc.array(fc.nat(), { maxLength: 200 }), (members, indices) => {
      const owners = Uint16Array.from(indices, (index) => index % members)
      const text = encodeOwners(owners, members)
      expect(decodeOwners(text, owners.length, members)).toEqual(owners)
    }),
  )
  expect(encodeOwners(new Uint16Array(1024), 1)).toBe('')
  expect(encodeOwners(new Uint16Array(1024), 3)).toHaveLength(344)
  expect(decodeOwners('AAAA', 1024, 3)).toBeNull()
  expect(decodeOwners(Buffer.from([0xff]).toString('base64'), 4, 3)).toBeNull()
})

const bodies: readonly RecordBody[] = [
  {
    ...{ kind: 'generation', generation: 3, coordinator: 'a', splits: { s: ['a'] }, bases: [['__proto__', 7]] },
    members: [
      { worker: 'a', incarnation: '1', address: 'h:1' },
      { worker: 'b', incarnation: '2', address: 'h:2' },
    ],
    owners: Uint16Array.of(0, 1, 1, 0),
  },
  { kind: 'epoch', generation: 3, pipeline: 'p', epoch: 9, manifest: 'm', drained: false },
  {
    kind: 'submit',
    generation: 3,
    pipeline: 'p',
    hash: null,
    parameters: { port: 1 },
    from: null,
    drop: [],
    places: [],
  },
  { kind: 'floor', generation: 3, pipeline: 'p', floor: 4 },
  { kind: 'epoch', generation: 3, pipeline: 'p', epoch: 10, manifest: 'm', drained: true },
  {
    kind: 'submit',
    generation: 3,
    pipeline: 'p',
    hash: 'h',
    parameters: null,
    from: 's',
    drop: ['a', 'b'],
    places: [],
  },
  {
    ...{ kind: 'submit', generation: 3, pipeline: 'p', hash: 'h', parameters: null, from: null, drop: [] },
    places: [{ step: 'out', kind: 'file', at: '/out/a' }],
  },
]
const GOLDEN_RECORD = `potoroo-record 1 121 7ae706af
{"n":12,"kind":"epoch","generation":3,"pipeline":"p","epoch":9,"manifest":"m","writer":"a","incarnation":"1","nonce":"f"}
`
const GOLDEN_INDEX =
  '046e616d650205636f756e74056c696e6573020000000300000005000000040302010100020000000007000000fcfdfeff'
const stamp = { n: 12, writer: 'a', incarnation: '1', nonce: 'f' }

describe('a record', () => {
  test.each(bodies)('of kind $kind comes back', (body) => {
    const decoded = decodeRecord('chain/12', 12, encodeRecord(body, stamp, null))
    expect(decoded).toEqual({ record: { ...body, ...stamp }, before: null, nonces: [] })
  })

  test('of a program that writes nowhere is as earlier releases wrote it', () => {
    const text = encodeRecord(bodies[2]!, stamp, null).toString().split('\n')[1]!
    expect(Object.keys(JSON.parse(text) as object)).not.toContain('places')
    expect(Object.keys(JSON.parse(text) as object)).not.toContain('drop')
  })

  test('that begins an era may be of an earlier release, which said nothing of places', () => {
    const { pipelines, ...rest } = clusterToJson({ ...emptyCluster, pipelines: new Map([['p', newEntry]]) })
    const before = pipelines.map(([name, { places: _, leaving: __, anew: ___, ...entry }]) => [name, entry] as const)
    expect(clusterFromJson({ ...rest, pipelines: before }).pipelines.get('p')).toEqual(newEntry)
  })

  test('that begins an era brings the cluster before it', () => {
    const epochs = [{ epoch: 8, generation: 2, manifest: 'm' }]
    const before: Cluster = {
      ...{ next: 12, generation: 2, coordinator: 'a', splits: null },
      members: [{ worker: 'a', incarnation: '1', address: '' }],
      owners: new Uint16Array(8),
      pipelines: new Map([['__proto__', { ...newEntry, epochs, highest: 8, floor: 5 }]]),
    }
    const decoded = decodeRecord('chain/12', 12, encodeRecord(bodies[1]!, stamp, before, ['x', 'y']))
    expect(decoded).toMatchObject({ before, nonces: ['x', 'y'] })
    expect(clusterFromJson(clusterToJson(emptyCluster))).toEqual(emptyCluster)
  })

  test('of an unknown kind or another number is named as damage', () => {
    const strange = seal({ kind: 'record', version: 1 }, { ...stamp, kind: 'party', generation: 1 })
    for (const damaged of [
      decodeRecord('chain/12', 12, strange),
      decodeRecord('chain/13', 13, encodeRecord(bodies[1]!, stamp, null)),
    ]) {
      expect(damaged).toBeInstanceOf(PotorooError)
      expect(damaged).toMatchObject({ code: 'E_STORE_DAMAGED' })
    }
  })
})

describe('a manifest', () => {
  const frame = {
    ...{ pipeline: 'p', run: 4, hash: 'h', generation: 2, keyGroups: 8, rotation: 3 },
    steps: [{ step: 'count', kind: 'keyed', schema: 1 }],
    connectors: new Map([['lines', 'a file source']]),
  }
  const snapshotOf = (epoch: number): Snapshot => ({
    pack: { path: `packs/${epoch}`, bytes: 10, crc: 1 },
    sources: [{ step: 'lines', snapshot: { position: epoch } }],
    sinks: [],
    counts: { keys: 3, records: epoch },
  })
  const following = (base: Manifest | null, epoch: number) =>
    makeManifest(
      frame,
      base,
      epoch,
      1000,
      new Map([
        ['a', snapshotOf(epoch)],
        ['b', { ...snapshotOf(epoch), pack: null }],
      ]),
    )

  test('comes back, with what all workers saved', () => {
    const manifest = following(null, 7)
    expect(decodeManifest('m', encodeManifest(manifest))).toEqual({ kind: 'intact', value: manifest })
    expect(manifest).toMatchObject({ serial: 1, base: null, counts: { keys: 6, records: 14 }, steps: [{ since: 1 }] })
    expect(manifest.sources.map(({ worker, of }) => [worker, of])).toEqual([
      ['a', 'a file source'],
      ['b', 'a file source'],
    ])
    expect(decodeManifest('m', null)).toMatchObject({ kind: 'damaged', damage: { path: 'm', reason: 'it is absent' } })
  })

  test('is the same where it is written down in slices', () => {
    const rows = Array.from({ length: 3000 }, (_, n) => [`producer-${n}\u0000é"`, 'life', n, 'a', 1, 1000, true, ''])
    const places = Object.fromEntries(rows.map(([name], n) => [name, { at: n }]))
    const odd = JSON.parse('{"__proto__":{"at":1},"7":null,"":[]}') as Json
    for (const snapshot of [
      rows,
      rows.slice(0, 128),
      rows.slice(0, 129),
      places,
      odd,
      [],
      {},
      null,
      7,
      'text',
    ] as Json[]) {
      const whole = following(null, 7)
      const [part] = whole.sources
      const manifest = {
        ...whole,
        sources: [
          { ...part!, snapshot },
          { worker: 'b', step: 'in', snapshot: [] },
        ],
      }
      const sealing = sealManifest(manifest)
      let [bytes, slices] = [sealing.step(() => false), 1]
      for (; bytes === null; slices++) bytes = sealing.step(() => false)
      expect(decodeManifest('m', bytes)).toEqual({ kind: 'intact', value: manifest })
      expect(bytes.length).toBe(encodeManifest(manifest).length)
      expect(slices > 1).toBe(snapshot === rows || snapshot === places)
    }
    const none = { ...following(null, 7), sources: [] }
    expect(sealManifest(none).step(() => false)).toEqual(encodeManifest(none))
  })

  test('M1, M2: names the packs of as many epochs as the rotation has shares, by serial and not by number', () => {
    let manifest: Manifest | null = null
    for (const epoch of [3, 10, 11, 20]) manifest = following(manifest, epoch)
    expect(manifest!.packs.map(({ epoch, serial }) => [epoch, serial])).toEqual([
      [10, 2],
      [11, 3],
      [20, 4],
    ])
    const longer = makeManifest({ ...frame, rotation: 9 }, manifest, 21, 0, new Map())
    expect(longer.rotation).toBe(3)
    const grown = makeManifest(
      { ...frame, steps: [...frame.steps, { step: 'new', kind: 'keyed', schema: 1 }] },
      manifest,
      21,
      0,
      new Map(),
    )
    expect(grown.steps.map(({ since }) => since)).toEqual([1, 5])
  })

  test('leaves out a pack whose loss every worker has made up for, and not at the word of one', () => {
    const base = following(null, 1)
    const packsAfter = (...lost: readonly (readonly string[] | undefined)[]): readonly string[] => {
      const told = lost.map((lostPacks, i): [string, Snapshot] => {
        const snapshot = { ...snapshotOf(2), pack: null }
        return [`w${i}`, lostPacks === undefined ? snapshot : { ...snapshot, lostPacks }]
      })
      return makeManifest(frame, base, 2, 1000, new Map(told)).packs.map(({ path }) => path)
    }
    expect(packsAfter(['packs/1'], ['packs/0', 'packs/1'])).toEqual([])
    for (const other of [undefined, [], ['packs/0']]) expect(packsAfter(['packs/1'], other)).toEqual(['packs/1'])
  })

  test('says of which older schema states may be left, for a turn of the rotation', () => {
    const version = (schema: number) => ({ ...frame, steps: [{ step: 'count', kind: 'keyed', schema }] })
    const versions = [1, 2, 2, 3, 3, 3, 3]
    const olders: unknown[] = []
    versions.reduce<Manifest | null>((base, schema, i) => {
      const manifest = makeManifest(version(schema), base, i + 1, 0, new Map())
      olders.push(manifest.steps[0]!.older?.schema ?? null)
      return manifest
    }, null)
    expect(olders).toEqual([null, 1, 1, 2, 2, null, null])
  })
})

describe('format version 1, byte for byte', () => {
  test('a record of the chain', () => {
    expect(encodeRecord(bodies[1]!, stamp, null).toString()).toBe(GOLDEN_RECORD)
  })

  test('the index and the end of a pack', () => {
    const chunks: readonly PackChunk[] = [
      { step: 'count', keyGroup: 3, kind: 'delta', position: 16, length: 5, crc: 0x01020304 },
      { step: 'lines', keyGroup: 0, kind: 'rows', position: 21, length: 7, crc: 0xfffefdfc },
    ]
    const index = encodeIndex('name', chunks)
    expect(index.toString('hex')).toBe(GOLDEN_INDEX)
    expect(encodeEnd(index.length, 0xa1b2c3d4).toString('hex')).toBe('31000000d4c3b2a17061636b2d656e64')
    expect(decodeIndex(new ByteReader(index), 'name', 28)).toEqual(chunks)
    expect(decodeIndex(new ByteReader(index), 'name', 29)).toBe('its index does not fit its length')
  })
})
