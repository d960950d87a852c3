/**
 * The store's volume is gone under workers that run, and an empty mount point is left, for one of them or for all: what
 * is not found there says nothing (`checkpoint/store.ts`, O6), and all is exact once the volume is back.
 */
import { expect, test } from 'vitest'
import { PotorooError } from '../../src/base/errors.ts'
import type { Limits } from '../../src/base/limits.ts'
import { chainRecord } from '../../src/checkpoint/layout.ts'
import { decodeRecord } from '../../src/checkpoint/record.ts'
import { calm } from '../../src/sim/weather.ts'
import { Harbour } from './harbour.ts'
import { counting, Town } from './town.ts'

const NAMES = ['a', 'b', 'c'] as const
const STORE = '/shared/store'
const JOURNALS = '/shared/journals'

/** Three workers with journals that all reach, a producer at each of them, and some records of theirs. */
function running(seed: number, limits: Partial<Limits> = {}): Harbour {
  const harbour = new Harbour(seed, calm, limits)
  harbour.start(...NAMES)
  harbour.settle('a b c in 1')
  harbour.of('a').submit()
  harbour.epochs(2)
  for (const name of NAMES) harbour.addProducer(`p${name}`, name)
  harbour.send(1000)
  return harbour
}

/** The bases that generations were made with because of damage. */
function olderBases(town: Town): readonly unknown[] {
  const { env } = town.world.machine('watcher', { mounts: [{ at: '/shared', volume: town.volume }] }).start('watcher')
  const found: unknown[] = []
  let next = 0
  let done = false
  const read = (): void => {
    env.disk.readFile(`${STORE}/${chainRecord(next)}`, (error, bytes) => {
      if (error !== null) {
        done = true
        return
      }
      const decoded = decodeRecord('', next++, bytes)
      if (decoded instanceof PotorooError) throw decoded
      if (decoded.record.kind === 'generation') found.push(...decoded.record.bases)
      read()
    })
  }
  read()
  town.until(() => done)
  return found
}

test.each([true, false])(
  'a coordinator has lost sight of the store, the others go on without it, and it comes back: %s',
  (back) => {
    // Epochs that are given up hold the sources, too: later than what is tried here.
    const harbour = running(31, { checkpointIntervalMs: 2500 })
    const [lost] = harbour.producers
    const station = harbour.of('a')
    station.machine.unmount(STORE)
    const generationOf = (name: string): number => harbour.of(name).worker!.cluster.generation
    for (let t = 0; t < 200 && generationOf('b') === 1; t++) harbour.send(100)
    expect([generationOf('a'), generationOf('b'), generationOf('c')]).toEqual([1, 2, 2])
    // They have sealed its journal, and read it: what it takes in from now on is nobody's.
    harbour.send(500)
    const { journaled } = lost!.life
    harbour.send(3000)
    expect(lost!.life.journaled).toBe(journaled)
    // Its producer never comes back: what that one was told to be on a disk has to be there.
    lost!.kill(true)
    harbour.producers.shift()
    if (back) station.machine.mount(STORE)
    else station.lose()
    harbour.send(4000)
    harbour.producers.push(lost!)
    harbour.expectAll(new Set([lost!]))
  },
)

test('a worker whose journals are not mounted does not start, and makes none elsewhere', () => {
  const harbour = running(36)
  const station = harbour.of('b')
  const { machine } = station
  station.kill()
  machine.unmount(JOURNALS)
  station.start()
  harbour.send(3000)
  expect(new Set(station.fell.splice(0).map(({ code }) => code))).toEqual(new Set(['E_JOURNALS_GONE']))
  expect(machine.volume.exists(JOURNALS)).toBe(false)
  machine.mount(JOURNALS)
  harbour.send(2000)
  expect(harbour.settle('a b c in 3')).toBe('a b c in 3')
  harbour.expectAll()
})

