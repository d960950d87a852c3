import { describe, expect, test } from 'vitest'
import type { PotorooError } from '../../src/base/errors.ts'
import { makeLimits } from '../../src/base/limits.ts'
import { Prng } from '../../src/base/prng.ts'
import type { Place } from '../../src/connectors/connector.ts'
import { fileSource } from '../../src/connectors/file/describe.ts'
import { fileSourceConnector } from '../../src/connectors/file/source.ts'
import { type Found, findAgain, headOf } from '../../src/connectors/file/succession.ts'
import type { Decoder, Framing, SourceDescription } from '../../src/model/connector.ts'
import { decoder, utf8 } from '../../src/model/decoder.ts'
import { csvLines, customFraming, fixedSize, lengthPrefix, lines } from '../../src/model/framing.ts'
import type { Inode } from '../../src/sim/inode.ts'
import { type Machine, type SimProcess, World } from '../../src/sim/world.ts'
import { expectReplayable, expectRising, type Reading, type ReadingOptions, readAll } from './source.contract.ts'

const PATH = 'logs/app'

class Scene {
  readonly world: World
  readonly machine: Machine
  readonly process: SimProcess

  constructor(seed = 1) {
    this.world = new World(seed)
    this.machine = this.world.machine('reader')
    this.process = this.machine.start('reader')
    this.machine.volume.makeDirectory('logs')
  }

  append(bytes: string | Buffer, path = PATH): void {
    const file = this.machine.volume.open(path, 'write') as Inode
    this.machine.volume.write(file, file.size, Buffer.from(bytes))
  }

  rename(from: string, to: string): void {
    this.machine.volume.rename(from, to)
  }

  truncate(path = PATH): void {
    this.machine.volume.truncate(this.machine.volume.open(path, 'read') as Inode, 0)
  }

  reading(description: SourceDescription<unknown>, more: Partial<ReadingOptions> = {}): ReadingOptions {
    const { world, process } = this
    return { world, process, connector: fileSourceConnector, description, split: PATH, ...more }
  }
}

function source(
  follow: boolean,
  framing: Framing = lines(),
  decode: Decoder<unknown> = utf8,
): SourceDescription<unknown> {
  return fileSource<unknown>({ path: PATH, follow, framing, decode })
}

function values(reading: Reading): unknown[] {
  return reading.records.map((record) => record.value)
}

const texts = (count: number, seed: number): string[] => {
  const random = new Prng(seed)
  return Array.from({ length: count }, (_, i) => `${i}:${'x'.repeat(random.below(40))}`)
}

