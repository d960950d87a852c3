/** What `status` says of a worker that waits, to leave or for the store: why, and what helps. */
import { expect, test } from 'vitest'
import type { ClusterView, Mode } from '../../src/admin/cluster-view.ts'
import { clusterText } from '../../src/cli/cluster-commands.ts'

const said = (mode: Mode, store: ClusterView['store'] = null): string => {
  const cluster = { generation: 3, coordinator: 'w1', keyGroups: 64, workers: [], pipelines: [], store }
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

test('one that has waited for the store says for how long, and why', () => {
  expect(said('normal', { ms: 12_345, reason: 'no room' })).toContain('\nw2 has waited for the store for 12 s: no room')
  expect(said('normal')).not.toContain('store')
})
