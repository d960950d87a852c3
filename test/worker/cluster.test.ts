/**
 * Several workers on simulated machines with one store, in calm weather: they come to one generation after every change
 * of who is there.
 */
import { describe, expect, test } from 'vitest'
import { counting, Town } from './town.ts'

test('workers of a new cluster come to one generation', () => {
  const town = new Town(1)
  town.start('a', 'b', 'c')
  expect(town.settle('a b c in 1')).toBe('a b c in 1')
  const owners = town.of('a').worker!.cluster.owners
  expect([0, 1, 2].map((member) => owners.filter((owner) => owner === member).length).toSorted()).toEqual([5, 5, 6])
})

test('survivors go on without one that was killed, and take it in when it is back', () => {
  const town = new Town(2)
  town.start('a', 'b', 'c')
  town.settle('a b c in 1')
  const killedMs = town.world.now
  town.of('b').kill()
  expect(town.settle('a c in 2')).toBe('a c in 2')
  // Nobody listens there any more: that is evidence, and no silence is waited for.
  expect(town.world.now - killedMs).toBeLessThan(1500)
  town.of('b').start()
  expect(town.settle('a b c in 3')).toBe('a b c in 3')
})

test('a coordinator that comes back at once does not resume', () => {
  const ways = new Map<string, number>()
  for (let seed = 1; seed <= 12; seed++) {
    const town = new Town(seed)
    town.start('a', 'b', 'c')
    town.settle('a b c in 1')
    const before = town.of('a').worker!.incarnation
    town.of('a').kill()
    town.of('a').start()
    town.until(() => town.standing.startsWith('a b c in ') && town.standing !== 'a b c in 1')
    town.run(5000)
    const { standing } = town
    ways.set(standing, (ways.get(standing) ?? 0) + 1)
    const [a] = town.of('b').worker!.cluster.members.filter(({ worker }) => worker === 'a')
    expect(a!.incarnation).not.toBe(before)
  }
  // The others go on without it and let it join, or hear it before they propose: nothing rests on which.
  expect([...ways.keys()].toSorted()).toEqual(['a b c in 2', 'a b c in 3'])
})

test('all workers are killed, and all come back to one generation', () => {
  const town = new Town(4)
  town.start('a', 'b', 'c')
  town.settle('a b c in 1')
  for (const station of town.stations) station.kill()
  town.world.run(town.world.now + 5000)
  for (const station of town.stations) station.start()
  expect(town.settle('a b c in 2')).toBe('a b c in 2')
})

test('a worker that is cut off stops, and begins anew when the way is mended', () => {
  const town = new Town(5)
  town.start('a', 'b', 'c')
  town.settle('a b c in 1')
  const before = town.of('c').worker!.incarnation
  for (const other of ['a', 'b']) town.world.network.cut('c', other)
  town.world.run(town.world.now + 20_000)
  for (const name of ['a', 'b']) {
    expect(
      town
        .of(name)
        .worker!.cluster.members.map(({ worker }) => worker)
        .toSorted(),
    ).toEqual(['a', 'b'])
  }
  expect(town.of('c').worker!.phase).not.toBe('active')
  for (const other of ['a', 'b']) town.world.network.heal('c', other)
  expect(town.settle('a b c in 3')).toBe('a b c in 3')
  expect(town.of('c').worker!.incarnation).not.toBe(before)
  expect(town.of('c').lives).toBe(1)
})

test('a worker that has left, and one that was cut off, come back as soon as they are heard', () => {
  const town = new Town(7, counting(0, 1), { linkGraceMs: 30_000 })
  town.port = 0
  town.start('a', 'b', 'c')
  town.settle('a b c in 1')
  town.of('c').worker!.leave()
  expect(town.settle('a b in 2')).toBe('a b in 2')
  // Its last beat counts for a while, and leads to where nobody listens any more.
  town.world.run(town.world.now + 500)
  const startedMs = town.world.now
  town.of('c').start()
  expect(town.settle('a b c in 3')).toBe('a b c in 3')
  expect(town.world.now - startedMs).toBeLessThan(6000)

  for (const other of ['a', 'c']) town.world.network.cut('b', other)
  town.world.run(town.world.now + 20_000)
  for (const other of ['a', 'c']) town.world.network.heal('b', other)
  const healedMs = town.world.now
  expect(town.settle('a b c in 5')).toBe('a b c in 5')
  expect(town.world.now - healedMs).toBeLessThan(6000)
})

