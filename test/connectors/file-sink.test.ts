import { describe, expect, test } from 'vitest'
import type { PotorooError } from '../../src/base/errors.ts'
import { Prng } from '../../src/base/prng.ts'
import type { Json, Writer } from '../../src/connectors/connector.ts'
import { fileSink } from '../../src/connectors/file/describe.ts'
import { isMark } from '../../src/connectors/file/owner.ts'
import { isPending, segmentName, segmentParser, writerOf } from '../../src/connectors/file/segment.ts'
import { fileSinkConnector } from '../../src/connectors/file/sink.ts'
import type { Clock } from '../../src/env/clock.ts'
import { type Disk, DiskError, type DoneVoid, type File } from '../../src/env/disk.ts'
import type { Inode } from '../../src/sim/inode.ts'
import { calm, drawWeather } from '../../src/sim/weather.ts'
import { Bench } from './bench.ts'
import { changed } from './changed.ts'
import { severalStores } from './several-stores.ts'
import { crashes, findings, holds, random, type Trial, type TrialOptions } from './sink.contract.ts'

/** What a reader of the output directory takes: committed names only. */
function read({ machine }: Trial): string {
  const names = machine.volume.list('deep/out')
  if (!Array.isArray(names)) return ''
  let text = ''
  for (const name of names) {
    if (name.endsWith('.pending')) continue
    const file = machine.volume.open(`deep/out/${name}`, 'read') as Inode
    text += file.read(0, file.size).toString()
  }
  return text
}

function options(append: boolean): TrialOptions {
  return {
    seed: 1,
    weather: { ...calm, disk: { ...calm.disk, tornChance: 0.3 } },
    fallbacks: 0.3,
    connector: fileSinkConnector,
    description: fileSink<unknown>({ path: 'deep/out/rows', append, encode: String }),
    read,
  }
}

describe.each([
  ['a file for each epoch', options(false)],
  ['one growing file', options(true)],
])('file sink, %s', (_, base) => {
  test('gives every record exactly once when nothing goes wrong', () => {
    holds([base])
  })

  test('gives every record exactly once when it is killed between any two steps', () => {
    holds(crashes({ ...base, crash: 'kill' }))
  })

  test('gives every record exactly once when the power goes between any two steps', () => {
    holds(crashes({ ...base, crash: 'power' }))
  })

  test('gives every record exactly once through crash after crash, rollbacks and slow disks', () => {
    const weather = (seed: number) => {
      const drawn = drawWeather(new Prng(seed), false)
      // On the one machine that has it, what a dead process asked for does not land after its successor has begun.
      return {
        ...drawn,
        disk: { ...drawn.disk, lateChance: base.description.settings.append ? 0 : drawn.disk.lateChance },
      }
    }
    for (let seed = 1; seed <= 1000; seed++) {
      holds(random({ ...base, seed, crash: seed % 2 ? 'kill' : 'power', rollbacks: 0.2, weather: weather(seed) }, 1))
    }
  })
})

