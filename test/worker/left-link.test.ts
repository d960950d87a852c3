/** What the others' logs say of the link with a worker that has left. */
import { expect, test } from 'vitest'
import { defaultLimits } from '../../src/base/limits.ts'
import { counting, Town } from './town.ts'

test('the log has no warning that a worker which has left cannot be reached', () => {
  const town = new Town(7, counting(1000, 10))
  town.start('a', 'b', 'c')
  town.settle('a b c in 1')
  town.of('a').submit()
  town.epochs(2)
  town.of('c').worker!.leave()
  town.settle('a b in 2')
  town.run(defaultLimits.linkStartMs + 20_000)
  const lost = town.world.drainLog().filter((line) => line.includes('link.lost'))
  expect(lost).toHaveLength(2)
  for (const line of lost) expect(line).toMatch(/ info +link\.lost peer=c error=E_LINK_ABSENT /)
})
