/**
 * A worker that leaves has nothing left (`src/worker/seat/clearance.ts`):
 * - doors close, what has come in enters, and an epoch of each pipeline covers it; one that fails is asked for again
 * - a pipeline that begins meanwhile closes its doors as well, and is waited for
 * - one that ends meanwhile is not
 */
import { expect, test } from 'vitest'
import { Clearance } from '../../src/worker/seat/clearance.ts'

class FakeExecution {
  open = true
  caughtUp = true
  asked: ((failure: string | null) => void)[] = []

  closeDoors(): void {
    this.open = false
  }

  request(_: unknown, done: (failure: string | null) => void): void {
    this.asked.push(done)
  }

  answer(failure: string | null = null): void {
    for (const done of this.asked.splice(0)) done(failure)
  }
}

test('a worker that leaves is clear once all has entered and an epoch of each pipeline covers it', () => {
  const [one, two] = [new FakeExecution(), new FakeExecution()]
  const clearance = new Clearance()
  two.caughtUp = false
  expect(clearance.advance([one, two])).toBe(false)
  expect([one.open, two.open, one.asked.length]).toEqual([false, false, 0])
  two.caughtUp = true
  expect(clearance.advance([one, two])).toBe(false)
  one.answer()
  two.answer('late')
  expect(clearance.advance([one, two])).toBe(false)
  one.answer()
  expect(clearance.advance([one, two])).toBe(false)
  two.answer()
  expect(clearance.advance([one, two])).toBe(true)
})

test('a worker that leaves waits for a pipeline that begins meanwhile, whose doors stay closed', () => {
  const [one, fresh] = [new FakeExecution(), new FakeExecution()]
  const clearance = new Clearance()
  clearance.advance([one])
  clearance.close(fresh)
  expect(fresh.open).toBe(false)
  one.answer()
  fresh.caughtUp = false
  expect(clearance.advance([one, fresh])).toBe(false)
  fresh.caughtUp = true
  expect(clearance.advance([one, fresh])).toBe(false)
  one.answer()
  fresh.answer()
  expect(clearance.advance([one, fresh])).toBe(true)
  const last = new FakeExecution()
  expect(clearance.advance([one, fresh, last])).toBe(false)
  expect(last.open).toBe(false)
})

test('a worker that leaves does not wait for a pipeline that ends meanwhile', () => {
  const [one, ended] = [new FakeExecution(), new FakeExecution()]
  const clearance = new Clearance()
  ended.caughtUp = false
  clearance.advance([one, ended])
  clearance.advance([one])
  one.answer()
  expect(clearance.advance([one])).toBe(true)
  const again = new Clearance()
  ended.caughtUp = true
  again.advance([one, ended])
  one.answer()
  ended.answer('the pipeline is not running')
  again.advance([one])
  one.answer()
  expect(again.advance([one])).toBe(true)
})
