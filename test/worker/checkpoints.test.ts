/** What is said of checkpoints whose objects are gone: given up meanwhile, or damaged. */
import { expect, test } from 'vitest'
import { defaultLimits } from '../../src/base/limits.ts'
import type { Store } from '../../src/checkpoint/store.ts'
import { type Checkpointed, listCheckpoints, openCheckpoint } from '../../src/worker/pipelines/checkpoints.ts'
import type { ObjectSeams } from '../../src/worker/pipelines/objects.ts'

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
