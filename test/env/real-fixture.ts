/** The real world for the contract suites. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { realEnv } from '../../src/env/real/env.ts'
import type { Fixture } from './fixture.ts'

export function makeReal(): Fixture {
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
