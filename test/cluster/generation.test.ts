import { describe, expect, test } from 'vitest'
import { type Cluster, emptyCluster, type PipelineEntry } from '../../src/checkpoint/cluster.ts'
import { recoveryRecord, rescaleRecord } from '../../src/cluster/generation.ts'
import { noPlacement, placementFromJson, placementToJson } from '../../src/cluster/splits.ts'
import { targetOf } from '../../src/cluster/target.ts'

const members = (...names: string[]) => names.map((worker) => ({ worker, incarnation: `${worker}1`, address: '' }))
const split = (name: string, reachedBy: readonly string[] | null = null) => ({
  ...{ pipeline: 'p', step: 's', split: name, reachedBy },
})
const world = { keyGroups: 6, splits: [split('0'), split('1'), split('2', ['c'])], journals: ['a', 'b', 'x'], seen: 0 }
const cluster: Cluster = {
  ...emptyCluster,
  ...{ generation: 4, coordinator: 'a', members: members('a', 'b', 'c'), owners: Uint16Array.of(0, 0, 1, 1, 2, 2) },
  splits: placementToJson({ ...noPlacement, splits: [{ pipeline: 'p', step: 's', split: '0', reader: 1 }] }),
}

describe('a recovery record', () => {
  test('moves only what the lost one had, and says who reads what and who inherits its streams', () => {
    const record = recoveryRecord(cluster, 4, 'b', members('b', 'c'), world, [])!
    expect(record).toMatchObject({ generation: 5, coordinator: 'b', bases: [] })
    expect([...record.owners]).toEqual([0, 1, 0, 0, 1, 1])
    const placement = placementFromJson(record.splits)
    expect(placement.splits.map(({ split, reader }) => [split, reader])).toEqual([
      ['0', 0],
      ['1', 1],
      ['2', 1],
    ])
    expect(placement.heirs).toEqual([
      { worker: 'a', heirs: [0, 1] },
      { worker: 'x', heirs: [0, 1] },
    ])
  })

  test('names the older bases that the chain has, and none of a pipeline that is another one by then', () => {
    const entry = { epochs: [{ epoch: 41 }, { epoch: 42 }] } as unknown as PipelineEntry
    const pipelines = new Map([
      ['p', entry],
      ['q', { ...entry, epochs: [] }],
    ])
    const bases = ['p', 'q', 'gone'].map((name) => [name, 41] as const)
    const record = recoveryRecord({ ...cluster, pipelines }, 4, 'b', members('b', 'c'), world, bases)!
    expect(record.bases).toEqual([['p', 41]])
  })

  test('is numbered behind what was seen of a store that has gone back, and says what it follows', () => {
    const record = recoveryRecord(cluster, 4, 'b', members('b', 'c'), { ...world, seen: 9 }, [])!
    expect(record).toMatchObject({ generation: 10, after: 4 })
    expect(recoveryRecord(cluster, 4, 'b', members('b'), { ...world, seen: 4 }, [])).not.toHaveProperty('after')
  })

  test('is none where another generation stands by then', () => {
    expect(recoveryRecord(cluster, 3, 'b', members('b'), world, [])).toBeNull()
    expect(
      rescaleRecord(cluster, 5, 'b', targetOf(cluster, [{ kind: 'renew', skipStalled: false }])!, world),
    ).toBeNull()
  })

  test('leaves splits where they are read, also those that no record has placed', () => {
    const readers = ['c', 'b', 'a', 'c', 'b', 'a']
    const splits = readers.map((readBy, i) => ({ ...split(`${i}`), readBy }))
    const record = recoveryRecord(cluster, 4, 'b', members('b', 'c'), { ...world, splits }, [])!
    const placed = new Map(placementFromJson(record.splits).splits.map(({ split, reader }) => [split, 'bc'[reader]]))
    // The record before had given '0' to b, whatever was found since.
    expect(placed).toEqual(new Map(['b', 'b', 'c', 'c', 'b', 'c'].map((reader, i) => [`${i}`, reader])))
  })

  test('founds a cluster with everything shared out', () => {
    const record = recoveryRecord(emptyCluster, 0, 'a', members('a', 'b'), world, [])!
    expect([...record.owners]).toEqual([0, 1, 0, 1, 0, 1])
  })
})

test('a coordinator that leaves by its own record names the first that stays', () => {
  const request = { kind: 'leave', worker: 'a', skipStalled: false } as const
  const target = targetOf(cluster, [request])!
  expect(rescaleRecord(cluster, 4, 'a', target, world)).toMatchObject({ generation: 5, coordinator: 'b' })
})
