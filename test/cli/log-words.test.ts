/** What `up` says of its workers' logs: what is new, in words, and nothing twice. */
import { expect, test } from 'vitest'
import { sayLine } from '../../src/cli/log-words.ts'

const warning = (code: string, fields: object) => ({ level: 'warn', code, ...fields })

test('a row of abandoned checkpoints is said when it begins and when it is over', () => {
  const abandoned = [1, 2, 3].map((inARow) =>
    warning('checkpoint.abandoned', { pipeline: 'count', epoch: inARow, reason: 'w2 is late', inARow }),
  )
  const lines = [...abandoned, warning('checkpoint.recovered', { pipeline: 'count', epoch: 4, after: 3 })]
  expect(lines.map(sayLine)).toEqual([
    'checkpoint.abandoned: count: w2 is late',
    null,
    null,
    'checkpoint.recovered: count: epoch 4 is complete, after 3 that were abandoned',
  ])
})

test('a warning is said with its pipeline and its remedy, what is no warning not at all', () => {
  const fields = { pipeline: 'count', error: 'E_NO_PEER', message: 'nobody listens', remedy: 'start it' }
  expect(sayLine(warning('pipeline.warning', fields))).toBe('E_NO_PEER: count: nobody listens\n  start it')
  expect(sayLine(warning('worker.warning', { ...fields, pipeline: undefined }))).toBe(
    'E_NO_PEER: nobody listens\n  start it',
  )
  expect(sayLine({ level: 'info', code: 'seat' })).toBeNull()
  expect(sayLine(warning('link.lost', {}))).toBeNull()
})

test('a store that is away is said once, and that it is back', () => {
  const remedy = 'check that the store can be reached'
  const away = { message: 'the checkpoint store failed', remedy }
  expect(sayLine(warning('store.away', away))).toBe(`store.away: the checkpoint store failed\n  ${remedy}`)
  expect(sayLine(warning('store.answers', { ms: 4100 }))).toBe('store.answers: again, after 4100 ms')
})

test('what has failed is said with how it starts again', () => {
  const fields = { pipeline: 'count', error: 'E_PORT_IN_USE', message: 'port 7 is in use', remedy: 'free it' }
  expect(sayLine({ level: 'error', code: 'pipeline.failed', ...fields })).toBe(
    'E_PORT_IN_USE: count: port 7 is in use\n  free it\n  then `potoroo submit FILE` starts it again',
  )
})

test('of a loop that stands still it is said where, and by which calls where these are known', () => {
  const stuck = { step: 'total', key: '"a"', stack: 'at slow (p.ts:1:1)' }
  expect(sayLine(warning('worker.stuck', stuck))).toBe('is stuck in step "total", key "a"\nat slow (p.ts:1:1)')
  expect(sayLine(warning('worker.stuck', { ...stuck, step: null, stack: '' }))).toBe('is stuck outside of any step')
})
