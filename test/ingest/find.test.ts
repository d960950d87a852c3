/** Which segments lie in a folder that others reach, who may trim it meanwhile. */
import { expect, test } from 'vitest'
import type { Disk, Done } from '../../src/env/disk.ts'
import { findSegments } from '../../src/ingest/find.ts'
import { World } from '../../src/sim/world.ts'

test('a segment that is gone by the time that it is opened is none', () => {
  const world = new World(1)
  const { disk } = world.machine('a').start('a').env
  const [gone, stays] = ['0000000001-0.aa.1.journal', '0000000002-0.aa.1.journal'] as const
  disk.makeDirectory('/journal', () => {})
  world.run(100)
  disk.open(`/journal/${stays}`, 'create', (_, file) => file.close(() => {}))
  world.run(200)
  const listed: Disk = Object.create(disk, {
    list: {
      value: (path: string, done: Done<readonly string[]>) =>
        disk.list(path, (error, names) => done(error, [gone, ...names])),
    },
  })
  let found: readonly string[] | null = null
  findSegments(listed, '/journal', (error, segments) => {
    expect(error).toBeNull()
    found = segments.map(({ path }) => path)
  })
  world.run(1000)
  expect(found).toEqual([`/journal/${stays}`])
})
