/** What only Node's own timers can show. */
import { expect, test } from 'vitest'
import { RealClock } from '../../src/env/real/clock.ts'

test('a timer of a month is no overflow, of which Node would warn and fire every millisecond', async () => {
  const warnings: string[] = []
  const note = (warning: Error): void => void warnings.push(warning.name)
  process.on('warning', note)
  const clock = new RealClock()
  const month = clock.after(31 * 24 * 3600 * 1000, () => {})
  await new Promise<void>((go) => clock.after(2, go))
  month.cancel()
  process.off('warning', note)
  expect(warnings).not.toContain('TimeoutOverflowWarning')
})
