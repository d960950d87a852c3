/** Members that were not asked are named, a few of many. */
import { expect, test } from 'vitest'
import type { ClusterView } from '../../src/admin/cluster-view.ts'
import { missingParts } from '../../src/cli/missing-parts.ts'

const clusterOf = (members: number, guests: readonly string[] = []): ClusterView['workers'] =>
  [
    ...Array.from({ length: members }, (_, i) => ({ worker: `w${i + 1}`, member: true })),
    ...guests.map((worker) => ({ worker, member: false })),
  ] as unknown as ClusterView['workers']

const said = (workers: ClusterView['workers'], ...asked: string[]): readonly string[] =>
  missingParts(asked.map((worker) => ({ worker, workers }) as unknown as ClusterView))

test('where all members were asked nothing is said', () => {
  expect(said(clusterOf(3, ['w4']), 'w1', 'w2', 'w3')).toEqual([])
  expect(said([], 'w1')).toEqual([])
})

test('who was not asked is named', () => {
  expect(said(clusterOf(3), 'w1', 'w3')).toEqual(['', 'without the part of w2: 2 workers of 3 have been asked'])
  const one = { worker: 'w1', workers: clusterOf(2) } as unknown as ClusterView
  expect(missingParts([one], '; ask w2').at(-1)).toBe('without the part of w2: 1 worker of 2 has been asked; ask w2')
  expect(said(clusterOf(3), 'w2')).toEqual(['', 'without the part of w1, w3: 1 worker of 3 has been asked'])
})

test('of many it is said how many', () => {
  expect(said(clusterOf(64), 'w1')).toEqual([
    '',
    'without the part of w2, w3, w4, w5, w6 and 58 more: 1 worker of 64 has been asked',
  ])
})
