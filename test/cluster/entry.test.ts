import { expect, test } from 'vitest'
import { type Cluster, emptyCluster, type PipelineEntry } from '../../src/checkpoint/cluster.ts'
import { entriesOf } from '../../src/cluster/entry.ts'
import { newEntry } from '../checkpoint/entry.ts'

const member = (worker: string) => ({ worker, incarnation: `${worker}1`, address: '' })
const entry = (epoch: number | null): PipelineEntry => ({
  ...newEntry,
  highest: 9,
  base: epoch === null ? null : { epoch, generation: 1, manifest: 'm' },
})
/** b owns 1, 2 and 3 of four groups. */
const cluster = (pipelines: Record<string, number | null>): Cluster => ({
  ...emptyCluster,
  ...{ generation: 2, members: [member('a'), member('b')], owners: Uint16Array.of(0, 1, 1, 1) },
  pipelines: new Map(Object.entries(pipelines).map(([name, epoch]) => [name, entry(epoch)])),
})
const holdings = {
  owned: new Set([0, 1]),
  held: new Map([['p', 7]]),
  handed: new Map([['p', { epoch: 7, keyGroups: new Set([2]) }]]),
}

test('who has held since the base keeps what it has, adopts what was handed over, and reads the rest', () => {
  expect(entriesOf(cluster({ p: 7 }), 'b', holdings)).toEqual([
    { pipeline: 'p', base: 7, keep: [1], rollBack: [], adopt: [2], read: [3] },
  ])
})

test('where the base is another one, everything goes back to it, and what was handed over is of no use', () => {
  expect(entriesOf(cluster({ p: 8 }), 'b', holdings)).toEqual([
    { pipeline: 'p', base: 8, keep: [], rollBack: [1], adopt: [], read: [2, 3] },
  ])
})

test('each pipeline goes by itself; one without a base begins with nothing', () => {
  expect(entriesOf(cluster({ p: 7, q: 7, r: null }), 'b', holdings).slice(1)).toEqual([
    { pipeline: 'q', base: 7, keep: [], rollBack: [1], adopt: [], read: [2, 3] },
    { pipeline: 'r', base: null, keep: [], rollBack: [1], adopt: [], read: [2, 3] },
  ])
})

test('a new incarnation has nothing, and a worker that is no member gets nothing', () => {
  const nothing = { owned: new Set<number>(), held: new Map(), handed: new Map() }
  expect(entriesOf(cluster({ p: 7 }), 'a', nothing)[0]).toMatchObject({ keep: [], rollBack: [], read: [0] })
  expect(entriesOf(cluster({ p: 7 }), 'c', nothing)[0]).toMatchObject({ read: [] })
})
