/** What `list` makes of the answers of several workers. */
import { expect, test } from 'vitest'
import type { PipelineSummary } from '../../src/admin/view.ts'
import { acrossWorkers } from '../../src/cli/list.ts'

const counts = { keys: 10, recordsIn: 20, deadLetters: 1, failures: 2 }
const row = (pipeline: string, changes: Partial<PipelineSummary> = {}): PipelineSummary => ({
  ...{ pipeline, phase: 'running', held: null, hash: 'abc', epoch: 3, error: null, ...counts },
  ...changes,
})

test('what each worker has of a pipeline is added up, and pipelines stand in the order of their names', () => {
  const first = [row('p10'), row('p2', { epoch: 7, held: 'no lease' })]
  const all = acrossWorkers([first, [row('p2'), row('p10')], [row('p2'), row('alone')]])
  expect(all.map(({ pipeline, keys }) => [pipeline, keys])).toEqual([
    ['alone', 10],
    ['p2', 30],
    ['p10', 20],
  ])
  expect(all[1]).toEqual(
    row('p2', { held: 'no lease', epoch: 7, keys: 30, recordsIn: 60, deadLetters: 3, failures: 6 }),
  )
})

test('a pipeline that has failed on one worker is said to have failed', () => {
  const error = { code: 'E_PORT_IN_USE', message: 'port 1', remedy: 'another' } as const
  const [shown] = acrossWorkers([[row('p')], [row('p', { phase: 'failed', keys: 0, error })]])
  expect(shown).toMatchObject({ phase: 'failed', error, keys: 10 })
})
