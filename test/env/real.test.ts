/** The real world keeps the contracts of the seams. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { realEnv } from '../../src/env/real/env.ts'
import { clockContract } from './clock.contract.ts'
import { diskContract } from './disk.contract.ts'
import type { Fixture } from './fixture.ts'
import { networkContract } from './network.contract.ts'

function make(): Fixture {
  const folder = mkdtempSync(join(tmpdir(), 'potoroo-env-'))
  let waiting: { condition: () => boolean; go: () => void }[] = []
  return {
    env: realEnv({ log: { level: 'debug', write: () => {} } }),
    folder,
    until(condition) {
      if (condition()) return Promise.resolve()
      return new Promise((go) => waiting.push({ condition, go }))
    },
    changed() {
      const met = waiting.filter(({ condition }) => condition())
      waiting = waiting.filter((one) => !met.includes(one))
      for (const { go } of met) go()
    },
    close: () => rmSync(folder, { recursive: true }),
  }
}

clockContract('real', make)
diskContract('real', make)
networkContract('real', make)
