/** What only Node's own timers can show. */
import { expect, test } from 'vitest'
import { RealClock } from '../../src/env/real/clock.ts'

test.each([
  ['of a month is no overflow, of which Node would warn and fire every millisecond', 31 * 24 * 3600 * 1000],
  ['whose time is over is due at once, without a warning', -5],
])('a timer %s', async (_what, ms) => {
  const warnings: string[] = []
  const note = (warning: Error): void => void warnings.push(warning.name)
  process.on('warning', note)
  const clock = new RealClock()
  const timer = clock.after(ms, () => {})
  await new Promise<void>((go) => clock.after(2, go))
  timer.cancel()
  process.off('warning', note)
  expect(warnings).toEqual([])
})
