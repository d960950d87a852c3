/** What is said of checkpoints whose objects are gone, given up meanwhile or damaged, or cannot be read. */
import { expect, test } from 'vitest'
import { fail } from '../../src/base/errors.ts'
import { defaultLimits } from '../../src/base/limits.ts'
import type { Store } from '../../src/checkpoint/store.ts'
import { type Checkpointed, listCheckpoints, openCheckpoint } from '../../src/worker/pipelines/checkpoints.ts'
import { type ObjectSeams, verifyObject } from '../../src/worker/pipelines/objects.ts'
import { listSavepoints } from '../../src/worker/pipelines/savepoints.ts'

/** Every object is gone. */
const store = {
  read: (_path, done) => done(null, null),
  list: (_folder, done) => done(null, []),
} as Pick<Store, 'read' | 'list'> as Store
const seams = { store, limits: defaultLimits } as ObjectSeams

const entryOf = (...epochs: number[]) =>
  ({ epochs: epochs.map((epoch) => ({ epoch, generation: 1, manifest: `m${epoch}` })) }) as never
const counted: Checkpointed = { name: 'count', entry: entryOf(1, 2), latest: async () => entryOf(2, 3) }

test('what the chain gives up while it is read is gone, and what it still names is damaged', async () => {
  expect(await listCheckpoints(seams, counted)).toMatchObject([{ epoch: 2, damage: expect.any(String) }])
  await expect(openCheckpoint(seams, counted, 1)).rejects.toMatchObject({ code: 'E_NO_CHECKPOINT' })
  expect(await openCheckpoint(seams, counted, 2)).toMatchObject({ entry: { damage: expect.any(String) } })
})

/** A store in which what `isBad` says lies on bad sectors; everything else is gone. */
const badStore = (isBad: (path: string) => boolean): ObjectSeams => {
  const error = fail('E_STORE', { operation: 'read', path: '', reason: 'a bad sector' })
  const read: Store['read'] = (path, done) => setImmediate(() => done(isBad(path) ? error : null, null))
  const some = { ...store, read, readRange: (path, _from, _length, done) => read(path, done) } as Partial<Store>
  const clock = { after: (_: number, act: () => void) => setImmediate(act) }
  return { store: some, clock, limits: defaultLimits, hurried: true } as unknown as ObjectSeams
}

test('what lies on a bad sector is damaged, and what is beside it is shown; of a store that is away nothing is said', async () => {
  const bad = badStore((path) => !path.startsWith('cluster') && path !== 'm1')
  const [first, second] = await listCheckpoints(bad, { ...counted, latest: async () => entryOf(1, 2) })
  expect([first!.damage, second!.damage]).toEqual(['it is absent', expect.stringContaining('a bad sector')])
  const pack = { kind: 'pack', path: 'p', pack: { path: 'p', bytes: 99, crc: 0 } as never } as const
  const letters = { kind: 'letters', path: 'l' } as const
  for (const object of [pack, letters]) {
    expect(await verifyObject(bad, object)).toMatchObject([{ reason: expect.stringContaining('a bad sector') }])
  }
  const away = badStore(() => true)
  await expect(listCheckpoints(away, counted)).rejects.toMatchObject({ code: 'E_STORE' })
  await expect(verifyObject(away, pack)).rejects.toMatchObject({ code: 'E_STORE' })
  const names = { ...bad, store: { ...bad.store, list: (_, done) => done(null, ['one']) } as Store }
  expect(await listSavepoints(names, 'count')).toMatchObject([{ name: 'one', hash: 'damaged' }])
})