describe('file sink, step by step', () => {
  test('removes what is void at a restore, what is forgotten below the floor, and nothing else', () => {
    const on = new Bench(fileSinkConnector, fileSink<unknown>({ path: 'out/rows', encode: String }))
    const kept = [
      'other.000001-0000000001-x.pending',
      'rows.000004-0000000009-x',
      'rows.000004-0000000010-x',
      'rows.000005-0000000011-x.pending',
      'rows.backup',
      'rows.txt',
    ]
    const below = ['rows.000002-0000000004-x.pending', 'rows.000003-0000000007-x.pending']
    const voids = ['rows.000003-0000000011-x.pending', 'rows.000004-0000000011-x']
    for (const name of [...kept, ...below, ...voids]) on.volume.open(`out/${name}`, 'write')
    on.writer.restore({ generation: 5, epoch: 10, back: false, snapshots: [] }, () => {})
    on.pass(100)
    expect(on.names('out')).toEqual([...kept, ...below].sort())
    on.writer.floor(5)
    on.pass(100)
    expect(on.names('out')).toEqual([...kept, below[1]].sort())
    on.writer.floor(11)
    on.pass(100)
    expect(on.names('out')).toEqual(kept)
  })

  test('looks through its folder no more once nothing of before can be left in it', () => {
    const on = new Bench(fileSinkConnector, fileSink<unknown>({ path: 'out/rows', encode: String }))
    const { disk } = on.process.env
    const list = disk.list.bind(disk)
    let looks = 0
    disk.list = (path, done) => {
      looks++
      list(path, done)
    }
    const floors = (from: number, to: number): number => {
      looks = 0
      for (let epoch = from; epoch <= to; epoch++) {
        on.writer.floor(epoch)
        on.pass(100)
      }
      return looks
    }
    on.writer.restore({ generation: 5, epoch: 10, back: false, snapshots: [] }, () => {})
    on.pass(100)
    expect(floors(1, 100)).toBe(11)
    on.writer.restore({ generation: 6, epoch: 110, back: false, snapshots: [] }, () => {})
    on.pass(100)
    expect(floors(101, 200)).toBe(11)
  })

  test('removes what it began itself in this generation, for an earlier run, and leaves what others began', () => {
    const on = new Bench(fileSinkConnector, fileSink<unknown>({ path: 'out/rows', encode: String }))
    const kept = ['rows.000005-0000000002-w1', 'rows.000005-0000000003-w2', 'rows.000005-0000000004-w2.pending']
    const own = ['rows.000005-0000000003-w1', 'rows.000005-0000000004-w1.pending']
    for (const name of [...kept, ...own]) on.volume.open(`out/${name}`, 'write')
    on.writer.restore({ generation: 5, epoch: 2, back: false, snapshots: [] }, () => {})
    on.pass(100)
    expect(on.names('out')).toEqual(kept)
  })

  test.each([false, true])(
    'leaves what another store writes there alone, and says who it is (append: %s)',
    (append) => {
      const on = new Bench(fileSinkConnector, fileSink<unknown>({ path: 'out/rows', append, encode: String }))
      on.pass(100)
      const theirs = ['rows.000003-0000000050-w1', 'rows.000003-0000000051-w1.pending']
      for (const name of theirs) on.volume.open(`out/${name}`, 'write')
      const before = on.names('out')
      const failures: PotorooError[] = []
      const other = { store: 'other', pipeline: 'q', failed: (error: PotorooError) => failures.push(error) }
      let restored = 0
      on.another(other).restore({ generation: 4, epoch: 10, back: false, snapshots: [] }, () => restored++)
      on.pass(100)
      expect(on.names('out')).toEqual(before)
      expect(restored).toBe(0)
      expect(on.volume.list('out')).not.toContain('rows.owner-other.pending')
      expect(failures.map(({ code }) => code)).toEqual(['E_SINK_OWNER'])
      expect(failures[0]!.message).toContain('step "out" of pipeline "q" would write to out/rows')
      expect(failures[0]!.message).toContain('where step "out" of pipeline "p" of another store writes')

      // A person has found out that nothing of the first one runs any more.
      on.volume.remove('out/rows.owner-h.pending')
      on.another(other).restore({ generation: 4, epoch: 10, back: false, snapshots: [] }, () => restored++)
      on.pass(100)
      expect([restored, failures.length]).toEqual([1, 1])
      on.writer.restore({ generation: 5, epoch: 10, back: false, snapshots: [] }, () => restored++)
      on.pass(100)
      expect([restored, on.failures]).toEqual([1, ['E_SINK_OWNER']])
    },
  )

  test('goes on in a folder without a mark, as earlier versions leave it, and where there is no room for one', () => {
    const on = new Bench(fileSinkConnector, fileSink<unknown>({ path: 'out/rows', encode: String }))
    const names = () => (on.volume.list('out') as string[]).join()
    const { disk } = on.process.env
    const open = disk.open.bind(disk)
    let restored = 0
    const restore = (): void => {
      on.writer.restore({ generation: 2, epoch: 10, back: false, snapshots: [] }, () => restored++)
      on.pass(100)
    }
    on.pass(100)
    on.volume.remove('out/rows.owner-h.pending')
    on.volume.open('out/rows.000001-0000000009-w1', 'write')
    disk.open = (path, mode, done) => {
      if (!isMark(path)) open(path, mode, done)
      else on.process.env.clock.soon(() => done(new DiskError('full', 'open', path, 'no space'), null as never))
    }
    restore()
    expect([restored, names()]).toEqual([1, 'rows.000001-0000000009-w1'])
    disk.open = open
    restore()
    expect([restored, names()]).toEqual([2, 'rows.000001-0000000009-w1,rows.owner-h.pending'])
    restore()
    expect([restored, on.failures]).toEqual([3, []])
  })

  test('of stores that come to one path one begins at most, and who came first is refused at no later start', () => {
    for (let seed = 1; seed <= 50; seed++) expect(severalStores(seed)).toEqual([])
  })

  test('begins when what was under way at its place is done, of a run before it in this generation', () => {
    const base = { generation: 1, epoch: 0, back: false, snapshots: [] }
    const contentOf = ({ volume }: Bench, name: string) =>
      (volume.open(`out/${name}`, 'read') as Inode).read(0, 100).toString()
    for (const [append, sealed] of [
      [false, false],
      [false, true],
      [true, true],
    ] as const) {
      const on = new Bench(fileSinkConnector, fileSink<unknown>({ path: 'out/rows', append, encode: String }))
      on.pass(100)
      const { writer, home } = on
      if (sealed) {
        writer.write(Buffer.from('old'), 1)
        writer.barrier(1, 1, (snapshot) => {
          home.haze.over(['out/rows'], on.world.now + 500)
          writer.commit(1, snapshot)
        })
        on.pass(50)
      } else {
        home.haze.over(['out/rows'], on.world.now + 500)
        writer.write(Buffer.from('old'), 1)
      }
      writer.close()
      home.haze.lift()
      const next = on.another()
      let begins = false
      next.restore(base, () => (begins = true))
      on.pass(100)
      expect(begins).toBe(false)
      on.pass(1000)
      next.write(Buffer.from('new'), 1)
      next.barrier(1, 1, (snapshot) => next.commit(1, snapshot))
      on.pass(100)
      expect(on.failures).toEqual([])
      const [name, ...others] = on.names('out')
      expect([contentOf(on, name!), others]).toEqual(['new', []])
    }
  })

  test('ends when what was committed is visible', () => {
    for (const append of [false, true]) {
      const on = new Bench(fileSinkConnector, fileSink<unknown>({ path: 'out/rows', append, encode: String }))
      on.writer.restore({ generation: 1, epoch: 0, back: false, snapshots: [] }, () => {})
      on.pass(100)
      on.writer.write(Buffer.from('row'), 1)
      let shown: readonly string[] | null = null
      on.writer.barrier(1, 1, (snapshot) => {
        on.writer.commit(1, snapshot)
        on.writer.end(() => (shown = on.names('out')))
      })
      on.pass(1000)
      expect(shown).toEqual([append ? 'rows' : 'rows.000001-0000000001-w1'])
      expect(on.writer.status).toMatchObject({ records: 1, writtenBytes: 3 })
    }
  })

  test('refuses to go on where what a checkpoint lists is gone, of a file for each epoch with its folder', () => {
    for (const append of [false, true]) {
      const on = new Bench(fileSinkConnector, fileSink<unknown>({ path: 'out/rows', append, encode: String }))
      on.pass(100)
      if (!append) on.volume.removeTree('out')
      const snapshot = { length: 0, segments: [{ name: 'rows.000001-0000000001-x', bytes: 3, crc: 1 }] }
      on.writer.restore({ generation: 2, epoch: 1, back: false, snapshots: [snapshot] }, () => {
        throw new Error('restored')
      })
      on.pass(100)
      expect(on.failures).toEqual(['E_SEGMENT_GONE'])
    }
  })

  test('goes on without a file that a reader has taken, and says so', () => {
    const on = new Bench(fileSinkConnector, fileSink<unknown>({ path: 'out/rows', encode: String }))
    on.pass(100)
    on.write('row\n')
    const answer = on.barrier()
    on.pass(100)
    on.writer.commit(1, answer.snapshot!)
    on.pass(100)
    const [name, ...others] = on.names('out')
    expect(others).toEqual([])
    on.volume.remove(`out/${name}`)
    let restored = false
    const base = { generation: 2, epoch: 1, back: false, snapshots: [answer.snapshot!] }
    on.another().restore(base, () => (restored = true))
    on.pass(100)
    expect([restored, on.failures, on.warnings]).toEqual([true, [], ['E_SEGMENT_TAKEN']])
  })

  test.each([false, true])(
    'finishes what a dead writer has left pending, once, and nothing else (append: %s)',
    (append) => {
      const description = fileSink<unknown>({ path: 'out/rows', append, encode: String })
      const on = new Bench(fileSinkConnector, description)
      on.pass(100)
      on.write('row\n')
      const answer = on.barrier()
      on.pass(100)
      const other = 'rows.000001-0000000009-w2.pending'
      on.volume.open(`out/${other}`, 'write')
      on.writer.close()
      const finish = (): unknown => {
        let said: unknown = null
        fileSinkConnector.finish!(description, on.process.env, [answer.snapshot!], (...answers) => (said = answers))
        on.pass(100)
        return said
      }
      expect(finish()).toEqual([null, 1])
      const shown = append ? 'rows' : 'rows.000001-0000000001-w1'
      expect(on.names('out')).toEqual([shown, other].sort())
      expect((on.volume.open(`out/${shown}`, 'read') as Inode).read(0, 100).toString()).toBe('row\n')
      expect(finish()).toEqual([null, 0])
      // A reader has taken it.
      on.volume.remove(`out/${shown}`)
      expect(finish()).toEqual([null, 0])
      expect(on.names('out')).toEqual([other])
    },
  )

  test('leaves a growing file alone with which somebody has gone on', () => {
    const description = fileSink<unknown>({ path: 'out/rows', append: true, encode: String })
    const on = new Bench(fileSinkConnector, description)
    on.pass(100)
    on.write('row\n')
    const answer = on.barrier()
    on.pass(100)
    on.writer.close()
    const file = on.volume.open('out/rows', 'write') as Inode
    on.volume.write(file, 0, Buffer.from('another row\n'))
    let said: readonly [string | null, number] | null = null
    fileSinkConnector.finish!(description, on.process.env, [answer.snapshot!], (...answers) => (said = answers))
    on.pass(100)
    expect(said).toEqual([expect.stringContaining('is longer'), 0])
    expect(file.read(0, 100).toString()).toBe('another row\n')
  })

  test('refuses a growing file that is shorter than a checkpoint says', () => {
    const on = new Bench(fileSinkConnector, fileSink<unknown>({ path: 'out/rows', append: true, encode: String }))
    on.writer.restore({ generation: 2, epoch: 1, back: false, snapshots: [{ length: 100, segments: [] }] }, () => {})
    on.pass(100)
    expect(on.failures).toEqual(['E_FILE_SINK_SHORT'])
  })

  test('appends behind what a file held before the pipeline was', () => {
    const on = new Bench(fileSinkConnector, fileSink<unknown>({ path: 'out/rows', append: true, encode: String }))
    const file = on.volume.open('out/rows', 'write') as Inode
    on.volume.write(file, 0, Buffer.from('before\n'))
    on.writer.restore({ generation: 1, epoch: 0, back: false, snapshots: [] }, () => {})
    on.pass(100)
    on.write('new\n')
    const answer = on.barrier()
    on.pass(100)
    on.writer.commit(1, answer.snapshot!)
    on.pass(100)
    expect(file.read(0, file.size).toString()).toBe('before\nnew\n')
  })

  test('stops its task while the disk is behind, and gives up when it fails', () => {
    const weather = { ...calm, disk: { ...calm.disk, capacityBytes: 2500 } }
    const on = new Bench(fileSinkConnector, fileSink<unknown>({ path: 'out/rows', encode: String }), weather)
    on.pass(100)
    expect(on.write('x'.repeat(1200))).toBe(false)
    on.pass(100)
    expect(on.writer.room).toBe(true)
    expect(on.wakes).toBe(1)
    on.write('x'.repeat(1200))
    on.write('x'.repeat(1200))
    const answer = on.barrier()
    on.pass(100)
    expect(on.failures).toEqual(['E_DISK'])
    expect(answer.snapshot).toBeUndefined()
  })

  test('takes no further step once it is closed, in the middle of a commit or not', () => {
    let begun = 0
    for (let ms = 0; ms < 3; ms += 0.1) {
      const on = new Bench(fileSinkConnector, fileSink<unknown>({ path: 'out/rows', append: true, encode: String }))
      on.pass(100)
      on.write('row\n')
      const answer = on.barrier()
      on.pass(100)
      on.writer.commit(1, answer.snapshot!)
      on.pass(ms)
      on.writer.close()
      // What was asked for may still be done, and no step after it.
      on.pass(0.7)
      const [left] = on.names('out').slice(-1)
      on.pass(1000)
      expect(on.names('out').slice(-1)).toEqual([left])
      expect(on.failures).toEqual([])
      if (left!.endsWith('.pending')) begun++
    }
    expect(begun).toBeGreaterThan(0)
    expect(begun).toBeLessThan(30)
  })

  /** A growing file that holds `bytes`, and a snapshot that lists a segment with `row`. */
  function growing(row: string, bytes: string) {
    const on = new Bench(fileSinkConnector, fileSink<unknown>({ path: 'out/rows', append: true, encode: String }))
    on.pass(100)
    on.write(row)
    const answer = on.barrier()
    on.pass(100)
    const file = on.volume.open('out/rows', 'write') as Inode
    on.volume.write(file, 0, Buffer.from(bytes))
    const restore = (generation: number, back: boolean) => {
      on.writer.restore({ generation, epoch: 1, back, snapshots: [answer.snapshot!] }, () => {})
      on.pass(100)
    }
    return { on, file, restore, snapshot: answer.snapshot!, text: () => file.read(0, file.size).toString() }
  }

  test('a commit leaves what stands behind it, and so does a restore, unless it goes back', () => {
    // A worker that has followed this one has committed more.
    const { on, restore, snapshot, text } = growing('first\n', 'first\nsecond\n')
    on.writer.commit(1, snapshot)
    on.pass(100)
    expect(text()).toBe('first\nsecond\n')
    restore(2, false)
    expect(text()).toBe('first\nsecond\n')
    restore(3, true)
    expect(text()).toBe('first\n')
  })

  test('writes once more what it reads in a growing file while the segment is there: a sync may have failed', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = new Prng(seed)
      // An earlier life has written it, and its sync has failed.
      const { file, restore, text } = growing('row\n', 'row\n')
      file.failSync(random)
      restore(2, false)
      file.losePower(random, { keep: 0, torn: 0 })
      expect(text()).toBe('row\n')
    }
  })

  test.each([
    [false, null],
    [true, { length: 0, segments: [] }],
  ])('leaves nothing in the snapshot of an epoch without output but the length of a growing file', (append, held) => {
    const on = new Bench(fileSinkConnector, fileSink<unknown>({ path: 'out/rows', append, encode: String }))
    on.pass(100)
    const answer = on.barrier()
    on.pass(1)
    expect(answer.snapshot).toEqual(held)
    expect(on.names('out')).toEqual(append ? ['rows'] : [])
  })
})