test('a worker joins, and another leaves with nothing left', () => {
  const town = new Town(6)
  town.start('a', 'b')
  town.settle('a b in 1')
  town.start('c')
  expect(town.settle('a b c in 2')).toBe('a b c in 2')
  town.of('a').worker!.leave()
  // What it owns goes with its seat.
  expect(town.settle('b c in 3')).toBe('b c in 3')
  expect(town.of('a')).toMatchObject({ left: true, fell: [] })
  expect(town.of('b').worker!.cluster.coordinator).not.toBe('a')
})

test('workers that miss a change of owners come with the next one, as who they are', () => {
  const town = new Town(8)
  town.start('a', 'b')
  town.settle('a b in 1')
  town.start('d', 'e')
  town.until(() => ['d', 'e'].every((name) => town.of(name).worker!.phase === 'following'))
  const before = ['d', 'e'].map((name) => town.of(name).worker!.incarnation)
  // They stand still, as on a machine with much else to do, while the owners change without them.
  for (const name of ['d', 'e']) town.of(name).process!.stop()
  town.start('c')
  town.until(() => town.of('b').worker!.cluster.generation === 2)
  town.run(500)
  for (const name of ['d', 'e']) town.of(name).process!.continue()
  expect(town.settle('a b c d e in 3')).toBe('a b c d e in 3')
  expect(['d', 'e'].map((name) => town.of(name).worker!.incarnation)).toEqual(before)
})

