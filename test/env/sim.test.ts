/** The simulated world keeps the contracts of the seams, in fair weather and in the weathers that a contract allows. */
import { Prng } from '../../src/base/prng.ts'
import { calm, drawWeather, type Weather } from '../../src/sim/weather.ts'
import { World } from '../../src/sim/world.ts'
import { clockContract } from './clock.contract.ts'
import { diskContract } from './disk.contract.ts'
import type { Fixture } from './fixture.ts'
import { httpContract } from './http.contract.ts'
import { networkContract } from './network.contract.ts'

/** Long after everything in a test must have happened. */
const LATE_MS = 3_600_000

function maker(weather: Weather, seed: number): () => Fixture {
  return () => {
    const world = new World(seed, weather)
    const { env } = world.machine('m').start('test')
    let ready = false
    env.disk.makeDirectory('/test', () => (ready = true))
    world.runUntil(() => ready, LATE_MS)
    return {
      env,
      folder: '/test',
      async until(condition) {
        if (!world.runUntil(condition, LATE_MS)) throw new Error('it never happens')
      },
      changed() {},
      close() {},
    }
  }
}

/** The weather of `seed`, without what a contract does not allow. */
function fairWeather(seed: number): Weather {
  const drawn = drawWeather(new Prng(seed), false)
  return { ...drawn, network: { ...drawn.network, resetChance: 0, refuseChance: 0, timeoutMs: 60_000 } }
}

const weathers: [string, Weather, number][] = [['simulated, calm', calm, 1]]
for (let seed = 2; seed < 10; seed++) weathers.push([`simulated, weather ${seed}`, fairWeather(seed), seed])

for (const [name, weather, seed] of weathers) {
  clockContract(name, maker(weather, seed))
  diskContract(name, maker(weather, seed))
  networkContract(name, maker(weather, seed))
  httpContract(name, maker(weather, seed))
}