/** Faults at the border between worker and writer, each the failure that a rule forbids. */
const mutants: readonly [string, boolean, (writer: Writer, trial: Trial) => Writer][] = [
  [
    'commits with the barrier, before the epoch is complete',
    false,
    (writer) =>
      changed(writer, {
        barrier: (epoch, generation, done) =>
          writer.barrier(epoch, generation, (snapshot) => {
            writer.commit(epoch, snapshot)
            done(snapshot)
          }),
      }),
  ],
  [
    'answers the barrier at once, with the snapshot of the one before',
    false,
    (writer) => {
      let last: Json = { length: 0, segments: [] }
      return changed(writer, {
        barrier: (epoch, generation, done) => {
          done(last)
          writer.barrier(epoch, generation, (snapshot) => {
            last = snapshot
          })
        },
      })
    },
  ],
  [
    'repeats no commit at a restore',
    false,
    (writer) => changed(writer, { restore: (base, done) => writer.restore({ ...base, snapshots: [] }, done) }),
  ],
  ['commits nothing', false, (writer) => changed(writer, { commit: () => {} })],
]

describe('the contract finds a file sink that', () => {
  test.each(mutants)('%s', (_, append, mutate) => {
    expect(findings(crashes({ ...options(append), crash: 'kill', mutate }))).toBeGreaterThan(0)
  })

  test('appends without cutting first', () => {
    expect(findings(crashes({ ...options(true), crash: 'kill', disk: withoutCut }))).toBeGreaterThan(0)
  })

  test('syncs nothing', () => {
    expect(findings(crashes({ ...options(false), crash: 'power', disk: withoutSync }))).toBeGreaterThan(0)
  })

  test('does not sync the names', () => {
    expect(findings(crashes({ ...options(true), crash: 'power', disk: withoutDirectorySync }))).toBeGreaterThan(0)
  })
})

