/** The faults of the simulated disk: what they do, and what they must not do (I1-I3, D1-D3, K2, K3, O1). */
import { describe, expect, test } from 'vitest'
import type { File, Lock } from '../../src/env/disk.ts'
import { calm, type DiskWeather } from '../../src/sim/weather.ts'
import { type SimProcess, World } from '../../src/sim/world.ts'

const SEEDS = 150
const END_MS = 100_000

function worldWith(changes: Partial<DiskWeather> = {}, seed = 1): World {
  return new World(seed, { ...calm, disk: { ...calm.disk, ...changes } })
}

/** Runs the world until `begin` has reported; gives its error's code, or its value. */
function get<T>(world: World, begin: (done: (error: { code: string } | null, value: T) => void) => void): T | string {
  let result: { value: T | string } | null = null
  begin((error, value) => (result = { value: error === null ? value : error.code }))
  if (!world.runUntil(() => result !== null, world.now + END_MS)) throw new Error('it never happens')
  return result!.value
}

/** The code of the error of an operation, or `undefined`. */
function act(world: World, begin: (done: (error: { code: string } | null) => void) => void): string | undefined {
  return get<undefined>(world, (done) => begin((error) => done(error, undefined)))
}

function open(world: World, process: SimProcess, path: string): File {
  return get<File>(world, (done) => process.env.disk.open(path, 'write', done)) as File
}

function content(world: World, process: SimProcess, path: string): string {
  return String(get<Buffer>(world, (done) => process.env.disk.readFile(path, done)))
}

function write(world: World, file: File, text: string, position = 0): string | undefined {
  return act(world, (done) => file.write([Buffer.from(text)], position, done))
}

describe('the death of a process', () => {
  test('K2: what was confirmed stays; a write under way is done, or in part, or not', () => {
    const seen = new Set<string>()
    for (let seed = 0; seed < SEEDS; seed++) {
      const world = worldWith({ tornChance: 0.5 }, seed)
      const machine = world.machine('m')
      const process = machine.start('p')
      const file = open(world, process, '/f')
      write(world, file, 'confirmed')
      file.write([Buffer.from('+un'), Buffer.from('derway')], 9, () => {})
      file.write([Buffer.from('+never')], 18, () => {})
      process.kill()
      const after = content(world, machine.start('q'), '/f')
      expect('confirmed+underway'.startsWith(after)).toBe(true)
      expect(after.startsWith('confirmed')).toBe(true)
      seen.add(after)
    }
    expect(seen).toContain('confirmed')
    expect(seen).toContain('confirmed+underway')
    expect(seen.size).toBeGreaterThan(5)
  })

  test('a lock is free when its holder is dead, and not before', () => {
    const world = worldWith()
    const machine = world.machine('m')
    const [p, q] = [machine.start('p'), machine.start('q')]
    const lock = get<Lock>(world, (done) => p.env.disk.lock('/lock', done))
    expect(typeof lock).toBe('object')
    p.stop()
    expect(get<Lock>(world, (done) => q.env.disk.lock('/lock', done))).toBe('locked')
    p.kill()
    expect(typeof get<Lock>(world, (done) => q.env.disk.lock('/lock', done))).toBe('object')
  })

  test('on a shared volume an operation lands late, after a successor has read; on its own volume never', () => {
    const late = { lateChance: 1, lateMs: 1000 }
    for (const shared of [true, false]) {
      let surprises = 0
      for (let seed = 0; seed < 30; seed++) {
        const world = worldWith(late, seed)
        const volume = world.volume('store')
        const mounts = [{ at: '/store', volume }]
        const [a, b] = [world.machine('a', { mounts }), world.machine('b', { mounts })]
        const path = shared ? '/store/f' : '/f'
        const process = a.start('p')
        const file = open(world, process, path)
        write(world, file, 'old')
        file.write([Buffer.from('new')], 0, () => {})
        process.kill()
        const reader = (shared ? b : a).start('q')
        const first = content(world, reader, path)
        world.run(world.now + 2000)
        if (content(world, reader, path) !== first) surprises++
      }
      if (shared) expect(surprises).toBeGreaterThan(15)
      else expect(surprises).toBe(0)
    }
  })
})

