/** A worker that its links reach and heartbeats do not, as where a firewall lets one port through and no other. */
import { expect, test } from 'vitest'
import { counting, Town } from './town.ts'

/** From here on are the ports that are given out where none is asked for, as for heartbeats. */
const FREE_PORTS = 49_152

test('who is reached by links alone is not taken in, and is once heartbeats reach it', () => {
  const town = new Town(5, counting(2000, 100))
  const { network } = town.world
  const dial = network.dial.bind(network)
  let blocked = true
  network.dial = (life, to, handler) => {
    const isDeaf = blocked && to.host === 'd' && to.port >= FREE_PORTS
    return dial(life, isDeaf ? { ...to, host: 'nowhere' } : to, handler)
  }
  town.start('a', 'b', 'c')
  town.settle('a b c in 1')
  town.of('a').submit()
  town.epochs(2)
  town.add('d', 4).start()
  town.run(20_000)
  // Each time that it was taken in, and given up again, would be two more.
  expect(town.of('a').worker!.cluster.generation).toBe(1)
  const later = town.world.drainLog().filter((line) => line.includes('seat.later'))
  expect(later).toEqual([expect.stringContaining('it does not hear every member, or is not heard by all')])
  blocked = false
  expect(town.settle('a b c d in 2')).toBe('a b c d in 2')
  town.finish()
  town.expectExact(2000)
})
