/** Workers between which one port is open and another is not, as where a firewall knows of one of them. */
import { expect, test } from 'vitest'
import { counting, Town } from './town.ts'

/** From here on are the ports that are given out where none is asked for, as for heartbeats. */
const FREE_PORTS = 49_152

/** What is dialled where `isDead` says so gets no answer. */
function deaden({ world }: Town, isDead: (from: string, to: string, port: number) => boolean): void {
  const { network } = world
  const dial = network.dial.bind(network)
  world.machine('nowhere')
  network.dial = (life, to, handler) => {
    if (!isDead(life.host, to.host, to.port)) return dial(life, to, handler)
    network.cut(life.host, 'nowhere')
    return dial(life, { ...to, host: 'nowhere' }, handler)
  }
}

function started(town: Town): void {
  town.start('a', 'b', 'c')
  town.settle('a b c in 1')
  town.of('a').submit()
  town.epochs(2)
}

test('a worker that is reached by links alone is not taken in, and is once heartbeats reach it', () => {
  const town = new Town(5, counting(1000, 100))
  let blocked = true
  deaden(town, (_, to, port) => blocked && to === 'd' && port >= FREE_PORTS)
  started(town)
  town.add('d', 4).start()
  town.run(20_000)
  // Each time that it was taken in, and given up again, would be two more.
  expect(town.of('a').worker!.cluster.generation).toBe(1)
  const later = town.world.drainLog().filter((line) => line.includes('seat.later'))
  expect(later).toEqual([expect.stringContaining('it does not hear every member, or is not heard by all')])
  blocked = false
  expect(town.settle('a b c d in 2')).toBe('a b c d in 2')
  town.finish()
  town.expectExact(1000)
})

test('of two that are reached by heartbeats alone one goes, and comes back with the links', () => {
  const town = new Town(6, counting(1000, 100))
  let blocked = false
  const between = (a: string, b: string): boolean => [a, b].toSorted().join() === 'a,c'
  deaden(town, (from, to, port) => blocked && between(from, to) && port < FREE_PORTS)
  started(town)
  blocked = true
  // The way is gone without a word: both systems believe in their connections.
  const { connections } = town.world.network as unknown as {
    connections: Set<{ life: { host: string }; peerHost: string; remote: string; silence(): void }>
  }
  for (const one of connections) {
    if (one.remote.endsWith(`:${town.port}`) && between(one.life.host, one.peerHost)) one.silence()
  }
  town.until(() => town.of('a').worker!.cluster.generation === 2, 20_000)
  town.epochs(3)
  expect(town.of('a').worker!.cluster.members.map(({ worker }) => worker)).toEqual(['a', 'b'])
  blocked = false
  expect(town.settle('a b c in 3')).toBe('a b c in 3')
  town.finish()
  town.expectExact(1000)
})
