/** How long it takes to look through the journals of those who were in a cluster once, and what is told of it. */
import { expect, test } from 'vitest'
import { type Disk, DiskError } from '../../src/env/disk.ts'
import { SealedJournals } from '../../src/ingest/sealed.ts'
import { calm } from '../../src/sim/weather.ts'
import { World } from '../../src/sim/world.ts'

/** What a server takes for one answer. */
const ANSWER_MS = 1

test('a thousand folders are read several at a time, and one that cannot be read is told of once, and waited for', () => {
  const world = new World(1, calm)
  const { clock } = world.machine('m').start('m').env
  let away = false
  const disk = {
    list: (path: string, done: (error: DiskError | null, names: readonly string[]) => void) => {
      const error = away && path === '/all/w7' ? new DiskError('io', 'list', path, 'EIO') : null
      clock.after(ANSWER_MS, () => done(error, []))
    },
  } as unknown as Disk
  const told: string[] = []
  const sealed = new SealedJournals({
    ...{ disk, clock, worker: 'me', incarnation: 'now', beside: null, earlier: () => {} },
    seals: { seal: (_, __, done) => clock.soon(() => done(null)), isSealed: (done) => done(null, false) },
    failed: ({ message }) => told.push(message),
  })
  const reach = Array.from({ length: 1000 }, (_, i) => {
    return { worker: `w${i}`, directory: `/all/w${i}`, incarnations: [], since: 0 }
  })
  const took = (forMs: number): number => {
    const began = world.now
    let over = false
    sealed.begin(reach)
    sealed.whenRead(() => {
      over = true
    })
    world.runUntil(() => over, began + forMs)
    return over ? world.now - began : Infinity
  }
  expect(took(10_000)).toBeLessThan(200)
  away = true
  expect(took(10_000)).toBe(Infinity)
  expect(told).toHaveLength(1)
  away = false
  world.run(world.now + 1000)
  let read = false
  sealed.whenRead(() => {
    read = true
  })
  expect(read).toBe(true)
})
