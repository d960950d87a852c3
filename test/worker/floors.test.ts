/** The floors of pipelines whose epochs come about at once. */
import { expect, test } from 'vitest'
import type { MakeRecord } from '../../src/checkpoint/chain-writer.ts'
import { type Cluster, emptyCluster } from '../../src/checkpoint/cluster.ts'
import { fold } from '../../src/checkpoint/fold.ts'
import { type FloorSeams, Floors } from '../../src/worker/seat/floors.ts'
import { newEntry } from '../checkpoint/entry.ts'

const names = ['a', 'b', 'c']

test('each pipeline has its floor, one after the other, also where all have their epochs while one is being raised', () => {
  const epochs = [1, 2, 3, 4].map((epoch) => ({ epoch, generation: 0, manifest: `m${epoch}` }))
  let cluster: Cluster = { ...emptyCluster, pipelines: new Map(names.map((name) => [name, { ...newEntry, epochs }])) }
  const appends: (() => void)[] = []
  const append = (make: MakeRecord, done: () => void): void => {
    appends.push(() => {
      const stamp = { n: cluster.next, writer: 'w', incarnation: 'i', nonce: 'n' }
      cluster = fold(cluster, { ...make(cluster)!, ...stamp }).cluster
      done()
    })
  }
  const limits = { horizonEpochs: 2 }
  const floors = new Floors({ limits, cluster: () => cluster, append, crowds: () => false } as unknown as FloorSeams)
  for (const name of [...names, ...names]) floors.raise(name)
  while (appends.length > 0) {
    expect(appends).toHaveLength(1)
    appends.shift()!()
  }
  expect(names.map((name) => cluster.pipelines.get(name)!.floor)).toEqual([3, 3, 3])
  expect(cluster.next).toBe(3)
})
