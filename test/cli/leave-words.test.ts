/** What is said of a worker that does not leave yet: why, and what helps. */
import { expect, test } from 'vitest'
import type { ClusterView, Mode } from '../../src/admin/cluster-view.ts'
import { clusterText } from '../../src/cli/cluster-commands.ts'

const said = (mode: Mode): string => {
  const cluster = { generation: 3, coordinator: 'w1', keyGroups: 64, workers: [], pipelines: [] }
  const view: ClusterView = { worker: 'w2', shared: true, mode, waitsFor: ['orders'], ...cluster }
  return clusterText(view)
}

test('a member that leaves waits for a pipeline that does not run', () => {
  expect(said('leaving')).toContain('w2 stays until orders runs again: its journal has records of orders')
  expect(said('leaving')).toContain('`potoroo submit FILE` starts it again, `potoroo cancel orders` gives it up')
})

test('one that is no member joins first', () => {
  expect(said('starting')).toContain('w2 joins once more before it leaves: its journal has records of orders')
  expect(said('starting')).toContain('\n  `potoroo cancel orders` gives it up, with its state')
  expect(said('starting')).not.toContain('submit')
})
