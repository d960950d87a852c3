import { expect, test } from 'vitest'
import type { Disk, DiskError, DoneVoid } from '../../src/env/disk.ts'
import { DiskError as Failure } from '../../src/env/disk.ts'
import { Names } from '../../src/ingest/names.ts'

/** A directory whose syncs are answered by hand. */
function directory(): { readonly names: Names; answer(error: DiskError | null): void } {
  const asked: DoneVoid[] = []
  const disk = { syncDirectory: (_: string, done: DoneVoid) => asked.push(done) } as unknown as Disk
  return { names: new Names(disk, '/journal'), answer: (error) => asked.shift()!(error) }
}

const failure = new Failure('io', 'sync', '/journal', 'input/output error')

test('a name counts as durable when its directory was synced', () => {
  const { names, answer } = directory()
  const outcomes: (string | null)[] = []
  names.sync(names.mark, (error) => outcomes.push(error?.message ?? null))
  answer(null)
  expect(outcomes).toEqual([null])
})

test('a name is not believed when another sync of the directory failed since it was made', () => {
  const { names, answer } = directory()
  const outcomes: (string | null)[] = []
  const mark = names.mark
  names.sync(names.mark, () => {})
  answer(failure)
  names.sync(mark, (error) => outcomes.push(error?.message ?? null))
  answer(null)
  expect(outcomes).toEqual(['sync /journal: an earlier sync of the directory failed'])
  names.sync(names.mark, (error) => outcomes.push(error?.message ?? null))
  answer(null)
  expect(outcomes[1]).toBe(null)
})
