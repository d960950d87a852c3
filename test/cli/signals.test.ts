import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { onSignals } from '../../src/cli/signals.ts'

const kill = vi.spyOn(process, 'kill').mockImplementation(() => true)
const exit = vi.spyOn(process, 'exit').mockImplementation((() => {}) as () => never)
beforeEach(() => vi.useFakeTimers({ toFake: ['performance'] }))
afterEach(() => vi.useRealTimers())

test('a second signal ends at once, and an echo of the first does not', () => {
  const [stop, last] = [vi.fn(), vi.fn()]
  const signals = onSignals(stop, last)
  process.emit('SIGINT', 'SIGINT')
  vi.advanceTimersByTime(50)
  process.emit('SIGINT', 'SIGINT')
  expect(stop.mock.calls).toEqual([['SIGINT']])
  expect(exit).not.toHaveBeenCalled()

  vi.advanceTimersByTime(500)
  process.emit('SIGTERM', 'SIGTERM')
  expect(stop).toHaveBeenCalledOnce()
  expect(last).toHaveBeenCalledOnce()
  expect(kill).toHaveBeenCalledWith(process.pid, 'SIGTERM')
  // Where that has ended nothing.
  expect(exit).toHaveBeenCalledWith(143)
  signals.forget()
})
