/**
 * Two processes under one worker's name, each on a machine of its own: one of them ends, soon, and the others hardly
 * notice.
 */
import { expect, test } from 'vitest'
import { counting, Town } from './town.ts'

/** Four beats until a process has seen another one move three times, each longer by half at most, and a look. */
const SOON_MS = 8000

const ended = ({ stations }: Town) =>
  stations.filter(({ fell }) => fell.some(({ code }) => code === 'E_WORKER_TWICE')).map(({ machine }) => machine.name)

// Whose beats come in step depends on when they begin.
test.each(Array.from({ length: 12 }, (_, i) => 1 + i))('the one that is no member ends (%i)', (seed) => {
  const town = new Town(seed, counting(4000, 500))
  town.start('a', 'b', 'c')
  town.settle('a b c in 1')
  town.of('a').submit()
  town.epochs(2)
  town.run((seed * 377) % 1000)
  const began = town.world.now
  const twin = town.add('twin', 3, 'b')
  twin.start()
  town.until(() => ended(town).length > 0, SOON_MS)
  twin.lose()
  expect(ended(town)).toEqual(['twin'])
  expect(town.world.now - began).toBeLessThan(SOON_MS)
  // The others may have taken the one for the other, and gone on without it for a moment.
  town.until(() => /^a b c in [1-4]$/.test(town.standing), 20_000)
  twin.fell.length = 0
  town.finish()
  town.expectExact(4000)
})

test('where neither is a member yet, one of them ends as soon', () => {
  const town = new Town(20)
  const twins = ['b', 'twin'].map((name) => town.add(name, 3, 'b'))
  for (const station of twins) station.start()
  town.until(() => ended(town).length > 0, SOON_MS)
  town.run(SOON_MS)
  expect(new Set(ended(town)).size).toBe(1)
})

test('who was started again in its own folder, and again, is nobody else', () => {
  const town = new Town(21)
  town.start('a', 'b', 'c')
  town.settle('a b c in 1')
  for (let i = 0; i < 6; i++) {
    town.of('b').kill()
    town.of('b').start()
    town.run(700 * i)
  }
  town.settle(`a b c in ${town.of('a').worker!.cluster.generation}`)
  expect(ended(town)).toEqual([])
})
