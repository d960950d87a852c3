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

test.each([31, 32, 33])(
  'the only member of a cluster keeps its seat, and the newcomer of its name ends (%i)',
  (seed) => {
    const town = new Town(seed, counting(2000, 200))
    town.start('a')
    town.settle('a in 1')
    town.of('a').submit()
    town.epochs(2)
    town.run((seed * 377) % 1000)
    const began = town.world.now
    const twin = town.add('twin', 1, 'a')
    twin.start()
    town.until(() => ended(town).length > 0, SOON_MS)
    twin.lose()
    expect(ended(town)).toEqual(['twin'])
    expect(town.world.now - began).toBeLessThan(SOON_MS)
    expect(town.standing).toBe('a in 1')
    twin.fell.length = 0
    town.finish()
    town.expectExact(2000)
  },
)

test('the only member is back at once where its process has ended, and soon where its machine is gone', () => {
  const town = new Town(41, counting(2000, 200))
  town.start('a')
  town.settle('a in 1')
  town.of('a').submit()
  town.epochs(2)
  town.of('a').kill()
  town.of('a').start()
  expect(town.settle('a in 2', 500)).toBe('a in 2')
  const elsewhere = town.add('elsewhere', 1, 'a')
  town.world.network.cut('a', 'elsewhere')
  town.of('a').lose()
  elsewhere.start()
  expect(town.settle('a in 3', 5000)).toBe('a in 3')
  town.finish()
  town.expectExact(2000)
})