describe('a pipeline on several workers', () => {
  const COUNT = 8000
  const busy = (seed: number, ...names: string[]): Town => {
    const town = new Town(seed, counting(COUNT, 500))
    town.start(...names)
    town.settle(`${names.join(' ')} in 1`)
    town.of(names[0]!).submit()
    town.epochs(3)
    return town
  }

  test('is exact', () => {
    const town = busy(11, 'a', 'b', 'c')
    town.finish()
    town.expectExact(COUNT)
    for (const station of town.stations) expect(town.resident(station)!.execution.status.keys).toBeGreaterThan(0)
  })

  test.each(['a', 'b', 'c'])('is exact through the death of %s', (name) => {
    const town = busy(12, 'a', 'b', 'c')
    town.of(name).kill()
    town.epochs(3)
    town.of(name).start()
    town.finish()
    town.expectExact(COUNT)
    expect(town.standing).toBe('a b c in 3')
  })

  test('is exact through a death and a return at once', () => {
    const town = busy(13, 'a', 'b', 'c')
    town.of('a').kill()
    town.of('a').start()
    town.finish()
    town.expectExact(COUNT)
  })

  test('is exact through the death of all', () => {
    const town = busy(14, 'a', 'b', 'c')
    for (const station of town.stations) station.kill()
    town.run(1000)
    for (const station of town.stations) station.start()
    town.finish()
    town.expectExact(COUNT)
  })

  test('is exact where one is cut off for a while', () => {
    const town = busy(15, 'a', 'b', 'c')
    for (const other of ['a', 'b']) town.world.network.cut('c', other)
    town.run(10_000)
    for (const other of ['a', 'b']) town.world.network.heal('c', other)
    town.finish()
    town.expectExact(COUNT)
  })

  // Longer than the links' grace: what was on the way between the two is gone, also where both are back at once.
  test.each([3400, 6000])('is exact where two do not reach each other for %i ms', (ms) => {
    const town = busy(17, 'a', 'b', 'c')
    const { generation } = town.of('c').worker!.cluster
    town.world.network.cut('a', 'b')
    town.world.network.reset('a', 'b')
    town.run(ms)
    town.world.network.heal('a', 'b')
    town.finish()
    town.expectExact(COUNT)
    expect(town.of('c').worker!.cluster.generation).toBeGreaterThan(generation)
  })

  test('is exact where one joins and one leaves', () => {
    const town = busy(16, 'a', 'b')
    town.start('c')
    expect(town.settle('a b c in 2')).toBe('a b c in 2')
    town.epochs(3)
    expect(town.resident(town.of('c'))!.execution.status.keys).toBeGreaterThan(0)
    town.of('a').worker!.leave()
    expect(town.settle('b c in 3')).toBe('b c in 3')
    town.finish()
    town.expectExact(COUNT)
    expect(town.of('a').left).toBe(true)
  })

  test('stays drained through deaths, a newcomer and the death of all, until it is submitted again', () => {
    const town = busy(18, 'a', 'b', 'c')
    expect(town.drain('b')).toBe(null)
    const { epoch } = town
    town.until(() => town.drained)
    town.of('b').kill()
    expect(town.settle('a c in 2')).toBe('a c in 2')
    town.start('d')
    expect(town.settle('a c d in 3')).toBe('a c d in 3')
    town.run(2000)
    expect([town.epoch, town.drained]).toEqual([epoch, true])
    for (const station of town.stations) station.kill()
    for (const station of town.stations) station.start()
    town.until(() => town.live.length === 4 && town.live.every(({ worker }) => worker!.phase === 'active'))
    town.run(2000)
    expect([town.epoch, town.drained]).toEqual([epoch, true])
    town.of('d').submit()
    town.finish()
    town.expectExact(COUNT)
  })

  test.each(['a', 'b', 'c'])('has shown all that it has put out once it is drained, whoever is asked (%s)', (name) => {
    const town = busy(21, 'a', 'b', 'c')
    expect(town.drain(name)).toBe(null)
    town.until(() => town.drained)
    town.run(1000)
    expect(town.pending).toEqual([])
  })

  test.each(['at once', 'behind its barrier'])('is drained for all who ask, the second %s', (when) => {
    const town = busy(23, 'a', 'b', 'c')
    const answers: (string | null)[] = []
    const [first, second] = ['b', 'c'].map((name) => town.resident(town.of(name))!.execution)
    for (const execution of [first!, second!]) {
      execution.drain(5000, true, (failure) => answers.push(failure))
      if (when !== 'at once') town.until(() => second!.status.heldBy !== null)
    }
    town.until(() => answers.length === 2)
    expect(answers).toEqual([null, null])
    town.run(1000)
    expect(town.pending).toEqual([])
  })

  test('is drained for who asks when it has ended on the coordinator, and has not read so', () => {
    const town = busy(25, 'a', 'b', 'c')
    const [a, b, c] = ['a', 'b', 'c'].map((name) => town.resident(town.of(name))!)
    expect(town.live[0]!.worker!.cluster.coordinator).toBe('a')
    const answers: (string | null)[] = []
    b!.execution.drain(5000, true, (failure) => answers.push(failure))
    town.until(() => a!.phase === 'draining')
    expect(c!.phase).not.toBe('draining')
    a!.execution.close()
    c!.execution.drain(5000, true, (failure) => answers.push(failure))
    town.until(() => answers.length === 2)
    expect(answers).toEqual([null, null])
  })

  test('lets nothing in while it drains, whatever change of owners is given up', () => {
    const town = busy(24, 'a', 'b', 'c')
    const [asked, other] = ['b', 'c'].map((name) => town.resident(town.of(name))!.execution)
    asked!.drain(5000, true, () => {})
    town.until(() => other!.status.heldBy !== null)
    for (const execution of [asked!, other!]) {
      execution.resume()
      expect(execution.status.heldBy).toBe('the pipeline drains')
    }
  })

  test.each([0, 30, 60, 90, 120, 200])(
    'is drained, or goes on, where the coordinator dies %i ms after it was to drain',
    (ms) => {
      const town = busy(19, 'a', 'b', 'c')
      town.resident(town.of('b'))!.execution.drain(5000, true, () => {})
      town.run(ms)
      town.of('a').kill()
      town.settle('b c in 2')
      town.run(2000)
      const [b, c] = ['b', 'c'].map((name) => town.resident(town.of(name))!.phase)
      expect(b).toBe(c)
      if (b === 'drained') town.of('b').submit()
      town.finish()
      town.expectExact(COUNT)
    },
  )
})
