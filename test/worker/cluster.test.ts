/**
 * Several workers on simulated machines with one store, in calm weather: they come to one generation after every change of
 * who is there.
 */
import { expect, test } from 'vitest'
import { type Limits, makeLimits } from '../../src/base/limits.ts'
import { MemberStation, memberMachine } from '../../src/sim/member-station.ts'
import type { Volume } from '../../src/sim/volume.ts'
import { World } from '../../src/sim/world.ts'

class Town {
  readonly world: World
  readonly volume: Volume
  readonly stations: MemberStation[] = []
  private readonly limits: Limits

  constructor(seed: number, changes: Partial<Limits> = {}) {
    this.world = new World(seed)
    this.volume = this.world.volume('shared')
    this.limits = makeLimits({ keyGroups: 16, ...changes })
  }

  start(...names: string[]): void {
    for (const name of names) {
      const machine = memberMachine(this.world, name, this.volume)
      const options = { limits: this.limits, expected: names.length, restartMs: 300 }
      this.stations.push(new MemberStation(machine, options))
      this.of(name).start()
    }
  }

  of(name: string): MemberStation {
    return this.stations.find((station) => station.name === name)!
  }

  /** Those that are at work, and in which generation: `a b c in 3`, when they agree. */
  get standing(): string {
    const live = this.stations.filter(({ worker }) => worker !== null)
    const names = live.map(({ name }) => name).join(' ')
    const said = live.map(({ worker, name }) => {
      const { generation, members } = worker!.cluster
      const works = worker!.phase === 'active' || worker!.phase === 'leaving'
      const all = members.map((member) => member.worker).toSorted()
      return works && all.includes(name) ? `${all.join(' ')} in ${generation}` : `${name} ${worker!.phase}`
    })
    return new Set(said).size === 1 ? said[0]! : `${names}: ${said.join(', ')}`
  }

  /** Waits until all that live stand so; answers what they say in the end. */
  settle(standing: string, ms = 20_000): string {
    const { world } = this
    world.runUntil(() => this.standing === standing, world.now + ms)
    return this.standing
  }
}

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
  const town = new Town(3)
  town.start('a', 'b', 'c')
  town.settle('a b c in 1')
  const before = town.of('a').worker!.incarnation
  town.of('a').kill()
  town.of('a').start()
  expect(town.settle('a b c in 2')).toBe('a b c in 2')
  const [a] = town.of('b').worker!.cluster.members.filter(({ worker }) => worker === 'a')
  expect(a!.incarnation).not.toBe(before)
})

test('all are killed, and all come back', () => {
  const town = new Town(4)
  town.start('a', 'b', 'c')
  town.settle('a b c in 1')
  for (const station of town.stations) station.kill()
  town.world.run(town.world.now + 5000)
  for (const station of town.stations) station.start()
  expect(town.settle('a b c in 2')).toBe('a b c in 2')
})

test('one that is cut off stops, and begins anew when the way is mended', () => {
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

test('a worker joins, and another leaves with nothing left', () => {
  const town = new Town(6)
  town.start('a', 'b')
  town.settle('a b in 1')
  town.start('c')
  expect(town.settle('a b c in 2')).toBe('a b c in 2')
  town.of('a').worker!.leave()
  // It gives away what it owns, then its seat.
  expect(town.settle('b c in 4')).toBe('b c in 4')
  expect(town.of('a')).toMatchObject({ left: true, fell: [] })
  expect(town.of('b').worker!.cluster.coordinator).not.toBe('a')
})
