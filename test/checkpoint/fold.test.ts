/** What the chain's records mean (G1-G4). */
import { describe, expect, test } from 'vitest'
import { type Cluster, emptyCluster } from '../../src/checkpoint/cluster.ts'
import { fold } from '../../src/checkpoint/fold.ts'
import type { RecordBody } from '../../src/checkpoint/record.ts'

const generation = (g: number, bases: [string, number][] = []): RecordBody => ({
  ...{ kind: 'generation', generation: g, coordinator: `c${g}`, members: [], splits: null, bases },
  owners: new Uint16Array(2),
})
const epoch = (g: number, e: number, pipeline = 'p'): RecordBody => ({
  ...{ kind: 'epoch', generation: g, pipeline, epoch: e, manifest: `${e}-${g}` },
})
const floor = (g: number, value: number): RecordBody => ({ kind: 'floor', generation: g, pipeline: 'p', floor: value })
const submit = (g: number, hash: string | null, pipeline = 'p', from: string | null = null): RecordBody => ({
  ...{ kind: 'submit', generation: g, pipeline, hash, parameters: null, from },
})

/** Folds `bodies`; answers the cluster and which of them counted. */
function run(bodies: readonly RecordBody[]): { cluster: Cluster; counted: boolean[] } {
  let cluster = emptyCluster
  const counted: boolean[] = []
  for (const body of bodies) {
    const stamp = { n: cluster.next, writer: 'w', incarnation: 'i', nonce: 'x' }
    const step = fold(cluster, { ...stamp, ...body })
    cluster = step.cluster
    counted.push(step.counts)
  }
  return { cluster, counted }
}

const epochsOf = (cluster: Cluster) => cluster.pipelines.get('p')?.epochs.map((entry) => entry.epoch)
const begin = [generation(1), submit(1, 'h')]

describe('the fold', () => {
  test('G1: an epoch of an older generation does not count, wherever it lands', () => {
    const { cluster, counted } = run([...begin, epoch(1, 1), generation(2), epoch(1, 2), epoch(2, 2)])
    expect(counted).toEqual([true, true, true, true, false, true])
    expect(cluster.pipelines.get('p')!.epochs.at(-1)).toMatchObject({ epoch: 2, generation: 2 })
  })

  test('G1: of two records of one generation the first counts, and none that leaves one out', () => {
    expect(run([generation(1), generation(1), generation(3)]).counted).toEqual([true, false, false])
  })

  test('G2: the base of a generation is the last epoch before its own record', () => {
    const { cluster } = run([...begin, epoch(1, 1), epoch(1, 2), generation(2), epoch(2, 3)])
    expect(cluster.pipelines.get('p')!.base).toMatchObject({ epoch: 2 })
  })

  test('G2: an older base that a generation names makes those after it void, for good', () => {
    const { cluster, counted } = run([
      ...begin,
      epoch(1, 1),
      epoch(1, 2),
      epoch(1, 3),
      generation(2, [['p', 1]]),
      generation(3),
    ])
    expect(counted.at(-1)).toBe(true)
    expect(epochsOf(cluster)).toEqual([1])
    expect(cluster.pipelines.get('p')!.base).toMatchObject({ epoch: 1 })
  })

  test('G2: an older base below the floor does not count', () => {
    const life = [...begin, epoch(1, 1), epoch(1, 2), epoch(1, 3), floor(1, 2), generation(2, [['p', 1]])]
    const { cluster, counted } = run(life)
    expect(counted.at(-1)).toBe(false)
    expect(cluster.generation).toBe(1)
  })

  test('G3: numbers of epochs rise, also over void ones', () => {
    const life = [...begin, epoch(1, 1), epoch(1, 2), generation(2, [['p', 1]]), epoch(2, 2), epoch(2, 3)]
    const { cluster, counted } = run(life)
    expect(counted.slice(-2)).toEqual([false, true])
    expect(epochsOf(cluster)).toEqual([1, 3])
  })

  test('G4: a floor rises up to the last epoch but one, and forgets what lies below', () => {
    const { cluster, counted } = run([
      ...begin,
      epoch(1, 1),
      epoch(1, 2),
      epoch(1, 5),
      floor(1, 5),
      floor(1, 2),
      floor(1, 1),
    ])
    expect(counted.slice(-3)).toEqual([false, true, false])
    expect(epochsOf(cluster)).toEqual([2, 5])
  })

  test('pipelines come, change their program, go, and come anew as another run', () => {
    const { cluster, counted } = run([
      ...begin,
      epoch(1, 1),
      submit(1, 'h2'),
      epoch(1, 1, 'q'),
      submit(1, 'h', 'q', 'savepoint'),
    ])
    expect(counted).toEqual([true, true, true, true, false, true])
    expect(cluster.pipelines.get('p')).toMatchObject({ hash: 'h2', run: 1, highest: 1 })
    expect(cluster.pipelines.get('q')).toMatchObject({ run: 5, from: 'savepoint', epochs: [] })
    const anew = run([...begin, epoch(1, 1), submit(1, null), submit(1, 'h')])
    expect(anew.cluster.pipelines.get('p')).toMatchObject({ run: 4, epochs: [], highest: 0 })
  })
})
