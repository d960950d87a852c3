import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  formersAfter,
  grantOf,
  holdsLease,
  noFormers,
  noLease,
  renewLease,
  speaksAt,
  takeGrant,
  withoutFormer,
} from '../../src/cluster/leases.ts'

const settings = { leaseMs: 2000, marginMs: 300 }
const member = (incarnation: string) => ({ worker: `w${incarnation}`, incarnation, address: '' })

test('a lease runs from its request, and never gets shorter by an answer that comes late', () => {
  const lease = renewLease(renewLease(noLease, 1000, settings), 400, settings)
  expect(lease).toBe(3000)
  expect([2999, 3000].map((nowMs) => holdsLease(lease, nowMs))).toEqual([true, false])
  expect(holdsLease(noLease, 0)).toBe(false)
})

test('a worker’s lease never outlasts the coordinator’s, whatever the ways take and however the clocks are set', () => {
  const delay = fc.integer({ min: 0, max: 5000 })
  fc.assert(
    fc.property(delay, delay, delay, fc.integer(), (renewedMs, askMs, wayMs, offsetMs) => {
      const lease = renewLease(noLease, renewedMs, settings)
      const granted = grantOf(lease, askMs + wayMs)
      const own = takeGrant(noLease, askMs + offsetMs, granted)
      if (granted === 0) expect(own).toBe(noLease)
      else expect(own - offsetMs).toBeLessThanOrEqual(lease)
    }),
  )
})

test('what cannot be fenced speaks at once where no former is left, else when the last one’s time has passed', () => {
  let formers = formersAfter(noFormers, [member('a'), member('b'), member('c')], false, 'a', 1000, settings)
  expect(speaksAt(formers)).toBe(3300)
  formers = withoutFormer(formers, 'b')
  expect(speaksAt(formers)).toBe(3300)
  formers = formersAfter(formers, [member('a'), member('b')], false, 'a', 2000, settings)
  expect([...formers]).toEqual([
    ['c', 3300],
    ['b', 4300],
  ])
  expect(speaksAt(withoutFormer(formers, 'b'))).toBe(3300)
  expect(speaksAt(withoutFormer(withoutFormer(formers, 'b'), 'c'))).toBe(Number.NEGATIVE_INFINITY)
  expect([...formersAfter(formers, [], false, 'a', 4000, settings).keys()]).toEqual(['b'])
})

test('records that were missed may have had members that nobody knows: their time is waited for', () => {
  expect(speaksAt(formersAfter(noFormers, [], true, 'a', 1000, settings))).toBe(3300)
})