describe('a file that is read once', () => {
  test('gives its lines, with the offsets of their first bytes', () => {
    const scene = new Scene()
    scene.append('ab\r\n\ncdé\nlast')
    const reading = readAll(scene.reading(source(false)))
    expect(reading.ended).toBe(true)
    expect(reading.records).toEqual([
      { value: 'ab', position: 0 },
      { value: '', position: 4 },
      { value: 'cdé', position: 5 },
      { value: 'last', position: 10 },
    ])
    expect(reading.place.position).toBe(14)
  })

  test.each([
    ['lines', lines(), (rows: string[]) => rows.map((row) => `${row}\n`)],
    [
      'lines without the last end',
      lines(),
      (rows: string[]) => rows.map((row, i) => (i < rows.length - 1 ? `${row}\n` : row)),
    ],
    ['quoted lines', csvLines(), (rows: string[]) => rows.map((row) => `"${row}\n"\n`)],
    ['length prefixes', lengthPrefix(), framed(lengthPrefix())],
    ['short prefixes', lengthPrefix({ bytes: 1 }), framed(lengthPrefix({ bytes: 1 }))],
    ['records of one size', fixedSize(8), (rows: string[]) => rows.map((row) => row.slice(0, 8).padEnd(8))],
  ])('resumes anywhere: %s', (_, framing, write) => {
    const rows = write(texts(1000, 7))
    expectReplayable(() => {
      const scene = new Scene()
      scene.append(Buffer.concat(rows.map((row) => Buffer.from(row))))
      return scene.reading(source(false, framing))
    }, 5)
    const scene = new Scene()
    scene.append(Buffer.concat(rows.map((row) => Buffer.from(row))))
    expect(readAll(scene.reading(source(false, framing))).records).toHaveLength(1000)
  })

  test('gives records over several blocks', () => {
    const scene = new Scene()
    const rows = [`a${'x'.repeat(300_000)}`, 'b', `c${'y'.repeat(600_000)}`, 'd']
    scene.append(rows.join('\n'))
    expect(values(readAll(scene.reading(source(false))))).toEqual(rows)
  })

  test('hands over what its decoder refuses, with its bytes', () => {
    const even = decoder((bytes, start, end) => {
      const n = Number(bytes.toString('latin1', start, end))
      if (n % 2 === 1) throw new Error('odd')
      return n
    })
    const scene = new Scene()
    scene.append('2\n3\n4\n')
    const reading = readAll(scene.reading(source(false, lines(), even)))
    expect(values(reading)).toEqual([2, 4])
    expect(reading.failed).toEqual([{ value: '3', position: 2 }])
  })

  test('hands over a fragment at its end', () => {
    const scene = new Scene()
    scene.append(Buffer.from([0, 0, 0, 2, 65, 66, 0, 0, 0, 9, 67]))
    const reading = readAll(scene.reading(source(false, lengthPrefix())))
    expect(values(reading)).toEqual(['AB'])
    expect(reading.failed).toEqual([{ value: '\0\0\0\tC', position: 6 }])
    expect(reading.ended).toBe(true)
  })

  test('stops in front of a last record that is too long, which is no fragment', () => {
    const scene = new Scene()
    scene.append(`${'x'.repeat(1500)}`)
    const whole = customFraming({ name: 'whole', next: () => null, endsWithStream: true })
    const reading = readAll(scene.reading(source(false, whole), { limits: { recordBytes: 1000 } }))
    expect([reading.error, values(reading), reading.failed]).toEqual(['E_FILE_RECORD', [], []])
  })

  test('stops where no record can begin, behind all that it could read', () => {
    const scene = new Scene()
    scene.append(`a\nb\n${'x'.repeat(2000)}\nc\n`)
    const reading = readAll(scene.reading(source(false), { limits: { recordBytes: 1000 } }))
    expect(values(reading)).toEqual(['a', 'b'])
    expect(reading.error).toBe('E_FILE_RECORD')
  })

  test('does not end where it stops, however soon it is asked again', () => {
    const scene = new Scene()
    scene.append(`a\n${'x'.repeat(2000)}\n`)
    const { description, process } = scene.reading(source(false))
    const { env } = process
    const said: string[] = []
    const context = {
      ...{ env, limits: makeLimits({ recordBytes: 1000 }), step: 'in', wake() {}, warn() {} },
      failed: ({ code }: PotorooError) => said.push(code),
    }
    const reader = fileSourceConnector.open(description, PATH, null, context)
    scene.world.run(scene.world.now + 100)
    const into = { push() {}, failed() {} }
    expect([1, 2, 3].map(() => reader.poll(into, 10, 0))).toEqual(['idle', 'idle', 'idle'])
    scene.world.run(scene.world.now + 100)
    expect(said).toEqual(['E_FILE_RECORD'])
  })

  test('says so when it is not there', () => {
    expect(readAll(new Scene().reading(source(false))).error).toBe('E_FILE')
  })

  test('does not resume in another file', () => {
    const scene = new Scene()
    scene.append('a\nb\n')
    const { place } = readAll(scene.reading(source(false)))
    scene.truncate()
    scene.append('x\ny\nz\n')
    expect(readAll(scene.reading(source(false), { place })).error).toBe('E_FILE_CHANGED')
  })

  test('is closed once it was read to its end, and says where it stands', () => {
    const scene = new Scene()
    scene.append('a\nb\n')
    const { disk } = scene.process.env
    const opened = disk.open.bind(disk)
    let open = 0
    disk.open = (path, mode, done) =>
      opened(path, mode, (error, file) => {
        if (error !== null) return done(error, file)
        open++
        const close = file.close.bind(file)
        file.close = (then) => {
          open--
          close(then)
        }
        done(null, file)
      })
    const { description, process } = scene.reading(source(false))
    const context = { env: process.env, limits: makeLimits(), step: 'in', wake() {}, warn() {}, failed() {} }
    const reader = fileSourceConnector.open(description, PATH, null, context)
    const read: unknown[] = []
    const into = { push: (value: unknown) => read.push(value), failed() {} }
    scene.world.run(scene.world.now + 100)
    expect([reader.poll(into, 10, 0), open]).toEqual(['idle', 1])
    scene.world.run(scene.world.now + 100)
    expect([reader.poll(into, 10, 0), open, read]).toEqual(['ended', 0, ['a', 'b']])
    expect(reader.place()).toMatchObject({ position: 4, headBytes: 4, whole: true })
  })

  test('is not missed once it was read to its end', () => {
    const scene = new Scene()
    scene.append('a\nb\n')
    const { place } = readAll(scene.reading(source(false)))
    scene.append('c\n')
    const more = readAll(scene.reading(source(false), { place }))
    expect(values(more), 'what it has grown by').toEqual(['c'])
    scene.machine.volume.remove(PATH)
    const gone = readAll(scene.reading(source(false), { place: more.place }))
    expect(gone).toMatchObject({ ended: true, error: null, records: [], place: more.place })
  })

  test('is missed where it was not read to its end', () => {
    const scene = new Scene()
    scene.append('a\nb\n')
    const { place } = readAll(scene.reading(source(false), { until: (now) => now.records.length === 2 }))
    scene.machine.volume.remove(PATH)
    expect(readAll(scene.reading(source(false), { place })).error).toBe('E_FILE_CHANGED')
  })
})

