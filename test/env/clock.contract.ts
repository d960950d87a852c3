/** What `src/env/clock.ts`, `random.ts` and `log.ts` promise, for every implementation. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Fixture } from './fixture.ts'

export function clockContract(name: string, make: () => Fixture): void {
  describe(`clock, random, log: ${name}`, () => {
    let on: Fixture
    beforeEach(() => {
      on = make()
    })
    afterEach(() => on.close())

    test('a timer fires once, not early by the clock it was set on, and not inside the call', async () => {
      const { clock } = on.env
      const late: number[] = []
      const waits = [0, 0.3, 1, 1.7, 3, 5, 10, 20]
      for (const ms of waits) {
        const start = clock.monotonic()
        clock.after(ms, () => {
          late.push(clock.monotonic() - start - ms)
          on.changed()
        })
      }
      expect(late).toEqual([])
      await on.until(() => late.length === waits.length)
      for (const ms of late) expect(ms).toBeGreaterThanOrEqual(0)
    })

    test('a cancelled timer stays silent; a fired one may be cancelled', async () => {
      const { clock } = on.env
      const fired: string[] = []
      const never = clock.after(1, () => fired.push('never'))
      const last = clock.after(8, () => {
        fired.push('last')
        on.changed()
      })
      never.cancel()
      never.cancel()
      await on.until(() => fired.length > 0)
      last.cancel()
      expect(fired).toEqual(['last'])
    })

    test('a month fits a timer', async () => {
      const { clock } = on.env
      let fired = 0
      const month = clock.after(31 * 24 * 3600 * 1000, () => fired++)
      let short = false
      clock.after(5, () => {
        short = true
        on.changed()
      })
      await on.until(() => short)
      expect(fired).toBe(0)
      month.cancel()
    })

    test('soon comes in order, after the call', async () => {
      const { clock } = on.env
      const order: number[] = []
      for (let i = 0; i < 3; i++) {
        clock.soon(() => {
          order.push(i)
          on.changed()
        })
      }
      expect(order).toEqual([])
      await on.until(() => order.length === 3)
      expect(order).toEqual([0, 1, 2])
    })

    test('monotonic time never goes back; wall time is in this century', () => {
      const { clock } = on.env
      let last = clock.monotonic()
      for (let i = 0; i < 1000; i++) {
        const next = clock.monotonic()
        expect(next).toBeGreaterThanOrEqual(last)
        last = next
      }
      expect(clock.now()).toBeGreaterThan(Date.UTC(2023))
      expect(Number.isInteger(clock.now())).toBe(true)
    })

    test('random numbers are in range and differ', () => {
      const { random } = on.env
      const seen = new Set<number>()
      for (let i = 0; i < 200; i++) {
        const word = random.u32()
        expect(Number.isInteger(word) && word >= 0 && word < 2 ** 32).toBe(true)
        seen.add(word)
        expect(random.below(7)).toBeLessThan(7)
        expect(random.below(1)).toBe(0)
      }
      expect(random.below(2 ** 32)).toBeLessThan(2 ** 32)
      expect(seen.size).toBeGreaterThan(190)
      const ids = new Set(Array.from({ length: 100 }, () => random.id()))
      expect(ids.size).toBe(100)
      for (const id of ids) expect(id).toMatch(/^[0-9a-f]{16}$/)
    })

    test('the log takes every level, with and without fields', () => {
      const { log } = on.env
      log.debug('started')
      log.info('started', { worker: 'a', epoch: 3 })
      log.warn('slow', { ms: 1.5, last: null })
      log.error('broken', { fatal: false, why: undefined })
    })
  })
}
