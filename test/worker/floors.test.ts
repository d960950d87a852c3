/** The floors of pipelines whose epochs come about at once. */
import { expect, test } from 'vitest'
import { defaultLimits } from '../../src/base/limits.ts'
import type { MakeRecord } from '../../src/checkpoint/chain-writer.ts'
import { type Cluster, emptyCluster } from '../../src/checkpoint/cluster.ts'
import { fold } from '../../src/checkpoint/fold.ts'
import type { Store } from '../../src/checkpoint/store.ts'
import { type FloorSeams, Floors } from '../../src/worker/seat/floors.ts'
import { newEntry } from '../checkpoint/entry.ts'

const names = ['a', 'b', 'c']

/** Floors of `names`, each with four epochs, whose appends wait in `appends`. */
function scene() {
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
  const change = { holding: false }
  const seams = { limits, cluster: () => cluster, append, crowds: () => false, holding: () => change.holding }
  const floors = new Floors(seams as unknown as FloorSeams)
  const settle = (): void => {
    while (appends.length > 0) {
      expect(appends).toHaveLength(1)
      appends.shift()!()
    }
  }
  return { floors, change, settle, cluster: () => cluster }
}

test('each pipeline has its floor, one after the other, also where all have their epochs while one is being raised', () => {
  const { floors, settle, cluster } = scene()
  for (const name of [...names, ...names]) floors.raise(name)
  settle()
  expect(names.map((name) => cluster().pipelines.get(name)!.floor)).toEqual([3, 3, 3])
  expect(cluster().next).toBe(3)
})

test('F4: none is asked for while all hold for a change of owners; the next epoch asks again', () => {
  const { floors, change, settle, cluster } = scene()
  change.holding = true
  floors.raise('a')
  settle()
  expect(cluster().next).toBe(0)
  change.holding = false
  floors.raise('a')
  settle()
  expect(cluster().pipelines.get('a')!.floor).toBe(3)
})

test('F3: what a run has left that is over goes with the next floor after anything that may have ended one', () => {
  const limits = { chainEra: 1000, storeParallel: 1, horizonEpochs: 2 }
  const packs = 'pipelines/over/0000000001/packs'
  const lying = new Set<string>()
  const store = {
    list: (path, done) => {
      const names = path === 'pipelines' ? ['over'] : path === 'pipelines/over' ? ['0000000001'] : []
      done(null, path === packs ? [...lying] : names)
    },
    remove: (path, done) => {
      lying.delete(path.slice(packs.length + 1))
      done(null)
    },
    removeFolder: (_, done) => done(null),
  } as Store
  const cluster: Cluster = { ...emptyCluster, next: 9, pipelines: new Map([['a', newEntry]]) }
  const named = { forget: () => {}, of: () => null } as unknown as FloorSeams['named']
  const floors = new Floors({
    store,
    limits,
    named,
    cluster: () => cluster,
    crowds: () => false,
  } as unknown as FloorSeams)
  const left = (pack: string): readonly string[] => {
    lying.add(pack)
    floors.sweep('a', cluster)
    return [...lying]
  }
  // Whoever comes to coordinate does not know.
  expect(left('one')).toEqual([])
  expect(left('two')).toEqual(['two'])
  floors.mayHaveEnded()
  expect(left('three')).toEqual([])
})

test('F2: the names of the chain are listed once, however many eras come', () => {
  const listed: string[] = []
  const store = {
    list: (path, done) => {
      listed.push(path)
      done(null, [])
    },
    read: (_, done) => done(null, null),
    remove: (_, done) => done(null),
  } as Store
  const cluster: Cluster = { ...emptyCluster, pipelines: new Map([['a', newEntry]]) }
  const floors = new Floors({
    store,
    limits: { ...defaultLimits, chainEra: 4 },
    named: { forget: () => {}, of: () => null } as unknown as FloorSeams['named'],
    cluster: () => cluster,
    crowds: () => false,
    append: () => {},
    holding: () => false,
  })
  for (let next = 9; next < 50; next += 2) floors.sweep('a', { ...cluster, next })
  expect(listed.filter((path) => path === 'chain')).toHaveLength(1)
})

test('what workers have left half written that are no members goes with the second era that finds it', () => {
  const limits = { chainEra: 10, storeParallel: 1, horizonEpochs: 2 }
  const lying = new Set(['gone.i.1', 'w.i.2'])
  const store = {
    list: (path, done) => done(null, path === 'tmp' ? [...lying] : []),
    read: (_, done) => done(null, null),
    remove: (path, done) => {
      lying.delete(path.slice('tmp/'.length))
      done(null)
    },
  } as Partial<Store>
  const floors = new Floors({ limits, store } as unknown as FloorSeams)
  const members = [{ worker: 'w', incarnation: 'i', address: '' }]
  const sweepAt = (next: number): readonly string[] => {
    floors.sweep('p', { ...emptyCluster, next, members })
    return [...lying]
  }
  expect(sweepAt(5)).toHaveLength(2)
  // Somebody who is to join writes.
  lying.add('new.j.3')
  expect(sweepAt(6)).toHaveLength(3)
  expect(sweepAt(15)).toEqual(['w.i.2', 'new.j.3'])
  expect(sweepAt(25)).toEqual(['w.i.2'])
})
