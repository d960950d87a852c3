/** The `file:` driver on the real disk and on the simulated one, where it also meets crashes. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { PotorooError } from '../../src/base/errors.ts'
import { FileStore, openFileStore } from '../../src/checkpoint/file-store.ts'
import type { CreateOutcome, Store, Upload } from '../../src/checkpoint/store.ts'
import { type Disk, DiskError, type Done, type File } from '../../src/env/disk.ts'
import { realEnv } from '../../src/env/real/env.ts'
import { calm } from '../../src/sim/weather.ts'
import { World } from '../../src/sim/world.ts'
import type { Fixture } from '../env/fixture.ts'
import { Sim, value } from './fixture.ts'
import { storeContract } from './store.contract.ts'

function real(): Fixture {
  const folder = mkdtempSync(join(tmpdir(), 'potoroo-store-'))
  let waiting: { condition: () => boolean; go: () => void }[] = []
  return {
    env: realEnv({ log: { level: 'debug', write: () => {} } }),
    folder,
    until: (condition) => (condition() ? Promise.resolve() : new Promise((go) => waiting.push({ condition, go }))),
    changed() {
      const met = waiting.filter(({ condition }) => condition())
      waiting = waiting.filter((one) => !met.includes(one))
      for (const { go } of met) go()
    },
    close: () => rmSync(folder, { recursive: true }),
  }
}

function simulated(): Fixture {
  const world = new World(7, { ...calm, disk: { ...calm.disk, jitterMs: 5 } })
  return {
    env: world.machine('m').start('w').env,
    folder: '/data',
    async until(condition) {
      if (!world.runUntil(condition, 3_600_000)) throw new Error('it never happens')
    },
    changed() {},
    close() {},
  }
}

const open = (on: Fixture, worker: string): Promise<Store> =>
  value(on, (done) => openFileStore(on.env, `${on.folder}/store`, { worker, incarnation: on.env.random.id() }, done))

storeContract('file, real disk', real, open)
storeContract('file, simulated disk', simulated, open)

const create = (sim: Sim, store: Store, path: string, bytes: Buffer) =>
  sim.await<CreateOutcome>((report) => store.createExclusive(path, bytes, (outcome) => report(outcome)))

describe('the file driver', () => {
  test('F1: what it called created, or made durable, survives a loss of power; what is there is whole', () => {
    const bytes = Buffer.alloc(5000, 'x')
    for (let seed = 1; seed < 120; seed++) {
      const sim = new Sim(seed, { tornChance: 0.5, syncMs: 1, jitterMs: 2, unknownChance: 0.1 })
      const store = sim.open()
      const promised: string[] = []
      for (let i = 0; i < 12; i++) {
        store.createExclusive(`chain/${i}`, bytes, (outcome) => {
          if (outcome === 'created') promised.push(`chain/${i}`)
        })
      }
      sim.world.run(sim.world.now + (seed % 20))
      sim.machine.powerOff()
      sim.machine.powerOn()
      sim.process = sim.machine.start('w')
      const again = sim.open()
      for (const path of promised) expect(sim.read(again, path)).toEqual(bytes)
      for (let i = 0; i < 12; i++) expect([null, bytes]).toContainEqual(sim.read(again, `chain/${i}`))
    }
  })

  test('F1: an upload that has finished survives a loss of power', () => {
    for (let seed = 1; seed <= 30; seed++) {
      const sim = new Sim(seed, { tornChance: 1 })
      const store = sim.open()
      const upload = sim.value<Upload>((done) => store.upload('p/q/1', done))
      sim.end((done) => upload.append([Buffer.from('abc')], done))
      sim.end((done) => upload.finish(done))
      sim.machine.powerOff()
      sim.machine.powerOn()
      sim.process = sim.machine.start('w')
      expect(sim.read(sim.open(), 'p/q/1')?.toString()).toBe('abc')
    }
  })

  test('F2: a boot sweeps what earlier incarnations of this worker left, and nothing of others', () => {
    const sim = new Sim()
    const { disk } = sim.process.env
    sim.open()
    for (const name of ['w.0000000000000001.aa', 'w2.0000000000000001.aa', 'v.0000000000000001.aa']) {
      sim.await((report) => disk.open(`store/tmp/${name}`, 'create', (_, file) => file.close(report)))
    }
    sim.process.kill()
    sim.process = sim.machine.start('w')
    const names = sim.value<readonly string[]>((done) => sim.open().list('tmp', done))
    expect(names).toEqual(['v.0000000000000001.aa', 'w2.0000000000000001.aa'])
  })

  test('a create leaves no temporary file, whatever its outcome', () => {
    const sim = new Sim()
    const store = sim.open()
    create(sim, store, 'a/1', Buffer.from('x'))
    create(sim, store, 'a/1', Buffer.from('y'))
    sim.machine.volume.capacityBytes = 0
    expect(create(sim, store, 'a/2', Buffer.from('z'))).toBe('unknown')
    expect(sim.value((done) => store.list('tmp', done))).toEqual([])
  })

  test('nobody waits for a temporary file to be gone, or for a file to be closed', () => {
    const sim = new Sim()
    const { disk } = sim.process.env
    const store = sim.open()
    create(sim, store, 'a/1', Buffer.from('abc'))
    const open = disk.open.bind(disk)
    disk.remove = () => {}
    disk.open = (path, mode, done) =>
      open(path, mode, (error, file) => {
        if (error === null) file.close = () => {}
        done(error, file)
      })
    expect(create(sim, store, 'a/2', Buffer.from('x'))).toBe('created')
    expect(sim.value<Buffer | null>((done) => store.readRange('a/1', 1, 2, done))?.toString()).toBe('bc')
  })

  test('a put that fails leaves no temporary file, and makes a folder anew that is gone', () => {
    const sim = new Sim()
    const { disk } = sim.process.env
    const rename = disk.rename.bind(disk)
    disk.rename = (from, to, done) => rename(from, `${to}/not/there`, done)
    const store = sim.open()
    const put = () => sim.end((done) => store.put('beats/w', Buffer.from('x'), done))?.code
    expect([put(), put()]).toEqual(['E_STORE', 'E_STORE'])
    expect(sim.value((done) => store.list('tmp', done))).toEqual([])
    let made = 0
    const make = disk.makeDirectory.bind(disk)
    disk.makeDirectory = (path, done) => {
      made++
      make(path, done)
    }
    disk.rename = rename
    expect([put(), put(), made]).toEqual([undefined, undefined, 1])
    expect(sim.read(store, 'beats/w')?.toString()).toBe('x')
  })

  test('an upload or a create that fails makes a folder anew that is gone', () => {
    const sim = new Sim()
    const store = sim.open()
    create(sim, store, 'a/1', Buffer.from('x'))
    for (const folder of ['tmp', 'a']) {
      sim.await((report) => sim.process.env.disk.removeTree(`store/${folder}`, report))
      const outcomes = [2, 3].map((n) => create(sim, store, `a/${folder}${n}`, Buffer.from('x')))
      expect(outcomes).toEqual(['unknown', 'created'])
    }
    const begin = (path: string) =>
      sim.await<string | undefined>((report) => store.upload(path, (error) => report(error?.code)))
    expect(begin('packs/1')).toBeUndefined()
    sim.await((report) => sim.process.env.disk.removeTree('store/packs', report))
    expect([begin('packs/2'), begin('packs/3')]).toEqual(['E_STORE', undefined])
  })

  // An earlier release has left folders under some mount points.
  test.each([[[]], [['chain', 'tmp']]])(
    'F4: nothing is made in the place of a store that is gone, and nothing is absent there, beside %j',
    (left: string[]) => {
      const sim = new Sim()
      const { disk } = sim.process.env
      const store = sim.open()
      for (const path of ['cluster', 'chain/1']) expect(create(sim, store, path, Buffer.from('x'))).toBe('created')
      const asks: readonly ((path: string) => PotorooError | null)[] = [
        (path) => sim.end((done) => store.read(path, done)),
        (path) => sim.end((done) => store.readRange(path, 0, 1, done)),
        (path) => sim.end((done) => store.list(path, done)),
        (path) => sim.end((done) => store.makeDurable(path, done)),
      ]
      const answers = (): readonly (string | undefined)[] =>
        ['cluster', 'chain/2', 'packs'].flatMap((path) => asks.slice(0, 2).map((ask) => ask(path)?.code))
      const folders = (): readonly (string | undefined)[] => asks.slice(2).map((ask) => ask('packs')?.code)
      expect([...answers(), ...folders()].filter((code) => code !== undefined)).toEqual([])
      sim.await((report) => disk.rename('store', 'away', report))
      sim.await((report) => disk.makeDirectory('store', report))
      for (const folder of left) sim.await((report) => disk.makeDirectory(`store/${folder}`, report))
      for (let i = 0; i < 3; i++) {
        expect(create(sim, store, 'chain/2', Buffer.from('x'))).toBe('unknown')
        expect(sim.end((done) => store.put('beats/w', Buffer.from('x'), done))?.code).toBe('E_STORE')
        expect(sim.await((report) => store.upload('packs/1', (error) => report(error?.code)))).toBe('E_STORE')
      }
      expect(sim.value((done) => store.list('', done))).toEqual(left)
      for (const folder of left) expect(sim.value((done) => store.list(folder, done))).toEqual([])
      expect(new Set([...answers(), ...folders()])).toEqual(new Set(['E_STORE']))
      sim.await((report) => disk.removeTree('store', report))
      sim.await((report) => disk.rename('away', 'store', report))
      expect([...answers(), ...folders()].filter((code) => code !== undefined)).toEqual([])
      expect(create(sim, store, 'chain/2', Buffer.from('x'))).toBe('created')
    },
  )

  test('F4: a store that goes behind the look at its mark is not made anew either', () => {
    const sim = new Sim()
    const { disk } = sim.process.env
    const store = sim.open()
    expect(create(sim, store, 'cluster', Buffer.from('x'))).toBe('created')
    const open = disk.open.bind(disk)
    disk.open = (path, mode, done) =>
      open(path, mode, (error, file) => {
        if (path !== 'store/cluster') done(error, file)
        else disk.rename('store', 'away', () => done(error, file))
      })
    expect(sim.await((report) => store.upload('packs/1', (error) => report(error?.code)))).toBe('E_STORE')
    expect(sim.await((report) => disk.list('store', (error) => report(error?.code)))).toBe('absent')
  })

  test('F4: many that have found nothing wait for one look at the mark, which was begun after that', () => {
    const opens: ((error: DiskError | null) => void)[] = []
    const reads: (() => void)[] = []
    const closed = { close: () => {} } as unknown as File
    const disk = {
      open: (_path: string, _mode: string, done: Done<File>) => opens.push((error) => done(error, closed)),
      readFile: (path: string, done: Done<Buffer>) =>
        reads.push(() => done(new DiskError('absent', 'read', path, 'ENOENT'), undefined as never)),
    } as unknown as Disk
    const store = new FileStore(
      disk,
      new Sim().process.env.random,
      'store',
      { worker: 'w', incarnation: 'i' },
      () => {},
      true,
    )
    const said: string[] = []
    const read = (name: string): void => store.read(name, (error) => said.push(`${name} ${error?.code ?? 'is absent'}`))
    for (const name of ['a', 'b', 'c', 'd']) read(name)
    const answer = (error: DiskError | null): void => opens.shift()!(error)
    reads[0]!()
    expect(opens.length).toBe(1)
    // These were asked while a look was under way: the store may have gone behind that one.
    for (const late of reads.slice(1)) late()
    expect(opens.length).toBe(1)
    answer(null)
    expect([said.splice(0), opens.length]).toEqual([['a is absent'], 1])
    answer(new DiskError('absent', 'open', 'store/cluster', 'ENOENT'))
    expect([said.splice(0), opens.length]).toEqual([['b E_STORE', 'c E_STORE', 'd E_STORE'], 0])
    read('e')
    reads.at(-1)!()
    answer(null)
    expect(said).toEqual(['e is absent'])
  })

  test('F3: after a failed sync of a folder nothing in it is called created or durable any more', () => {
    const sim = new Sim()
    const { disk } = sim.process.env
    const sync = disk.syncDirectory.bind(disk)
    let failing = false
    disk.syncDirectory = (path, done) =>
      sync(path, (error) =>
        done(failing && path.endsWith('chain') ? new DiskError('io', 'sync', path, 'it fails once') : error),
      )
    const store = sim.open()
    expect(create(sim, store, 'chain/1', Buffer.from('x'))).toBe('created')
    failing = true
    expect(create(sim, store, 'chain/2', Buffer.from('x'))).toBe('unknown')
    failing = false
    expect(create(sim, store, 'chain/3', Buffer.from('x'))).toBe('unknown')
    expect(sim.end((done) => store.makeDurable('chain', done))?.code).toBe('E_STORE')
    expect(create(sim, store, 'other/1', Buffer.from('x'))).toBe('created')
  })
})