function framed(framing: Framing): (rows: string[]) => Buffer[] {
  return (rows) => rows.map((row) => Buffer.concat(framing.frame(Buffer.from(row))))
}

describe('a file that is followed', () => {
  /** Writes `rows` while they are read, and does `event` in front of some of them. */
  function growing(scene: Scene, rows: string[], event: (heard: number) => void): (reading: Reading) => void {
    let next = 0
    return (reading) => {
      for (let i = 0; i < 3 && next < rows.length; i++, next++) {
        event(reading.records.length)
        scene.append(`${rows[next]}\n`)
      }
    }
  }

  test('waits for it to come, and for more', () => {
    const scene = new Scene()
    const rows = texts(200, 3)
    const reading = readAll(
      scene.reading(source(true), {
        between: growing(scene, rows, () => {}),
        until: (now) => now.records.length === rows.length,
      }),
    )
    expect(values(reading)).toEqual(rows)
    expectRising(reading.records)
  })

  test('waits for the rest of a line', () => {
    const scene = new Scene()
    scene.append('whole\nha')
    const reading = readAll(scene.reading(source(true), { patienceMs: 2000 }))
    expect(values(reading)).toEqual(['whole'])
    scene.append('lf\n')
    const rest = readAll(scene.reading(source(true), { place: reading.place, patienceMs: 2000 }))
    expect(rest.records).toEqual([{ value: 'half', position: 6 }])
  })

  test.each([
    ['numbered', (n: number, total: number) => `${PATH}.${total - n}`],
    ['dated', (n: number) => `${PATH}-2026010${n}`],
  ])('goes on when it is rotated, with its reader there or away: %s', (kind, _name) => {
    for (let seed = 1; seed <= 20; seed++) {
      const scene = new Scene(seed)
      const rows = texts(300, seed)
      let rotations = 0
      const rotate = (): void => {
        rotations++
        if (kind === 'dated') {
          scene.rename(PATH, `${PATH}-2026010${rotations}`)
          return
        }
        for (let n = rotations - 1; n >= 1; n--) scene.rename(`${PATH}.${n}`, `${PATH}.${n + 1}`)
        scene.rename(PATH, `${PATH}.1`)
      }
      const random = new Prng(seed)
      const reading = readAll(
        scene.reading(source(true), {
          seed,
          reopen: 0.2,
          between: growing(scene, rows, (heard) => {
            if (heard > 0 && rotations < 6 && random.chance(0.05)) rotate()
          }),
          until: (now) => now.records.length >= rows.length,
        }),
      )
      expect(reading.error, `seed ${seed}`).toBeNull()
      expect(values(reading), `seed ${seed}, ${rotations} rotations`).toEqual(rows)
      expectRising(reading.records)
    }
  })

  test('gives the unfinished line of a file that was rotated away', () => {
    const scene = new Scene()
    scene.append('a\nb')
    let rotated = false
    const reading = readAll(
      scene.reading(source(true), {
        between: (now) => {
          if (now.records.length === 0 || rotated) return
          rotated = true
          scene.rename(PATH, `${PATH}.1`)
          scene.append('c\n')
        },
        until: (now) => now.records.length === 3,
      }),
    )
    expect(values(reading)).toEqual(['a', 'b', 'c'])
  })

  test('hears the last words of a file, wherever in its looking the file is rotated', () => {
    for (let event = 1; event <= 80; event++) {
      const scene = new Scene()
      scene.append('a\n')
      let left = event
      const reading = readAll(
        scene.reading(source(true), {
          between: () => {
            while (left > 0 && scene.world.step()) {
              if (--left > 0) continue
              scene.append('b\n')
              scene.rename(PATH, `${PATH}.1`)
              scene.append('c\n')
            }
          },
          until: (now) => left === 0 && now.records.length >= 3,
        }),
      )
      expect(values(reading), `rotated after event ${event}`).toEqual(['a', 'b', 'c'])
    }
  })

  test('finds its way through two rotations, wherever in its looking they come', () => {
    for (let event = 1; event <= 60; event += 2) {
      for (let gap = 1; gap <= 40; gap += 2) {
        const scene = new Scene()
        scene.append('a\n')
        let left = event + gap
        const reading = readAll(
          scene.reading(source(true), {
            between: () => {
              while (left > 0 && scene.world.step()) {
                left--
                if (left === gap) {
                  scene.rename(PATH, `${PATH}.1`)
                  scene.append('b\n')
                } else if (left === 0) {
                  scene.rename(`${PATH}.1`, `${PATH}.2`)
                  scene.rename(PATH, `${PATH}.1`)
                  scene.append('c\n')
                }
              }
            },
            until: (now) => left === 0 && now.records.length >= 3,
            patienceMs: 5000,
          }),
        )
        expect(values(reading), `rotated after event ${event} and ${gap} more`).toEqual(['a', 'b', 'c'])
      }
    }
  })

  test.each([
    ['with others beside it', 1, ['E_FILE_MISSED']],
    ['alone', 0, []],
  ])('says so where the file before is gone when it has been read, %s', (_, others, warnings) => {
    const scene = new Scene()
    scene.append('a\n')
    let removed = false
    const reading = readAll(
      scene.reading(source(true), {
        between: (now) => {
          if (removed || now.records.length === 0) return
          removed = true
          scene.machine.volume.remove(PATH)
          for (let n = 1; n <= others; n++) scene.append('b\n', `${PATH}.${n}`)
          scene.append('c\n')
        },
        until: (now) => now.records.length === 2,
        patienceMs: 5000,
      }),
    )
    expect(values(reading)).toEqual(['a', 'c'])
    expect(reading.warnings).toEqual(warnings)
  })

  test('goes on in a file that begins as the one before did, which had no more than that', () => {
    for (const seed of [1, 2, 3]) {
      const scene = new Scene(seed)
      scene.append('id,n\n')
      let rotated = false
      const reading = readAll(
        scene.reading(source(true), {
          seed,
          between: (now) => {
            if (rotated || now.records.length === 0) return
            rotated = true
            scene.rename(PATH, `${PATH}.1`)
            scene.append('id,n\n1,2\n')
          },
          until: (now) => now.records.length === 3,
          patienceMs: 5000,
        }),
      )
      expect(values(reading)).toEqual(['id,n', 'id,n', '1,2'])
      expectRising(reading.records)
      scene.append('3,4\n')
      const until = (now: Reading): boolean => now.records.length === 1
      expect(values(readAll(scene.reading(source(true), { place: reading.place, until })))).toEqual(['3,4'])
    }
  })

  describe('of which only what others begin with had been read, and which was rotated while nobody read it', () => {
    // Wide enough that nothing but names is looked at.
    const wide = `${Array.from({ length: 300 }, (_, i) => `column${i}`).join()}\n`
    const end = 'the end'

    /** What follows `read` where `happens` in between. */
    function readBehind(read: string, happens: (scene: Scene) => void, forget: readonly string[] = []): unknown[] {
      const scene = new Scene()
      scene.append(read)
      const { place } = readAll(scene.reading(source(true), { patienceMs: 2000 }))
      happens(scene)
      scene.append(`${end}\n`)
      const kept = Object.fromEntries(Object.entries(place).filter(([field]) => !forget.includes(field))) as Place
      const until = (now: Reading): boolean => now.records.at(-1)?.value === end
      const reading = readAll(scene.reading(source(true), { place: kept, until, patienceMs: 5000 }))
      expect(reading).toMatchObject({ error: null, warnings: [] })
      return values(reading)
    }

    test.each([
      ['a line of names', 'id,n\n', 'id,n\n'],
      ['a line of names longer than what is looked at, and rows', wide, `${wide}1,2\n`],
    ])('goes on where it was, and then in the one that came behind: %s', (_, names, read) => {
      const rotate = (scene: Scene): void => {
        scene.append('3,4\n')
        scene.rename(PATH, `${PATH}.1`)
        scene.append(`${names}5,6\n7,8\n`)
      }
      expect(readBehind(read, rotate)).toEqual(['3,4', names.trim(), '5,6', '7,8', end])
      const twice = (scene: Scene): void => {
        rotate(scene)
        scene.rename(`${PATH}.1`, `${PATH}.2`)
        scene.rename(PATH, `${PATH}.1`)
        scene.append(`${names}9,10\n`)
      }
      expect(readBehind(read, twice)).toEqual(['3,4', names.trim(), '5,6', '7,8', names.trim(), '9,10', end])
    })

    test('goes on under its own name where it was put back from a copy, beside others that begin alike', () => {
      const copied = (scene: Scene): void => {
        scene.append('id,n\n1,2\n', `${PATH}.1`)
        scene.machine.volume.remove(PATH)
        scene.append('id,n\n3,4\n')
      }
      expect(readBehind('id,n\n', copied)).toEqual(['3,4', end])
    })

    test('goes on in a copy that was made of it before it was emptied', () => {
      const emptied = (scene: Scene): void => {
        scene.append('id,n\n1,2\n3,4\n', `${PATH}.1`)
        scene.truncate()
        scene.append('id,n\n')
      }
      expect(readBehind('id,n\n1,2\n', emptied)).toEqual(['3,4', 'id,n', end])
    })

    test('its place of before numbers were kept is read as it was', () => {
      const grown = (scene: Scene): void => scene.append('1,2\n')
      expect(readBehind('id,n\n', grown, ['inode'])).toEqual(['1,2', end])
    })
  })

  test.each([0.2, 0.5, 1])('is found again while it is rotated every %d ms', (ms) => {
    const scene = new Scene()
    const { world, process } = scene
    const { clock, disk } = process.env
    scene.append('aaaa\n')
    let rotations = 0
    const rotate = (): void => {
      for (let n = rotations; n >= 1; n--) scene.rename(`${PATH}.${n}`, `${PATH}.${n + 1}`)
      scene.rename(PATH, `${PATH}.1`)
      scene.append(`b${++rotations}\n`)
      if (rotations * ms < 200) clock.after(ms, rotate)
    }
    rotate()
    let found: Found | null | undefined
    findAgain(disk, clock, PATH, { head: headOf(Buffer.from('aaaa\n')), at: 5 }, (_, file) => {
      found = file
    })
    world.runUntil(() => found !== undefined, world.now + 2000)
    expect(found?.path).toMatch(/^logs\/app\.\d+$/)
  })

  test('keeps to the old file as long as the new one is empty', () => {
    const scene = new Scene()
    scene.append('a\n')
    let step = 0
    const reading = readAll(
      scene.reading(source(true), {
        between: () => {
          if (scene.world.now > 1000 * (step + 1)) step++
          else return
          if (step === 1) {
            scene.rename(PATH, `${PATH}.1`)
            scene.append('')
          } else if (step === 2) scene.append('b\n', `${PATH}.1`)
          else if (step === 3) scene.append('c\n')
        },
        until: (now) => now.records.length === 3,
      }),
    )
    expect(values(reading)).toEqual(['a', 'b', 'c'])
  })

  test.each([
    ['shorter', 'c\n'],
    ['as long', 'cccc\ndddd\n'],
    ['longer', 'cccc\ndddd\neeee\n'],
  ])('begins anew when it was cut, and says so, also where it is %s by then', (_, next) => {
    const scene = new Scene()
    scene.append('aaaa\nbbbb\n')
    const rows = ['aaaa', 'bbbb', ...next.trimEnd().split('\n')]
    let polls = 0
    const reading = readAll(
      scene.reading(source(true), {
        between: (now) => {
          // Once nothing of it is being read.
          if (now.records.length < 2 || ++polls !== 5) return
          scene.truncate()
          scene.append(next)
        },
        until: (now) => now.records.length === rows.length,
      }),
    )
    expect(values(reading)).toEqual(rows)
    expect(reading.warnings).toEqual(['E_FILE_SHRUNK'])
    expectRising(reading.records)
  })

  test.each([
    ['with more in it', 'a\nb\nc\n', ['a', 'b', 'a', 'b', 'c'], ['E_FILE_REPLACED']],
    ['as it was', 'a\nb\n', ['a', 'b', 'a', 'b'], ['E_FILE_REPLACED']],
    ['of other content', 'x\nb\nc\n', ['a', 'b', 'x', 'b', 'c'], []],
    ['shorter than it was', 'a\n', ['a', 'b', 'a'], []],
  ])(
    'reads all of what an editor has put in the place of a file, %s, and says what may count twice',
    (_, next, rows, said) => {
      const scene = new Scene()
      scene.append('a\nb\n')
      let polls = 0
      const reading = readAll(
        scene.reading(source(true), {
          between: (now) => {
            if (now.records.length < 2 || ++polls !== 5) return
            scene.append(next, 'logs/.app.new')
            scene.rename('logs/.app.new', PATH)
          },
          until: (now) => now.records.length === rows.length,
        }),
      )
      expect(values(reading)).toEqual(rows)
      expect(reading.warnings).toEqual(said)
      expectRising(reading.records)
    },
  )

  test.each([
    ['shorter', 'c\n'],
    ['longer', 'cccc\ndddd\neeee\n'],
  ])('goes on behind one that was cut, in what is %s by then', (_, next) => {
    const scene = new Scene()
    scene.append('aaaa\nbbbb\n')
    const before = readAll(
      scene.reading(source(true), {
        between: (now) => {
          if (now.records.length === 2 && now.warnings.length === 0) scene.truncate()
        },
        until: (now) => now.warnings.length > 0,
      }),
    )
    const { place } = before
    scene.append(next)
    const rows = next.trimEnd().split('\n')
    const after = readAll(scene.reading(source(true), { place, until: (now) => now.records.length === rows.length }))
    expect(values(after)).toEqual(rows)
    expect(after.error).toBeNull()
    expectRising([...before.records, ...after.records])
  })

  test.each([
    [true, ['E_FILE_MISSED']],
    [false, []],
  ])(
    'goes on in another file where the one that it had not begun is gone, and says so where it follows (%s)',
    (follow, said) => {
      const scene = new Scene()
      scene.append('a\n')
      const { place } = readAll(scene.reading(source(true), { until: (now) => now.records.length === 1 }))
      scene.machine.volume.remove(PATH)
      scene.append('b\n')
      const begun = { ...place, position: 0, frame: 0 }
      const until = (now: Reading): boolean => now.records.length === 1
      const reading = readAll(scene.reading(source(follow), { place: begun, until }))
      expect([values(reading), reading.error, reading.warnings]).toEqual([['b'], null, said])
    },
  )

  test('says so when the file that it stood in is gone', () => {
    const scene = new Scene()
    scene.append('a\nb\n')
    const { place } = readAll(scene.reading(source(true), { until: (now) => now.records.length === 2 }))
    scene.machine.volume.remove(PATH)
    scene.append('x\n')
    expect(readAll(scene.reading(source(true), { place })).error).toBe('E_FILE_CHANGED')
  })
})

