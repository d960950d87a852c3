/** What `list` makes of the answers of several workers. */
import { expect, test } from 'vitest'
import type { ClusterView } from '../../src/admin/cluster-view.ts'
import type { PipelineSummary } from '../../src/admin/view.ts'
import { acrossWorkers, whoIsMissing } from '../../src/cli/list.ts'

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

test('members that were not asked are named', () => {
  const workers = ['w1', 'w2', 'w3'].map((worker) => ({ worker, member: true }))
  const told = (worker: string) => ({ cluster: { worker, workers } as unknown as ClusterView, pipelines: [] })
  expect(whoIsMissing(['w1', 'w2', 'w3'].map(told))).toEqual([])
  expect(whoIsMissing(['w1', 'w3'].map(told))).toEqual(['', 'without the part of w2: 2 workers of 3 have been asked'])
  const alone = { cluster: { worker: 'w1', workers: [] } as unknown as ClusterView, pipelines: [] }
  expect(whoIsMissing([alone])).toEqual([])
})
