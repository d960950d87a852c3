/** A link that is refused again and again fills no log. */
import { expect, test } from 'vitest'
import { fail } from '../../src/base/errors.ts'
import { Refusals } from '../../src/worker/seat/refusals.ts'

test('a refusal is told once, and again after a minute with the number of those between', () => {
  let nowMs = 0
  const said: unknown[] = []
  const nobody = () => {}
  const log = { debug: nobody, info: nobody, error: nobody, warn: (_: string, fields?: object) => said.push(fields) }
  const clock = { now: () => nowMs, monotonic: () => nowMs, soon: nobody, after: () => ({ cancel: nobody }) }
  const refusals = new Refusals({ clock, log })
  const wrongToken = (worker: string) => fail('E_LINK_TOKEN', { peer: worker, worker: 'me' })
  for (nowMs = 0; nowMs <= 90_000; nowMs += 500) refusals.take('w2', wrongToken('w2'))
  expect(said).toEqual([
    expect.objectContaining({ peer: 'w2', error: 'E_LINK_TOKEN', remedy: expect.stringContaining('same token') }),
    expect.objectContaining({ peer: 'w2', more: 119 }),
  ])
  refusals.take('w3', wrongToken('w3'))
  refusals.take('w2', fail('E_LINK_VERSION', {}))
  expect(said.slice(2)).toMatchObject([{ peer: 'w3' }, { error: 'E_LINK_VERSION' }])
})

test('a stranger who has another name each time, or sends no frames from another port, fills no log', () => {
  let nowMs = 0
  const said: { readonly untold?: number }[] = []
  const nobody = () => {}
  const log = {
    debug: nobody,
    info: nobody,
    error: nobody,
    warn: (_: string, fields: object = {}) => said.push(fields),
  }
  const clock = { now: () => nowMs, monotonic: () => nowMs, soon: nobody, after: () => ({ cancel: nobody }) }
  const refusals = new Refusals({ clock, log })
  for (let i = 0; i < 1000; i++) {
    refusals.damaged(`10.0.0.9:${40_000 + i}`, fail('E_FRAME_TOO_LONG', { bytes: i, limit: 1 }))
    refusals.take(`stranger-${i}`, fail('E_LINK_TOKEN', { peer: `stranger-${i}`, worker: 'me' }))
  }
  expect(said).toHaveLength(128)
  nowMs = 60_000
  for (let i = 0; i < 1000; i++) refusals.take(`other-${i}`, fail('E_LINK_TOKEN', { peer: `other-${i}`, worker: 'me' }))
  expect(said).toHaveLength(256)
  expect(said[128]!.untold).toBe(1000 - 127)
})
