/** What keeps a worker from its store is seen: in its log, once, and in `status`, for as long as it lasts. */
import { expect, test } from 'vitest'
import { fail } from '../../src/base/errors.ts'
import { StoreTroubles } from '../../src/worker/seat/store-trouble.ts'
import { Town } from './town.ts'

const STORE = '/shared/store'

test('a worker that has lost sight of the store says so, and that it cannot beat, until it is back', () => {
  const town = new Town(3)
  town.start('a', 'b')
  town.settle('a b in 1')
  const { machine } = town.of('a')
  const trouble = () => town.of('a').worker!.status.storeTrouble
  expect(trouble()).toBeNull()
  machine.unmount(STORE)
  town.run(6000)
  expect(trouble()).toMatchObject({ reason: expect.stringContaining('gone from where it was') })
  expect(trouble()!.ms).toBeGreaterThan(4000)
  const log = town.world.drainLog()
  const count = (code: string): number => log.filter((line) => line.includes(code)).length
  expect([count('store.away'), count('beat.waits')]).toEqual([1, 1])
  machine.mount(STORE)
  town.until(() => trouble() === null, 20_000)
  expect(town.world.drainLog().filter((line) => line.includes('store.answers'))).toHaveLength(1)
})

test('T1: a store that answers nothing is known by the time', () => {
  let nowMs = 0
  const said: unknown[] = []
  const nobody = () => {}
  const log = { debug: nobody, info: nobody, error: nobody, warn: (...line: unknown[]) => said.push(line) }
  const clock = { now: () => nowMs, monotonic: () => nowMs, soon: nobody, after: () => ({ cancel: nobody }) }
  const troubles = new StoreTroubles({ clock, log }, 5000)
  nowMs = 5000
  expect(troubles.worst).toBeNull()
  nowMs = 9000
  expect(troubles.worst).toEqual({ ms: 9000, reason: 'it does not answer' })
  troubles.answered()
  expect(troubles.worst).toBeNull()
  const full = fail('E_STORE', { operation: 'write', path: 'chain/7', reason: 'no room' })
  troubles.begin('append', full)
  nowMs = 12_000
  troubles.begin('read', fail('E_STORE', { operation: 'read', path: 'chain/8', reason: 'denied' }))
  troubles.begin('append', full)
  // The one that has lasted for longest.
  expect(troubles.worst).toEqual({ ms: 3000, reason: full.message })
  troubles.end('append', 3100)
  troubles.forget('read')
  troubles.end('read')
  troubles.answered()
  expect(troubles.worst).toBeNull()
  expect(said.map((line) => (line as [string])[0])).toEqual(['chain.waits', 'store.away', 'chain.appended'])
})
