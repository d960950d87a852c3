/** What a worker shows while its state is still being read back. */
import { expect, test } from 'vitest'
import { pageAcross } from '../../src/admin/across.ts'
import type { AcrossSeams } from '../../src/admin/asking.ts'
import { ownPart } from '../../src/admin/part.ts'
import { ByteWriter } from '../../src/base/bytes.ts'
import { hashKey } from '../../src/base/hash.ts'
import { defaultLimits } from '../../src/base/limits.ts'
import { realEnv } from '../../src/env/real/env.ts'
import { encodeChunk, Rows } from '../../src/state/chunk.ts'
import { KeyedStore } from '../../src/state/keyed-store.ts'
import { Loading } from '../../src/state/loading.ts'

const { clock } = realEnv({ log: { level: 'silent' } })

test('keys that are not in a table yet are not counted as if they were not there', async () => {
  const store = new KeyedStore({ step: 'count', keyGroups: 4, shift: 30, timed: false, schemaVersion: 1 })
  const loading = new Loading({ migrate: undefined })
  for (const key of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) {
    const rows = new Rows()
    rows.keys.push(key)
    rows.states.push({ total: 1 })
    const writer = new ByteWriter()
    encodeChunk(writer, 1, [], rows)
    loading.add(hashKey(key) >>> 30, writer.take())
  }
  store.restore(loading)
  const execution = {
    plan: { pipeline: 'p', tasks: [{ kind: 'keyed', step: 'count' }] },
    stores: new Map([['count', store]]),
    term: '1.1',
    generation: { number: 1, owners: new Uint16Array(4), self: 0 },
    status: { figures: { epoch: 3 } },
  }
  const worker = { status: { holdsLease: true }, cluster: { pipelines: new Map() } }
  const pipelines = { worker, find: () => ({ execution, phase: 'running' }) }
  const seams = { pipelines, limits: defaultLimits, clock } as unknown as AcrossSeams
  const keys = async (key: string | null) => {
    const question = { pipeline: 'p', step: 'count', key, limit: 0, cursor: null, read: 'live', behind: null } as const
    return (await ownPart(seams, question, 100))!.keys
  }
  expect([await keys(null), await keys('a')]).toEqual([null, null])
  while (store.loadNext());
  expect([await keys(null), await keys('a')]).toEqual([8, 8])
})

test('who waits for a lease while the state leaves the memory is shown nothing of it, or why', async () => {
  const store = new KeyedStore({ step: 'count', keyGroups: 4, shift: 30, timed: false, schemaVersion: 1 })
  const stores = new Map([['count', store]])
  const generation = { number: 1, owners: new Uint16Array(4), self: 0 }
  const execution = { plan: { pipeline: 'p', tasks: [{ kind: 'keyed', step: 'count' }] }, stores, generation }
  const question = {
    pipeline: 'p',
    step: 'count',
    key: 'a',
    limit: 0,
    cursor: null,
    read: 'live',
    behind: null,
  } as const
  const asked = (phase: string) => {
    stores.set('count', store)
    const resident = { execution, phase: 'running' }
    const status = { holdsLease: false }
    const worker = { status, cluster: { pipelines: new Map() } }
    const pipelines = { worker, find: () => resident }
    const part = ownPart({ pipelines, limits: defaultLimits, clock } as unknown as AcrossSeams, question, 1000)
    stores.clear()
    Object.assign(resident, { phase })
    status.holdsLease = true
    return part
  }
  expect(await asked('running')).toBeNull()
  await expect(asked('failed')).rejects.toMatchObject({ code: 'E_NOT_RUNNING' })
})

test('a page of large states ends after about a megabyte, and the next one goes on behind it', async () => {
  const store = new KeyedStore({ step: 'count', keyGroups: 4, shift: 30, timed: false, schemaVersion: 1 })
  const all = Array.from({ length: 100 }, (_, i) => `key-${i}`)
  const loading = new Loading({ migrate: undefined })
  for (const key of all) {
    const rows = new Rows()
    rows.keys.push(key)
    rows.states.push({ text: 'x'.repeat(100_000) })
    const writer = new ByteWriter()
    encodeChunk(writer, 1, [], rows)
    loading.add(hashKey(key) >>> 30, writer.take())
  }
  store.restore(loading)
  while (store.loadNext());
  const execution = {
    plan: { pipeline: 'p', tasks: [{ kind: 'keyed', step: 'count' }] },
    stores: new Map([['count', store]]),
    term: '1.1',
    generation: { number: 1, owners: new Uint16Array(4), self: 0 },
    status: { figures: { epoch: 3 } },
  }
  const cluster = { pipelines: new Map(), generation: 1, members: [{ worker: 'w1' }], owners: new Uint16Array(4) }
  const worker = { name: 'w1', status: { holdsLease: true }, cluster }
  const pipelines = { worker, find: () => ({ execution, phase: 'running' }) }
  const seams = { pipelines, limits: defaultLimits, clock } as unknown as AcrossSeams
  const question = {
    pipeline: 'p',
    step: 'count',
    key: null,
    limit: 1000,
    read: 'live',
    after: null,
    ms: 1000,
  } as const
  const found: unknown[] = []
  for (let cursor: string | null = null, pages = 0; pages === 0 || cursor !== null; pages++) {
    const page = await pageAcross(seams, { ...question, cursor })
    expect(JSON.stringify(page).length).toBeLessThan(1_200_000)
    expect(page.found.length).toBeGreaterThan(0)
    found.push(...page.found.map(({ key }) => key))
    cursor = page.next
  }
  expect(found.toSorted()).toEqual(all.toSorted())
})
