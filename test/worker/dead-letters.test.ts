import { describe, expect, test } from 'vitest'
import { fail, type PotorooError } from '../../src/base/errors.ts'
import type { Json } from '../../src/base/json.ts'
import { makeLimits } from '../../src/base/limits.ts'
import type { Store } from '../../src/checkpoint/store.ts'
import { Batch } from '../../src/dataflow/batch.ts'
import type { Runtime } from '../../src/dataflow/runtime.ts'
import type { Clock } from '../../src/env/clock.ts'
import { generatorSource, nullSink, pipeline } from '../../src/index.ts'
import { plan } from '../../src/model/planner.ts'
import { SplitTable } from '../../src/worker/execution/sources/split-table.ts'
import { contentOf, type DeadLetter, describeError, makeLetter, sizeOf } from '../../src/worker/letters/dead-letter.ts'
import { DeadLetters } from '../../src/worker/letters/dead-letters.ts'
import { LetterDesk } from '../../src/worker/letters/letter-desk.ts'

/** A store whose answers wait until the test lets them come. */
class Shelf {
  readonly objects = new Map<string, Buffer>()
  broken = false
  private answers: (() => void)[] = []

  settle(): void {
    while (this.answers.length > 0) this.answers.shift()!()
  }

  /** What is asked already is answered by the call that comes of this one. */
  delay(): () => void {
    const late = this.answers
    this.answers = []
    return () => {
      for (const answer of late) answer()
    }
  }

  readonly store = {
    createExclusive: (path: string, bytes: Uint8Array, done: (outcome: string, error: PotorooError | null) => void) =>
      this.answers.push(() => {
        if (this.broken) return done('unknown', fail('E_STORE', { operation: 'create', path, reason: 'broken' }))
        this.objects.set(path, Buffer.from(bytes))
        done('created', null)
      }),
    read: (path: string, done: (error: null, bytes: Buffer | null) => void) =>
      this.answers.push(() => done(null, this.objects.get(path) ?? null)),
    list: (folder: string, done: (error: null, names: string[]) => void) =>
      this.answers.push(() =>
        done(
          null,
          [...this.objects.keys()].map((path) => path.slice(folder.length + 1)),
        ),
      ),
    remove: (path: string, done: (error: null) => void) => {
      this.objects.delete(path)
      this.answers.push(() => done(null))
    },
  } as unknown as Store
}

const clock = { after: (_ms: number, fn: () => void) => fn() } as unknown as Clock
const TASKS = 2

class Desk {
  readonly shelf: Shelf
  readonly letters: DeadLetters
  readonly full: (string | null)[] = []
  readonly damaged: string[] = []

  constructor(shelf: Shelf, generation: number, limits: { deadLetters?: number; deadLetterBytes?: number } = {}) {
    this.shelf = shelf
    const seams = { store: shelf.store, clock, limits: makeLimits(limits) }
    this.letters = new DeadLetters(
      seams,
      { run: { pipeline: 'p', run: 1 }, generation, worker: 'w', tasks: TASKS },
      {
        full: (reason) => this.full.push(reason?.code ?? null),
        damaged: (error) => this.damaged.push(error.code),
      },
    )
  }

  open(snapshot: Json, epoch: number): this {
    const paths = (snapshot ?? []) as readonly string[]
    this.letters.open(
      paths,
      new Set(paths),
      (worker) => worker === 'w',
      epoch,
      () => {},
    )
    this.shelf.settle()
    return this
  }

  add(task: number, position: number): void {
    this.letters.add(task, letter(position))
  }

  /** The barrier passes every task; answers what the manifest gets. */
  epoch(epoch: number): Json {
    let snapshot: Json | undefined
    for (let task = 0; task < TASKS; task++)
      this.letters.pass(task, epoch, (error, files) => (snapshot = error ? null : files))
    this.shelf.settle()
    return snapshot!
  }

  get positions(): number[] {
    return this.letters.list(0, 1000).map(({ position }) => position)
  }
}

function letter(position: number, key?: number): DeadLetter {
  const failure = {
    ...{ step: 's', split: 0, position, ordinal: 0, time: 0, key, given: position },
    error: new Error('x'),
  }
  return makeLetter(failure, 's', 'source')
}