test('who finds no journals waits for them: what a dead worker has acknowledged lies there', () => {
  const harbour = running(37, { checkpointIntervalMs: 2500 })
  const [, gone] = harbour.producers
  harbour.until(() => gone!.life.journaled === gone!.life.made)
  expect(gone!.life.stable).toBeLessThan(gone!.life.journaled)
  gone!.kill(true)
  harbour.producers.splice(1, 1)
  harbour.of('b').lose()
  for (const name of ['a', 'c']) harbour.of(name).machine.unmount(JOURNALS)
  harbour.send(8000)
  for (const name of ['a', 'c']) harbour.of(name).machine.mount(JOURNALS)
  harbour.send(2000)
  harbour.producers.push(gone!)
  harbour.expectAll(new Set([gone!]))
})

test('a store that is gone for all for a while: nobody takes over, and all go on as they were', () => {
  const town = new Town(32, counting(4000, 200))
  town.start(...NAMES)
  town.settle('a b c in 1')
  town.of('a').submit()
  town.epochs(3)
  for (const { machine } of town.stations) machine.unmount(STORE)
  const { epoch } = town
  town.run(10_000)
  expect([town.standing, town.epoch]).toEqual(['a b c in 1', epoch])
  const said = (code: string): number => town.world.drainLog().filter((line) => line.includes(code)).length
  expect(said('store.away')).toBe(NAMES.length)
  for (const { machine } of town.stations) machine.mount(STORE)
  town.run(2000)
  expect(said('store.answers')).toBe(NAMES.length)
  town.finish()
  town.expectExact(4000)
  expect(town.standing).toBe('a b c in 1')
})

test('no other store is made under the mount point of one that goes away while a worker opens it, whenever that is', () => {
  const town = new Town(35)
  town.start(...NAMES)
  town.settle('a b c in 1')
  const { machine } = town.of('c')
  for (let ms = 0; ms < 12; ms += 0.1) {
    town.of('c').kill()
    town.of('c').start()
    town.run(ms)
    machine.unmount(STORE)
    town.run(20)
    expect(machine.volume.exists(`${STORE}/cluster`), `${ms.toFixed(1)} ms after it was started`).toBe(false)
    machine.mount(STORE)
  }
})

test('a store that is gone is asked no more often the more people wait for it', () => {
  const town = new Town(34)
  town.start(...NAMES)
  town.settle('a b c in 1')
  const { worker, machine, process } = town.of('a')
  const { disk } = process!.env
  const readFile = disk.readFile.bind(disk)
  let reads = 0
  disk.readFile = (path, done) => {
    if (path.includes('/chain/')) reads++
    readFile(path, done)
  }
  machine.unmount(STORE)
  const readsIn = (ms: number): number => {
    const before = reads
    town.run(ms)
    return reads - before
  }
  town.run(1000)
  const alone = readsIn(4000)
  let answered = 0
  for (let i = 0; i < 500; i++) worker!.follow(() => answered++)
  expect(readsIn(4000)).toBeLessThan(3 * alone + 100)
  expect(answered).toBe(0)
  machine.mount(STORE)
  town.run(2000)
  expect(answered).toBe(500)
})

test.each([0, 20, 40, 60, 80, 100, 120, 140])(
  'a store that is gone in the middle of a recovery, %i ms after its record: no older base',
  (ms) => {
    const town = new Town(33, counting(4000, 200))
    town.start(...NAMES)
    town.settle('a b c in 1')
    town.of('a').submit()
    town.epochs(3)
    town.of('c').kill()
    town.until(() => town.of('a').worker!.cluster.generation === 2)
    town.run(ms)
    for (const { machine } of town.stations) machine.unmount(STORE)
    town.run(4000)
    for (const { machine } of town.stations) machine.mount(STORE)
    town.of('c').start()
    town.finish()
    expect(olderBases(town)).toEqual([])
    town.expectExact(4000)
  },
)
