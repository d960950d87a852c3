/** What the chain's records mean (G1-G6). */
import { describe, expect, test } from 'vitest'
import { type Cluster, droppedSteps, emptyCluster } from '../../src/checkpoint/cluster.ts'
import { fold, placesOf } from '../../src/checkpoint/fold.ts'
import type { RecordBody } from '../../src/checkpoint/record.ts'

const generation = (g: number, bases: [string, number][] = []): RecordBody => ({
  ...{ kind: 'generation', generation: g, coordinator: `c${g}`, members: [], splits: null, bases },
  owners: new Uint16Array(2),
})
const epoch = (g: number, e: number, pipeline = 'p'): RecordBody => ({
  ...{ kind: 'epoch', generation: g, pipeline, epoch: e, manifest: `${e}-${g}`, drained: false },
})
const floor = (g: number, value: number): RecordBody => ({ kind: 'floor', generation: g, pipeline: 'p', floor: value })
const submit = (g: number, hash: string | null, pipeline = 'p', from: string | null = null): RecordBody => ({
  ...{ kind: 'submit', generation: g, pipeline, hash, parameters: null, from, drop: [], places: [] },
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

  test('G1: a record that leaves some out counts where it follows the last one', () => {
    const skip = (after: number): RecordBody => ({ ...generation(7), after }) as RecordBody
    expect(run([generation(1), skip(2), skip(1), generation(8)]).counted).toEqual([true, false, true, true])
    expect(run([generation(8), skip(8)]).counted).toEqual([false, false])
  })

  test('G3: behind a generation that leaves some out an epoch is void that nobody knows', () => {
    const { cluster } = run([...begin, epoch(1, 4), { ...generation(9), after: 1 } as RecordBody])
    expect(cluster.pipelines.get('p')).toMatchObject({ highest: 5, base: { epoch: 4 } })
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

  test('G5: behind the epoch that a pipeline was drained with none counts, until it is submitted again', () => {
    const last: RecordBody = { ...epoch(1, 2), drained: true } as RecordBody
    const drained = run([...begin, epoch(1, 1), last, epoch(1, 3), generation(2), epoch(2, 4)])
    expect(drained.counted).toEqual([true, true, true, true, false, true, false])
    expect(drained.cluster.pipelines.get('p')).toMatchObject({ drained: true, base: { epoch: 2 }, submitted: 1 })
    const again = run([...begin, last, generation(2), submit(2, 'h'), epoch(2, 3)])
    expect(again.counted).not.toContain(false)
    expect(again.cluster.pipelines.get('p')).toMatchObject({ drained: false, run: 1, submitted: 4, highest: 3 })
  })

  test('G6: a dropped step is dropped from what the program before has made, and from nothing that comes after', () => {
    const of = (workers: readonly string[], g: number): RecordBody => {
      const members = workers.map((worker) => ({ worker, incarnation: worker, address: `${worker}:1` }))
      return { ...generation(g), members } as RecordBody
    }
    const pair = (g: number) => of(['a', 'b'], g)
    const dropped = (bodies: readonly RecordBody[]) => [...droppedSteps(run(bodies).cluster.pipelines.get('p')!)]
    const dropping = { ...submit(1, 'h2'), drop: ['s'] } as RecordBody
    // Alone, the other program ends before.
    const alone = [...begin, epoch(1, 1), dropping]
    expect(dropped(alone)).toEqual(['s'])
    expect(dropped([...alone, generation(2)])).toEqual(['s'])
    expect(dropped([...alone, epoch(1, 2)])).toEqual([])
    // In a cluster it goes on to the next generation, also where one member is left.
    const left = [of(['a'], 1), submit(1, 'h'), epoch(1, 1), dropping, epoch(1, 2)]
    expect(dropped([...left, of(['a'], 2)])).toEqual(['s'])
    expect(dropped([...left, of(['a'], 2), epoch(2, 3)])).toEqual([])
    const several = [pair(1), submit(1, 'h'), epoch(1, 1), dropping, epoch(1, 2)]
    expect(dropped([...several, pair(2)])).toEqual(['s'])
    expect(dropped([...several, pair(2), epoch(2, 3)])).toEqual([])
    expect(dropped([...several, pair(2), epoch(2, 3), pair(3)])).toEqual([])
    // Damage leads back behind the change.
    expect(dropped([...several, pair(2), epoch(2, 3), { ...pair(3), bases: [['p', 2]] } as RecordBody])).toEqual(['s'])
    // One that is drained makes no more.
    const over = { ...epoch(1, 2), drained: true } as RecordBody
    expect(dropped([pair(1), submit(1, 'h'), over, dropping, epoch(1, 3), pair(2)])).toEqual([])
  })

  test('G7: a dropped step begins anew with the record by which another program takes its place', () => {
    const pair = (g: number): RecordBody => {
      const members = ['a', 'b'].map((worker) => ({ worker, incarnation: worker, address: `${worker}:1` }))
      return { ...generation(g), members } as RecordBody
    }
    const began = (bodies: readonly RecordBody[]) => run(bodies).cluster.pipelines.get('p')!.anew
    const dropping = (g: number, ...drop: string[]) => ({ ...submit(g, 'h2'), drop }) as RecordBody
    // Alone, with the program itself.
    expect(began([...begin, dropping(1, 's', 's')])).toEqual([{ step: 's', by: 2 }])
    // In a cluster, with the next generation.
    const several = [pair(1), submit(1, 'h'), epoch(1, 1), dropping(1, 's', 't')]
    expect(began(several)).toEqual([])
    const next = [...several, pair(2), epoch(2, 2)]
    expect(began(next)).toEqual([
      { step: 's', by: 4 },
      { step: 't', by: 4 },
    ])
    expect(began([...next, pair(3)])).toEqual(began(next))
    expect(began([...next, dropping(2, 's'), pair(3)])).toEqual([
      { step: 't', by: 4 },
      { step: 's', by: 7 },
    ])
  })

  test('G8: a pipeline has the places of its program, and those of the one before until the next generation', () => {
    const of = (g: number, address: string): RecordBody => {
      return { ...generation(g), members: [{ worker: 'a', incarnation: 'a', address }] } as RecordBody
    }
    const writing = (...at: readonly string[]) => {
      const places = at.map((one) => ({ step: 'out', kind: 'file', at: one }))
      return { ...submit(1, `to ${at}`), places } as RecordBody
    }
    const places = (bodies: readonly RecordBody[]) => {
      return placesOf(run(bodies).cluster.pipelines.get('p')!).map(({ at }) => at)
    }
    const last = { ...epoch(1, 1), drained: true } as RecordBody
    // Alone, the other program ends before.
    expect(places([of(1, ''), writing('x', 'y'), writing('y', 'z')])).toEqual(['y', 'z'])
    // In a cluster it goes on to the next generation; what it shows when it is drained may take as long.
    const several = [of(1, 'a:1'), writing('x', 'y'), writing('y', 'z')]
    expect(places(several)).toEqual(['x', 'y', 'z'])
    expect(places([...several, writing('w')])).toEqual(['x', 'y', 'z', 'w'])
    expect(places([...several, writing('w'), of(2, 'a:1')])).toEqual(['w'])
    expect(places([of(1, 'a:1'), writing('x'), last])).toEqual(['x'])
    expect(places([of(1, 'a:1'), writing('x'), last, of(2, 'a:1')])).toEqual(['x'])
    expect(places([of(1, 'a:1'), writing('x'), last, writing('y')])).toEqual(['x', 'y'])
    expect(places([of(1, 'a:1'), writing('x'), submit(1, null), writing('y')])).toEqual(['y'])
  })
})