describe('dead letters', () => {
  test('B1: a letter belongs to the epoch in which its task has reported it', () => {
    const desk = new Desk(new Shelf(), 1).open(null, 0)
    desk.add(0, 1)
    let first: Json = null
    desk.letters.pass(0, 1, () => {})
    desk.add(0, 2) // behind the barrier
    desk.add(1, 3) // in front of it, at a task that it has not passed
    desk.letters.pass(1, 1, (_error, files) => (first = files))
    desk.shelf.settle()
    expect(new Desk(desk.shelf, 2).open(first, 1).positions).toEqual([1, 3])
    const second = desk.epoch(2)
    expect(new Desk(desk.shelf, 2).open(second, 2).positions.sort()).toEqual([1, 2, 3])
  })

  test('B2: what is left of a file keeps its place when it is written anew', () => {
    const desk = new Desk(new Shelf(), 1).open(null, 0)
    for (let position = 1; position <= 8; position++) desk.add(0, position)
    desk.epoch(1)
    desk.add(0, 9)
    expect(desk.epoch(2)).toHaveLength(2)
    desk.letters.remove(new Set(desk.letters.list(0, 1).map(({ id }) => id)))
    const left = [2, 3, 4, 5, 6, 7, 8, 9]
    expect(desk.positions).toEqual(left)
    const snapshot = desk.epoch(3)
    expect(desk.positions).toEqual(left)
    desk.letters.floor(3)
    desk.shelf.settle()
    expect([...desk.shelf.objects.keys()]).toEqual(snapshot)
    expect(new Desk(desk.shelf, 2).open(snapshot, 3).positions).toEqual(left)
  })

  test('B2: nothing is written where nothing is new, and files stay few', () => {
    const desk = new Desk(new Shelf(), 1).open(null, 0)
    expect(desk.epoch(1)).toEqual([])
    expect(desk.shelf.objects.size).toBe(0)
    let snapshot: Json = null
    for (let epoch = 2; epoch <= 101; epoch++) {
      desk.add(0, epoch)
      snapshot = desk.epoch(epoch)
      expect((snapshot as Json[]).length).toBeLessThanOrEqual(8)
    }
    expect(new Desk(desk.shelf, 2).open(snapshot, 101).positions).toHaveLength(100)
  })

  test('B3: every manifest from the floor on finds its files, and the others go', () => {
    const desk = new Desk(new Shelf(), 1).open(null, 0)
    const snapshots: Json[] = [null]
    for (let epoch = 1; epoch <= 20; epoch++) {
      desk.add(0, epoch)
      if (epoch === 12) desk.letters.remove(new Set(desk.letters.list(0, 5).map(({ id }) => id)))
      snapshots.push(desk.epoch(epoch))
      const floor = Math.max(0, epoch - 4)
      desk.letters.floor(floor)
      for (let e = Math.max(1, floor); e <= epoch; e++) {
        for (const path of snapshots[e] as string[]) expect(desk.shelf.objects.has(path), `${path} of ${e}`).toBe(true)
      }
    }
    desk.letters.floor(21)
    expect([...desk.shelf.objects.keys()].sort()).toEqual([...(snapshots[20] as string[])].sort())
  })

  test('B3: what an attempt after the base has written goes at the next start, what older manifests name stays', () => {
    const shelf = new Shelf()
    const desk = new Desk(shelf, 1).open(null, 0)
    desk.add(0, 1)
    const first = desk.epoch(1) as string[]
    desk.add(0, 2)
    const second = desk.epoch(2) as string[]
    desk.add(0, 3)
    desk.epoch(3) // never complete
    const again = new Desk(shelf, 2).open(second, 2)
    expect(again.positions).toEqual([1, 2])
    expect([...shelf.objects.keys()].sort()).toEqual([...new Set([...first, ...second])].sort())
    again.letters.floor(2)
    expect([...shelf.objects.keys()].sort()).toEqual(second)
  })

  test('B3: who looks late through what was left takes nothing of a later generation', () => {
    const shelf = new Shelf()
    const old = new Desk(shelf, 1)
    old.letters.open(
      [],
      new Set(),
      () => true,
      0,
      () => {},
    )
    const late = shelf.delay()
    const desk = new Desk(shelf, 2).open(null, 0)
    desk.add(0, 1)
    const files = desk.epoch(1) as string[]
    late()
    expect([...shelf.objects.keys()]).toEqual(files)
  })

  test('B6: letters of a savepoint are written anew by the run that begins with it, which leaves the savepoint alone', () => {
    const shelf = new Shelf()
    const before = new Desk(shelf, 1).open(null, 0)
    before.add(0, 1)
    before.add(0, 2)
    const [file] = before.epoch(5) as string[]
    const kept = 'pipelines/p/savepoints/s/letters'
    shelf.objects.set(kept, shelf.objects.get(file!)!)
    shelf.objects.delete(file!)

    const begun = new Desk(shelf, 1).open([kept], 5)
    expect(begun.positions).toEqual([1, 2])
    begun.letters.remove(new Set([letter(1).id]))
    const [own] = begun.epoch(6) as string[]
    expect(own).toMatch(/^pipelines\/p\/0000000001\/letters\//)
    begun.letters.floor(100)
    expect([...shelf.objects.keys()].sort()).toEqual([kept, own].sort())
    expect(new Desk(shelf, 2).open([own!], 6).positions).toEqual([2])
    expect(new Desk(shelf, 2).open([kept], 5).positions).toEqual([1, 2])
  })

  test('removed letters stay away, and what is removed while a file is written is in that epoch still', () => {
    const desk = new Desk(new Shelf(), 1).open(null, 0)
    desk.add(0, 1)
    desk.add(0, 2)
    let during: Json = null
    for (let task = 0; task < TASKS; task++) desk.letters.pass(task, 1, (_error, files) => (during = files))
    expect(desk.letters.remove(new Set([letter(1).id]))).toBe(1)
    desk.shelf.settle()
    expect(desk.positions).toEqual([2])
    expect(new Desk(desk.shelf, 2).open(during, 1).positions).toEqual([1, 2])
    const after = desk.epoch(2)
    expect(new Desk(desk.shelf, 2).open(after, 2).positions).toEqual([2])
    desk.letters.remove(new Set([letter(2).id]))
    expect(desk.epoch(3)).toEqual([])
  })

  test('letters of an epoch that could not be written come with the next', () => {
    const desk = new Desk(new Shelf(), 1).open(null, 0)
    desk.add(0, 1)
    desk.shelf.broken = true
    expect(desk.epoch(1)).toBeNull()
    desk.shelf.broken = false
    const second = desk.epoch(2)
    expect(new Desk(desk.shelf, 2).open(second, 2).positions).toEqual([1])
  })

  test('letters of one place have ids of their own, also where one has failed once more', () => {
    const desk = new Desk(new Shelf(), 1).open(null, 0)
    const ids = () => desk.letters.list(0, 100).map(({ id }) => id)
    for (let output = 0; output < 3; output++) desk.add(0, 1)
    desk.epoch(1)
    // The last of them is tried again.
    desk.letters.remove(new Set([ids()[2]!]))
    desk.add(0, 1)
    desk.epoch(2)
    expect(new Set(ids()).size).toBe(3)
    // One that fails later, when what is left of them stands in a file that stays as it is.
    for (let position = 2; position < 9; position++) desk.add(0, position)
    desk.letters.remove(new Set([ids()[2]!]))
    desk.epoch(3)
    desk.add(0, 1)
    expect(desk.epoch(4)).toHaveLength(2)
    expect(new Set(ids()).size).toBe(10)
  })

  test('letters of one epoch, and of one place, may be as many as you like', () => {
    const desk = new Desk(new Shelf(), 1, { deadLetters: 1e6, deadLetterBytes: 256 << 20 }).open(null, 0)
    const one = { ...letter(1), error: { code: null, message: '', stack: '' } }
    for (let output = 0; output < 40_000; output++) desk.letters.add(0, one)
    desk.epoch(1)
    expect(new Set(desk.letters.list(0, 1e6).map(({ id }) => id)).size).toBe(40_000)
    for (let output = 0; output < 150_000; output++) desk.letters.add(0, one)
    expect(() => desk.letters.pass(0, 2, () => {})).not.toThrow()
  })

  test('B4: what has come since the last epoch counts on when others are taken out', () => {
    const desk = new Desk(new Shelf(), 1, { deadLetterBytes: 1.5 * sizeOf(letter(1)) }).open(null, 0)
    desk.add(0, 1)
    desk.epoch(1)
    desk.add(0, 2)
    desk.letters.remove(new Set([letter(1).id]))
    desk.add(0, 3)
    expect(desk.full).toEqual(['E_DEAD_LETTERS_FULL', null, 'E_DEAD_LETTERS_FULL'])
  })

  test('B7: what comes faster than sources can be stopped is not kept without end, and no epoch lacks it', () => {
    const desk = new Desk(new Shelf(), 1, { deadLetterBytes: 1000 })
    const value = 'x'.repeat(1 << 20)
    for (let n = 1; n <= 200; n++) desk.letters.add(0, { ...letter(n), given: { kind: 'text', text: value } })
    expect(desk.letters.flooded).toMatchObject({ code: 'E_DEAD_LETTERS_FLOOD' })
    const answers: unknown[] = []
    for (let task = 0; task < TASKS; task++) desk.letters.pass(task, 1, (error) => answers.push(error?.code ?? null))
    desk.shelf.settle()
    expect(answers).toEqual(['E_DEAD_LETTERS_FLOOD'])
    expect([...desk.shelf.objects]).toEqual([])
    // What is kept is one text when it is read.
    expect(() => makeLimits({ deadLetterBytes: 1e9 })).toThrow('deadLetterBytes')
  })

  test('B4: says once that the list is full, also after a restart, and once that it is not', () => {
    const desk = new Desk(new Shelf(), 1, { deadLetters: 3 }).open(null, 0)
    for (let position = 1; position <= 5; position++) desk.add(0, position)
    expect(desk.full).toEqual(['E_DEAD_LETTERS_FULL'])
    const snapshot = desk.epoch(1)
    const again = new Desk(desk.shelf, 2, { deadLetters: 3 }).open(snapshot, 1)
    expect(again.full).toEqual(['E_DEAD_LETTERS_FULL'])
    again.letters.remove(new Set(again.letters.list(0, 4).map(({ id }) => id)))
    expect(again.full).toEqual(['E_DEAD_LETTERS_FULL', null])
  })

  test('B5: is not quiet while a barrier is on its way', () => {
    const desk = new Desk(new Shelf(), 1).open(null, 0)
    expect(desk.letters.quiet).toBe(true)
    desk.letters.pass(0, 1, () => {})
    expect(desk.letters.quiet).toBe(false)
    desk.letters.pass(1, 1, () => {})
    expect(desk.letters.quiet).toBe(true)
  })

  test('a damaged file is named, and the others are read', () => {
    const desk = new Desk(new Shelf(), 1).open(null, 0)
    for (let position = 1; position <= 4; position++) desk.add(0, position)
    desk.epoch(1)
    desk.add(0, 5)
    const [first, second] = desk.epoch(2) as [string, string]
    desk.shelf.objects.get(first)![40]! ^= 1
    const again = new Desk(desk.shelf, 2).open([first, second], 2)
    expect(again.damaged).toEqual(['E_STORE_DAMAGED'])
    expect(again.positions).toEqual([5])
  })
})

describe('a dead letter', () => {
  const base = { step: 's', split: 0, position: 7, ordinal: 0, time: 0, error: new Error('x') }

  test('gives back exactly what the step was given', () => {
    const given = { at: new Date(5), big: 12n, list: [1, undefined, -0], map: new Map([['a', new Set([1])]]) }
    const made = makeLetter({ ...base, key: 'k', given }, 's', 'x')
    expect(contentOf(made.given)).toEqual({ key: 'k', value: given })
    expect(made.again).toBe(true)
    const bytes = makeLetter({ ...base, key: undefined, given: Buffer.from([0, 255]) }, 's', 'x')
    expect(bytes.given).toEqual({ kind: 'bytes', base64: 'AP8=' })
  })

  test('is made of whatever was thrown', () => {
    const revoked = Proxy.revocable({}, {})
    revoked.revoke()
    const toBe = (error: unknown) => makeLetter({ ...base, key: undefined, given: 1, error }, 's', 'x').error
    const of = (message: string, stack = '') => ({ code: null, message, stack })
    expect(toBe(Object.assign(new Error('odd'), { stack: 7 }))).toEqual(of('Error: odd', '7'))
    expect(toBe(revoked.proxy)).toEqual(of('an error that cannot be shown'))
    expect(toBe(Object.assign(new Error(), { message: Symbol('s') }))).toEqual(of('an error that cannot be shown'))
    expect(toBe(undefined)).toEqual(of('undefined'))
    const silent = {
      toJSON: () => {
        throw new Error('no')
      },
    }
    expect(toBe(silent)).toMatchObject(of('a value of type object that cannot be shown'))
  })

  test('describes what nothing can carry, and is not tried again', () => {
    const made = makeLetter({ ...base, key: undefined, given: { fn: () => {} } }, 's', 'x')
    expect(made).toMatchObject({ again: false, given: { kind: 'text' } })
  })

  test('describes all of it, also what JSON has no word for', () => {
    const given = { cents: 12n, of: new Map([['a', new Set([1n])]]), by: Number }
    const made = makeLetter({ ...base, key: undefined, given }, 's', 'x')
    const by = 'function Number() { [native code] }'
    expect(made).toMatchObject({ again: false, given: { kind: 'text' } })
    expect(JSON.parse((made.given as { text: string }).text)).toEqual({
      ...{ cents: '12n', of: { map: [['a', { set: ['1n'] }]] }, by },
    })
  })

  test('has an id of its own for another split, step or output', () => {
    const ids = [
      makeLetter({ ...base, key: undefined, given: 1 }, 's', 'x'),
      makeLetter({ ...base, key: undefined, given: 1 }, 's', 'y'),
      makeLetter({ ...base, ordinal: 1, key: undefined, given: 1 }, 's', 'x'),
      makeLetter({ ...base, step: 't', key: undefined, given: 1 }, 's', 'x'),
    ].map(({ id }) => id)
    expect(new Set(ids).size).toBe(4)
  })
})

describe('letters that are tried again', () => {
  const planned = plan(
    pipeline('p', (p) => {
      p.source('source', generatorSource<number>({ value: (n) => n }))
        .keyBy('by', () => 1)
        .mapWithState('s', { init: () => ({}), step: () => {} })
        .sink('out', nullSink())
    }).build(),
  )
  const task = planned.tasks.findIndex(({ step }) => step === 's')

  /** A pipeline with the letters 1 to `count`, and what its step is given once more. */
  function scene(count: number) {
    const shelf = new Shelf()
    const seams = { store: shelf.store, clock, limits: makeLimits() }
    const ignore = { letter: () => {}, warned: () => {}, crowded: () => {} }
    const options = { run: { pipeline: 'p', run: 1 }, generation: 1, worker: 'w' }
    const desk = new LetterDesk(seams, options, planned, new SplitTable(), ignore)
    for (let position = 1; position <= count; position++) desk.letters.add(task, letter(position, 1))
    for (const { id } of planned.tasks) desk.letters.pass(id, 1, () => {})
    shelf.settle()
    const given: number[] = []
    const tryAgain = (_task: number, _into: string, fill: (batch: Batch) => void) => {
      const batch = new Batch(4)
      fill(batch)
      given.push(...batch.positions.slice(0, batch.length))
      return true
    }
    const tryAll = () => {
      while (desk.replaying > 0) desk.tryAgain({ tryAgain } as unknown as Runtime, 4)
    }
    return { desk, all: desk.letters.list(0, count), given, tryAgain: tryAll }
  }

  test('are given to their step once, however often that is asked for', () => {
    const { desk, all, given, tryAgain } = scene(10)
    desk.replay(all)
    desk.replay([...all.slice(3), all[0]!, all[0]!])
    tryAgain()
    expect(given).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(desk.letters.count).toBe(0)
  })

  test('are not given to it once they are purged', () => {
    const { desk, all, given, tryAgain } = scene(6)
    desk.replay(all)
    expect(desk.purge(all.slice(2, 5))).toBe(3)
    tryAgain()
    expect(given).toEqual([1, 2, 6])
  })
})

test.each<[string, unknown, string]>([
  ['', new RangeError('too far'), 'RangeError: too far'],
  [
    ', and why: a fetch that fails says no more than that',
    new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED 127.0.0.1:80') }),
    'TypeError: fetch failed (connect ECONNREFUSED 127.0.0.1:80)',
  ],
  [
    ', and why where each address was tried',
    new Error('a', { cause: new Error('b', { cause: new AggregateError([new Error('c'), new Error('d')]) }) }),
    'Error: a (b) (c; d)',
  ],
  [
    ', and no cause that has no words',
    new Error('a', { cause: Object.create(null) }),
    'Error: a (a value of type object that cannot be shown)',
  ],
])('a letter says what was thrown%s', (_, error, message) => {
  expect(describeError(error)).toMatchObject({ code: null, message })
})

test('an error that is its own cause is told all the same', () => {
  const error = new Error('a')
  error.cause = error
  expect(describeError(error).message).toBe('Error: a (a) (a) (a)')
})