describe('splits', () => {
  function splits(path: string): readonly string[] {
    const scene = new Scene()
    const segments = ['out.000001-0000000001-w', 'out.000001-0000000002-w.pending']
    for (const name of ['b.log', 'a.log', 'a.log.gz', 'ab.txt', '.a.log.swp', ...segments])
      scene.append('', `logs/${name}`)
    scene.machine.volume.makeDirectory('logs/c.log')
    let found: readonly string[] = []
    const context = { ...({} as never as object), env: scene.process.env } as never
    fileSourceConnector.splits(fileSource({ path }), context, (_, names) => {
      found = names
    })
    scene.world.run(1000)
    return found
  }

  test.each([
    ['logs/a.log', ['logs/a.log']],
    ['logs/*.log', ['logs/a.log', 'logs/b.log']],
    ['logs/?b.*', ['logs/ab.txt']],
    ['logs/b.log, logs/a.log', ['logs/a.log', 'logs/b.log']],
    ['logs/nothing*', []],
    ['logs/.*', ['logs/.a.log.swp']],
    ['logs/?a.log*', []],
    ['logs/*a.log*', ['logs/a.log', 'logs/a.log.gz']],
    ['logs/*.log, ./logs//a.log', ['logs/a.log', 'logs/b.log']],
    ['./logs/a.log', ['./logs/a.log']],
    ['logs/out*', ['logs/out.000001-0000000001-w']],
  ])('%s', (path, expected) => {
    expect(splits(path)).toEqual(expected)
  })

  test.each(['a.log,', 'logs/', 'logs/*/a.log', 'a\0b'])('a path that no file can have is refused: %j', (path) => {
    expect(fileSource({ path }).faults).toEqual([expect.stringMatching(/^fileSource: path /)])
  })
})