describe('power losses', () => {
  test('K2: bytes that a sync has confirmed stay; of later ones any subset goes, sectors apart', () => {
    const seen = new Set<string>()
    for (let seed = 0; seed < SEEDS; seed++) {
      const world = worldWith({ tornChance: 0.7 }, seed)
      const machine = world.machine('m')
      const process = machine.start('p')
      const file = open(world, process, '/f')
      act(world, (done) => process.env.disk.syncDirectory('/', done))
      write(world, file, 's'.repeat(1024))
      act(world, (done) => file.sync(done))
      write(world, file, 'a'.repeat(1024), 1024)
      write(world, file, 'b'.repeat(1024), 2048)
      machine.powerOff()
      machine.powerOn()
      const after = content(world, machine.start('q'), '/f')
      expect(after.slice(0, 1024)).toBe('s'.repeat(1024))
      const sectors = after.slice(1024).match(/.{1,512}/gs) ?? []
      for (const sector of sectors) expect(new Set(sector).size).toBe(1)
      seen.add(sectors.map((sector) => (sector[0] === '\0' ? '0' : sector[0])).join(''))
    }
    for (const outcome of ['', 'aabb', 'aa', '00bb']) expect(seen).toContain(outcome)
    // A file may have got its new length without the bytes.
    expect([...seen].some((sectors) => sectors.endsWith('0'))).toBe(true)
    expect(seen.size).toBeGreaterThan(8)
  })

  test('bytes are copied when they are written: a buffer that is used again spoils nothing', () => {
    const world = worldWith()
    const machine = world.machine('m')
    const process = machine.start('p')
    const file = open(world, process, '/f')
    const bytes = Buffer.from('right')
    act(world, (done) => file.write([bytes], 0, done))
    bytes.fill('x')
    act(world, (done) => file.sync(done))
    act(world, (done) => process.env.disk.syncDirectory('/', done))
    machine.powerOff()
    machine.powerOn()
    expect(content(world, machine.start('q'), '/f')).toBe('right')
  })

  test('K2: names that syncDirectory has confirmed stay; of later changes any subset goes', () => {
    const seen = new Set<string>()
    for (let seed = 0; seed < SEEDS; seed++) {
      const world = worldWith({}, seed)
      const machine = world.machine('m')
      const { disk } = machine.start('p').env
      const make = (path: string): unknown => get<File>(world, (done) => disk.open(path, 'create', done))
      act(world, (done) => disk.makeDirectory('/d', done))
      act(world, (done) => disk.syncDirectory('/', done))
      make('/d/kept')
      make('/d/gone')
      act(world, (done) => disk.remove('/d/gone', done))
      act(world, (done) => disk.syncDirectory('/d', done))
      make('/d/new')
      act(world, (done) => disk.link('/d/kept', '/d/linked', done))
      machine.powerOff()
      machine.powerOn()
      const names = get<readonly string[]>(world, (done) => machine.start('q').env.disk.list('/d', done))
      expect(names).toContain('kept')
      expect(names).not.toContain('gone')
      seen.add(String(names))
    }
    expect([...seen].sort()).toEqual(['kept', 'kept,linked', 'kept,linked,new', 'kept,new'])
  })

  test('D2: a rename leaves one of its names; with the new directory synced the new one, perhaps both', () => {
    const seen = { loose: new Set<string>(), synced: new Set<string>() }
    for (let seed = 0; seed < SEEDS; seed++) {
      for (const kind of ['loose', 'synced'] as const) {
        const world = worldWith({}, seed)
        const machine = world.machine('m')
        const process = machine.start('p')
        const { disk } = process.env
        for (const folder of ['/a', '/b']) act(world, (done) => disk.makeDirectory(folder, done))
        write(world, open(world, process, '/a/f'), 'x')
        for (const folder of ['/', '/a']) act(world, (done) => disk.syncDirectory(folder, done))
        act(world, (done) => disk.rename('/a/f', '/b/f', done))
        if (kind === 'synced') act(world, (done) => disk.syncDirectory('/b', done))
        machine.powerOff()
        const there = ['/a/f', '/b/f'].filter((path) => machine.volume.exists(path))
        seen[kind].add(String(there))
      }
    }
    expect([...seen.loose].sort()).toEqual(['/a/f', '/b/f'])
    expect([...seen.synced].sort()).toEqual(['/a/f,/b/f', '/b/f'])
  })

  test('D3: a name that survives may lead to a file without its bytes; a directory that does not takes all below', () => {
    const world = worldWith()
    const machine = world.machine('m')
    let empty = 0
    let orphaned = 0
    for (let round = 0; round < 40; round++) {
      const process = machine.start('p')
      const { disk } = process.env
      const file = open(world, process, '/named')
      act(world, (done) => disk.syncDirectory('/', done))
      write(world, file, 'bytes')
      act(world, (done) => disk.makeDirectory('/loose', done))
      act(world, (done) => open(world, process, '/loose/f').sync(done))
      act(world, (done) => disk.syncDirectory('/loose', done))
      machine.powerOff()
      machine.powerOn()
      const after = machine.start('q')
      if (content(world, after, '/named') === '') empty++
      if (!machine.volume.exists('/loose/f')) orphaned++
      act(world, (done) => after.env.disk.remove('/named', done))
      act(world, (done) => after.env.disk.removeTree('/loose', done))
      act(world, (done) => after.env.disk.syncDirectory('/', done))
    }
    expect(empty).toBeGreaterThan(5)
    expect(orphaned).toBeGreaterThan(5)
  })
})

