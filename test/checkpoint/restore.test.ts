/** Reading a state back, and what is fixed with a cluster. */
import { describe, expect, test } from 'vitest'
import type { Damage } from '../../src/checkpoint/damage.ts'
import { openCluster } from '../../src/checkpoint/identity.ts'
import type { Restore } from '../../src/checkpoint/resolve.ts'
import { type GroupState, readGroups } from '../../src/checkpoint/restore-reader.ts'
import { Sim } from './fixture.ts'
import { KEY_GROUPS, Pipeline } from './pipeline.ts'

/** What a worker that wants some groups gets, as text. */
function read(pipeline: Pipeline, restore: Restore, wanted: (keyGroup: number) => boolean = () => true) {
  const groups = new Map<number, string>()
  const take = ({ keyGroup, chunks }: GroupState) =>
    groups.set(keyGroup, chunks.map(({ kind, bytes }) => `${kind} ${bytes}`).join(', '))
  const damages = pipeline.await<readonly Damage[]>((done) =>
    readGroups(pipeline, restore, (_, keyGroup) => wanted(keyGroup), take, done),
  )
  return { groups, damages }
}

function settled(pipeline: Pipeline): Restore {
  const decided = pipeline.decide(pipeline.survey(pipeline.entry()))
  if (decided.kind !== 'restore') throw new Error(decided.kind)
  return decided
}

describe('a restore', () => {
  test('gives every wanted group its chunks from the last full one on, oldest first', () => {
    const pipeline = new Pipeline()
    for (let epoch = 1; epoch <= 7; epoch++) pipeline.epoch(epoch, epoch !== 6)
    const restore = settled(pipeline)
    // Serial 6 is epoch 7: groups 0 and 3 are full in it, 1 and 4 two epochs before, 2 and 5 one before.
    const { groups, damages } = read(pipeline, restore)
    expect(damages).toEqual([])
    expect(groups.size).toBe(KEY_GROUPS)
    expect(groups.get(0)).toBe('full 0 at 7')
    expect(groups.get(1)).toBe('full 1 at 4, delta 1 at 5, delta 1 at 7')
    expect(groups.get(5)).toBe('full 5 at 5, delta 5 at 7')
    expect([...read(pipeline, restore, (keyGroup) => keyGroup === 4).groups.keys()]).toEqual([4])
  })

  test('leaves a group with a damaged chunk out and names the damage; the survey then finds an older epoch', () => {
    const pipeline = new Pipeline()
    for (let epoch = 1; epoch <= 7; epoch++) pipeline.epoch(epoch)
    const survey = pipeline.survey(pipeline.entry())
    const restore = pipeline.decide(survey) as Restore
    const place = restore.chains.find(({ keyGroup }) => keyGroup === 2)!.chunks.at(-1)!
    const bytes = Buffer.from(pipeline.read(pipeline.store, place.pack.path)!)
    bytes[place.chunk.position]! ^= 1
    pipeline.end((done) => pipeline.store.put(place.pack.path, bytes, done))
    const { groups, damages } = read(pipeline, restore)
    expect(damages).toMatchObject([{ path: place.pack.path, part: { keyGroup: 2 } }])
    expect([...groups.keys()].toSorted()).toEqual([0, 1, 3, 4, 5])
    survey.report(damages)
    const older = pipeline.decide(survey) as Restore
    expect(older.instead).toBe(7)
    expect(read(pipeline, older).damages).toEqual([])
  })
})

describe('what is fixed with a cluster', () => {
  const sim = new Sim(1, {}, { keyGroups: 64 })
  const store = sim.open()
  const made = { id: 'a', name: 'one', keyGroups: 64, chainEra: 1024 }
  const open = (name: string, keyGroups: number | null, limits = sim.limits): unknown => {
    try {
      return sim.value((done) => openCluster({ store, clock: sim.clock, limits }, { id: 'a', name, keyGroups }, done))
    } catch (error) {
      return error
    }
  }

  test('stays as its first worker had it', () => {
    expect(open('one', null)).toEqual(made)
    expect(open('one', null, { ...sim.limits, keyGroups: 128, chainEra: 7 })).toEqual(made)
    expect(open('', 64)).toEqual(made)
  })

  test('refuses who wants something else, and says both', () => {
    expect(open('two', null)).toMatchObject({ code: 'E_STORE_CLUSTER', details: { theirs: 'one', ours: 'two' } })
    expect(open('one', 128)).toMatchObject({ code: 'E_STORE_KEY_GROUPS', details: { theirs: 64, ours: 128 } })
    expect(open('one', null)).toEqual(made)
  })
})
