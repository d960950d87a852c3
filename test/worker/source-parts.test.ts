import { expect, test } from 'vitest'
import { isOpenable, journalId, journalIds } from '../../src/worker/execution/sources/source-parts.ts'

test('a source that has begun anew is another one to journals, and what was before is not opened again', () => {
  const before = { run: 3, anew: [] }
  const since = { run: 3, anew: [{ step: 'lines', by: 7 }] }
  const [old, now] = [journalId('p', before, 'lines'), journalId('p', since, 'lines')]
  expect(old).toBe('p#3/lines')
  expect(now).not.toBe(old)
  expect([old, now].every((id) => id.startsWith(journalIds('p', 3)))).toBe(true)
  expect([isOpenable(old, 'p', before), isOpenable(now, 'p', before)]).toEqual([true, false])
  expect([isOpenable(old, 'p', since), isOpenable(now, 'p', since)]).toEqual([false, true])
  expect(isOpenable(now, 'p', { ...since, run: 4 })).toBe(false)
  // Others, and steps whose names look like it, are what they are.
  for (const step of ['words', '7/lines', 'lines 7/lines']) {
    expect(journalId('p', since, step)).toBe(`p#3/${step}`)
    expect(isOpenable(`p#3/${step}`, 'p', since)).toBe(true)
  }
})
