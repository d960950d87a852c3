/** A worker whose beats come late, as from a slow disk. */
import { expect, test } from 'vitest'
import type { MemberStation } from '../../src/sim/member-station.ts'
import { counting, Town } from './town.ts'

/** As long as each write of a beat takes: longer than a beat may be silent. */
const LATE_MS = 4500

/** Beats of `station` get their name late, as long as `isSlow`. */
function delayBeats({ machine }: MemberStation, isSlow: () => boolean): void {
  const start = machine.start.bind(machine)
  machine.start = (name) => {
    const process = start(name)
    const { clock, disk } = process.env
    const rename = disk.rename.bind(disk)
    disk.rename = (from, to, done) => {
      if (to.includes('/store/beat/') && isSlow()) clock.after(LATE_MS, () => rename(from, to, done))
      else rename(from, to, done)
    }
    return process
  }
}

test('a worker whose beats come too late is not taken in, and is once they come in time', () => {
  const town = new Town(5, counting(1000, 100))
  town.start('a', 'b', 'c')
  town.settle('a b c in 1')
  town.of('a').submit()
  town.epochs(2)
  const late = town.add('d', 4)
  let slow = true
  delayBeats(late, () => slow)
  late.start()
  town.run(60_000)
  expect(town.of('a').worker!.cluster.generation).toBe(1)
  const later = town.world.drainLog().filter((line) => line.includes('seat.later'))
  expect(later.filter((line) => line.includes('its beats have not come in time for long enough'))).toHaveLength(1)
  slow = false
  expect(town.settle('a b c d in 2')).toBe('a b c d in 2')
  town.finish()
  town.expectExact(1000)
})