describe('faults', () => {
  test('K3: after a failed sync the next one succeeds, and what it should have written is gone with the power', () => {
    let lost = 0
    let gone = 0
    for (let seed = 0; seed < SEEDS; seed++) {
      const world = worldWith({}, seed)
      const machine = world.machine('m', { disk: { ...calm.disk, syncFailChance: 0.5 } })
      const process = machine.start('p')
      const file = open(world, process, '/f')
      machine.volume.syncDirectory('/')
      write(world, file, 'bytes')
      if (act(world, (done) => file.sync(done)) === undefined) continue
      if (get(world, (done) => file.size(done)) === 0) gone++
      while (act(world, (done) => file.sync(done)) !== undefined) {
        // Until one succeeds.
      }
      machine.powerOff()
      machine.powerOn()
      if (machine.volume.exists('/f') && content(world, machine.start('q'), '/f') !== 'bytes') lost++
    }
    expect(lost).toBeGreaterThan(10)
    expect(gone).toBeGreaterThan(5)
  })

  test('D4: after a failed sync of a directory the next one does what it should have done, or there is none', () => {
    let [lost, kept] = [0, 0]
    for (let seed = 0; seed < SEEDS; seed++) {
      const world = worldWith({}, seed)
      const machine = world.machine('m', { disk: { ...calm.disk, syncFailChance: 0.5 } })
      const { disk } = machine.start('p').env
      act(world, (done) => disk.makeDirectory('/d', done))
      if (act(world, (done) => disk.syncDirectory('/', done)) === undefined) continue
      while (!machine.volume.readOnly && act(world, (done) => disk.syncDirectory('/', done)) !== undefined) {
        // Until one succeeds.
      }
      const { readOnly } = machine.volume
      expect(machine.volume.exists('/d')).toBe(true)
      if (readOnly) {
        expect(act(world, (done) => disk.makeDirectory('/e', done))).toBe('io')
        expect(get(world, (done) => disk.lock('/lock', done))).toBe('io')
      }
      machine.powerOff()
      expect(machine.volume.readOnly).toBe(false)
      if (!readOnly) expect(machine.volume.exists('/d')).toBe(true)
      else if (machine.volume.exists('/d')) kept++
      else lost++
    }
    expect(lost).toBeGreaterThan(10)
    expect(kept).toBeGreaterThan(10)
  })

  test('a full volume takes what fits and says so; removing frees it', () => {
    const world = worldWith({ capacityBytes: 100 })
    const process = world.machine('m').start('p')
    const { disk } = process.env
    const file = open(world, process, '/f')
    expect(write(world, file, 'x'.repeat(80))).toBeUndefined()
    expect(get(world, (done) => disk.free('/', done))).toBe(20)
    expect(write(world, file, 'y'.repeat(80), 40)).toBe('full')
    expect(content(world, process, '/f')).toBe('x'.repeat(40) + 'y'.repeat(60))
    expect(write(world, file, 'z', 200)).toBe('full')
    expect(act(world, (done) => file.truncate(50, done))).toBeUndefined()
    expect(get(world, (done) => disk.free('/', done))).toBe(50)
    act(world, (done) => disk.link('/f', '/g', done))
    act(world, (done) => disk.remove('/f', done))
    expect(get(world, (done) => disk.free('/', done))).toBe(50)
    act(world, (done) => disk.remove('/g', done))
    expect(get(world, (done) => disk.free('/', done))).toBe(100)
  })

  test('an operation fails and has done nothing, or all, or a part, as its fault says', () => {
    const failing = worldWith({ failChance: 1 })
    const machine = failing.machine('m')
    const { disk } = machine.start('p').env
    expect(act(failing, (done) => disk.makeDirectory('/d', done))).toBe('io')
    expect(machine.volume.exists('/d')).toBe(false)
    const unsure = worldWith({ unknownChance: 1 })
    const other = unsure.machine('m')
    expect(act(unsure, (done) => other.start('p').env.disk.makeDirectory('/d', done))).toBe('io')
    expect(other.volume.exists('/d')).toBe(true)
  })

  test('damage at rest turns one bit, stays, and meets only the files that it may', () => {
    const world = worldWith({ damageChance: 1, damaged: ['/packs/'] })
    const process = world.machine('m').start('p')
    const { disk } = process.env
    act(world, (done) => disk.makeDirectory('/packs', done))
    write(world, open(world, process, '/packs/1'), 'hello')
    write(world, open(world, process, '/chain'), 'hello')
    const first = content(world, process, '/packs/1')
    expect(first).not.toBe('hello')
    expect(content(world, process, '/packs/1')).not.toBe(first)
    expect(content(world, process, '/chain')).toBe('hello')
  })

  test('damage at rest outlives a power loss', () => {
    const world = worldWith()
    const machine = world.machine('m')
    const process = machine.start('p')
    const file = open(world, process, '/f')
    write(world, file, 'hello')
    act(world, (done) => file.sync(done))
    act(world, (done) => process.env.disk.syncDirectory('/', done))
    expect(machine.volume.damage('/f', world.random)).toBe(true)
    expect(machine.volume.damage('/g', world.random)).toBe(false)
    const damaged = content(world, process, '/f')
    machine.powerOff()
    machine.powerOn()
    expect(damaged).not.toBe('hello')
    expect(content(world, machine.start('q'), '/f')).toBe(damaged)
  })

  test('an operation stalls, others overtake it; on its own file they wait (K1)', () => {
    let overtaken = 0
    for (let seed = 0; seed < 40; seed++) {
      const world = worldWith({ stallChance: 0.3, stallMs: 1000 }, seed)
      const process = world.machine('m').start('p')
      const files = [open(world, process, '/a'), open(world, process, '/b')]
      const order: string[] = []
      for (let i = 0; i < 3; i++) {
        for (const file of files) file.write([Buffer.from('x')], i, () => order.push(`${file.path}${i}`))
      }
      world.run(world.now + 10_000)
      expect(order.filter((name) => name.startsWith('/a'))).toEqual(['/a0', '/a1', '/a2'])
      expect(order.filter((name) => name.startsWith('/b'))).toEqual(['/b0', '/b1', '/b2'])
      if (order.indexOf('/b2') < order.indexOf('/a0')) overtaken++
    }
    expect(overtaken).toBeGreaterThan(2)
  })

  test('a write reads its bytes when the disk does it: who changes them too early writes the change', () => {
    const world = worldWith()
    const process = world.machine('m').start('p')
    const file = open(world, process, '/f')
    const bytes = Buffer.from('right')
    file.write([bytes], 0, () => {})
    bytes.set(Buffer.from('wrong'))
    world.run(100)
    expect(content(world, process, '/f')).toBe('wrong')
  })

  test('what is mounted may be gone under a process, and come back: its own volume shows there', () => {
    const world = worldWith()
    const volume = world.volume('shared')
    const machine = world.machine('a', { mounts: [{ at: '/mnt', volume }] })
    const a = machine.start('a')
    expect(act(world, (done) => a.env.disk.makeDirectory('/mnt/store', done))).toBeUndefined()
    const file = open(world, a, '/mnt/store/f')
    write(world, file, 'old')
    machine.unmount('/mnt/store')
    expect([content(world, a, '/mnt/store/f'), content(world, a, '/mnt/f')]).toEqual(['absent', 'absent'])
    machine.mount('/mnt/store')
    expect(content(world, a, '/mnt/store/f')).toBe('old')
  })

  test('two machines see one shared volume, at the place where each mounts it', () => {
    const world = worldWith()
    const volume = world.volume('store')
    const a = world.machine('a', { mounts: [{ at: '/store', volume }] }).start('a')
    const b = world.machine('b', { mounts: [{ at: '/mnt/s', volume }] }).start('b')
    write(world, open(world, a, '/store/f'), 'shared')
    expect(content(world, b, '/mnt/s/f')).toBe('shared')
    expect(content(world, b, '/store/f')).toBe('absent')
    expect(act(world, (done) => a.env.disk.rename('/store/f', '/f', done))).toBe('io')
    expect(get(world, (done) => a.env.disk.list('/store', done))).toEqual(['f'])
  })

  test('an operation on names of a shared volume is done twice, and the second answer is told', () => {
    const world = worldWith({ twiceChance: 1 })
    const volume = world.volume('store')
    const { disk } = world.machine('a', { mounts: [{ at: '/store', volume }] }).start('a').env
    const said = (begin: (done: (error: { code: string } | null) => void) => void) => act(world, begin) ?? null
    expect(said((done) => disk.open('/store/f', 'create', done))).toBe(null)
    expect(said((done) => disk.link('/store/f', '/store/g', done))).toBe('exists')
    expect(said((done) => disk.rename('/store/f', '/store/h', done))).toBe('absent')
    expect(volume.list('/')).toEqual(['g', 'h'])
    expect(said((done) => disk.remove('/store/g', done))).toBe(null)
    // On its own disk a machine is told what was done.
    said((done) => disk.open('/f', 'create', done))
    expect(said((done) => disk.link('/f', '/g', done))).toBe(null)
  })

  test('an open file of a shared volume that another machine removes is gone at once; one that this machine removes is not', () => {
    const world = worldWith({ stale: true })
    const volume = world.volume('store')
    const a = world.machine('a', { mounts: [{ at: '/store', volume }] }).start('a')
    const b = world.machine('b', { mounts: [{ at: '/store', volume }] }).start('b')
    const files = ['/store/f', '/store/g'].map((path) => open(world, a, path))
    for (const file of files) write(world, file, 'hello')
    act(world, (done) => a.env.disk.remove('/store/f', done))
    act(world, (done) => b.env.disk.remove('/store/g', done))
    const read = (file: File) => act(world, (done) => file.read(0, 5, (error) => done(error)))
    expect(files.map(read)).toEqual([undefined, 'absent'])
    expect(files.map((file) => act(world, (done) => file.close(done)))).toEqual([undefined, undefined])
  })

  test('a machine lists a folder of a shared volume as it was a while ago, where that is borne; others, and other folders, as they are', () => {
    const world = worldWith({ listedMs: 100, listed: ['/store/chain'] })
    const volume = world.volume('store')
    const mounts = [{ at: '/store', volume }]
    const [a, b] = [world.machine('a', { mounts }).start('a'), world.machine('b', { mounts }).start('b')]
    for (const folder of ['chain', 'other']) volume.makeDirectory(folder)
    const list = ({ env }: SimProcess, folder: string) =>
      get<readonly string[]>(world, (done) => env.disk.list(`/store/${folder}`, done))
    const all = () => [list(a, 'chain'), list(b, 'chain'), list(a, 'other')]
    expect([list(a, 'chain'), list(a, 'other')]).toEqual([[], []])
    for (const folder of ['chain', 'other']) volume.open(`${folder}/f`, 'write')
    expect(all()).toEqual([[], ['f'], ['f']])
    world.run(world.now + 100)
    expect(all()).toEqual([['f'], ['f'], ['f']])
  })

  test('what a machine writes on a shared volume others see once it is synced or closed, or its process has ended; never after its power went', () => {
    const world = worldWith({ kept: true })
    const volume = world.volume('store')
    const mounts = [{ at: '/store', volume }]
    const [a, b] = [world.machine('a', { mounts }), world.machine('b', { mounts })]
    const reader = b.start('b')
    const seen = () => content(world, reader, '/store/f')
    const written = (text: string): [SimProcess, File] => {
      const process = a.start('a')
      const file = open(world, process, '/store/f')
      write(world, file, text)
      expect(content(world, process, '/store/f')).toBe(text)
      return [process, file]
    }
    const [first, file] = written('one')
    expect(seen()).toBe('')
    act(world, (done) => file.sync(done))
    expect(seen()).toBe('one')
    write(world, file, 'two')
    expect(seen()).toBe('one')
    act(world, (done) => file.close(done))
    expect(seen()).toBe('two')
    first.kill()
    written('three')[0].kill()
    world.run(world.now + 1)
    expect(seen()).toBe('three')
    written('fourth')
    a.powerOff()
    expect([seen(), volume.list('/')]).toEqual(['three', ['f']])
  })
})