function onFiles(disk: Disk, change: (file: File) => Partial<File>): Disk {
  const open: Disk['open'] = (path, mode, done) =>
    disk.open(path, mode, (error, file) => {
      if (error !== null) done(error, file)
      else done(null, Object.assign(Object.create(file) as File, change(file)))
    })
  return Object.assign(Object.create(disk) as Disk, { open })
}

const withoutCut = (disk: Disk, clock: Clock): Disk =>
  onFiles(disk, () => ({ truncate: (_, done) => clock.soon(() => done(null)) }))

const withoutSync = (disk: Disk, clock: Clock): Disk =>
  onFiles(disk, () => ({ sync: (done) => clock.soon(() => done(null)) }))

const withoutDirectorySync = (disk: Disk, clock: Clock): Disk =>
  Object.assign(Object.create(disk) as Disk, {
    syncDirectory: (_: string, done: DoneVoid) => clock.soon(() => done(null)),
  })

test('a path that no file can have is refused', () => {
  const faults = (path: string, append: boolean) => fileSink({ path, append, encode: String }).faults
  expect(faults('out/', false)).toEqual([])
  expect(faults('out/', true)).toEqual([expect.stringMatching(/^fileSink: path /)])
  expect(faults('a\0b', false)).toEqual([expect.stringMatching(/^fileSink: path /)])
})

test('segments of two writers never have one name, and each is known by its own', () => {
  const writers = ['w1', 'a_b-1', 'a.b-1', 'a b-1', 'é', 'ü', '甲', '乙']
  const names = writers.map((writer) => segmentName('out/rows', 1, 2, writer))
  expect(new Set(names).size).toBe(writers.length)
  expect(names[0]).toBe('rows.000001-0000000002-w1')
  for (const [i, name] of names.entries()) {
    const parts = { generation: 1, epoch: 2, writer: writerOf(writers[i]!), pending: true }
    expect(segmentParser('out/rows')(`${name}.pending`)).toEqual(parts)
    expect(isPending(`${name}.pending`)).toBe(true)
  }
})
