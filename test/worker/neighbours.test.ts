/** The links of an incarnation, and their end. */
import { expect, test, vi } from 'vitest'
import { makeLimits } from '../../src/base/limits.ts'
import { emptyCluster } from '../../src/checkpoint/cluster.ts'
import { calm } from '../../src/sim/weather.ts'
import { World } from '../../src/sim/world.ts'
import { Neighbours } from '../../src/worker/seat/neighbours.ts'

test('an incarnation that has ended calls nobody, whatever is read of generations and beats meanwhile', () => {
  const world = new World(1, calm)
  const { env } = world.machine('a').start('a')
  const dial = vi.spyOn(env.network, 'dial')
  const identity = { cluster: 'c', token: 't', worker: 'a', incarnation: 'a-1', build: '' }
  const ignore = (): void => {}
  const events = { control: ignore, hint: ignore, evidence: ignore, refused: ignore, damaged: ignore }
  const neighbours = new Neighbours(env, identity, makeLimits({}), events)
  const other = { worker: 'b', incarnation: 'b-1', address: 'b:1' }
  neighbours.close()
  neighbours.begin({ ...emptyCluster, generation: 2, members: [other], coordinator: 'b' }, [])
  neighbours.meet([{ ...other, heartbeats: 'b:2', counter: 1, hears: [] }])
  world.run(5000)
  expect(dial).not.toHaveBeenCalled()
})
