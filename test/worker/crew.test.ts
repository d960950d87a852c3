/**
 * One pipeline on several workers: exact and in order per key, through checkpoints, kills, other owners and rollbacks.
 */
import { describe, expect, test } from 'vitest'
import { fileSink, generatorSource, lines, type Pipeline, pipeline } from '../../src/index.ts'
import { plan } from '../../src/model/planner.ts'
import { calm } from '../../src/sim/weather.ts'
import { Crew, type CrewOptions } from './crew.ts'

const KEYS = 40
const SPLITS = 4

interface Row {
  readonly key: number
  readonly n: number
  readonly count: number
}

interface Input {
  readonly count: number
  readonly rate: number
  readonly splits?: number
  /** Numbers that the step throws on. */
  readonly bad?: (n: number) => boolean
}

/** Numbers by split; each key counts its own and sees that those of one split rise. */
function counting({ count, rate, splits = SPLITS, bad = () => false }: Input): Pipeline {
  return pipeline('counting', (p) => {
    p.source('numbers', generatorSource<number>({ value: (n) => n, count, rate, splits }))
      .map('spread', (n) => ({ n, key: Math.floor(n / SPLITS) % KEYS }))
      .keyBy('by-key', ({ key }) => key)
      .mapWithState('count', {
        init: () => ({ count: 0, last: [-1, -1, -1, -1] }),
        step: (state, { n, key }): Row => {
          if (bad(n)) throw new Error(`${n} is bad`)
          const split = n % splits
          if (n <= state.last[split]!) throw new Error(`${n} after ${state.last[split]}`)
          state.last[split] = n
          return { key, n, count: ++state.count }
        },
      })
      .sink('rows', fileSink<Row>({ path: '/shared/out/rows', framing: lines(), encode: (row) => JSON.stringify(row) }))
  })
}

function crewOf(names: readonly string[], input: Input, options: Partial<CrewOptions> = {}): Crew {
  return new Crew(names, { plan: () => plan(counting(input).build()), ...options })
}

/** What complete epochs have put out. */
function rowsOf(crew: Crew): Row[] {
  const rows: Row[] = []
  for (const [name, text] of crew.files('out')) {
    if (name.endsWith('.pending')) continue
    for (const line of text.split('\n')) if (line !== '') rows.push(JSON.parse(line) as Row)
  }
  return rows
}

/** Runs to the end of the input and of the epoch behind it. */
function finish(crew: Crew, coordinator: string): void {
  crew.until(() => crew.hand(coordinator).phase === 'ended')
  let answer: string | null | undefined
  crew.hand(coordinator).execution!.request({ kind: 'periodic' }, (failure) => {
    answer = failure
  })
  crew.until(() => answer !== undefined)
  expect(answer).toBe(null)
  const { epoch } = crew
  crew.until(() =>
    crew.hands.every(({ phase, execution }) => phase === 'dead' || (execution?.figures?.epoch ?? 0) >= epoch),
  )
  crew.world.run(crew.world.now + 200)
}

/** Every number once, and every key's counts without a gap. */
function expectExact(crew: Crew, count: number): void {
  const rows = rowsOf(crew)
  expect(rows.map(({ n }) => n).toSorted((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, n) => n))
  const counts = Map.groupBy(rows, ({ key }) => key)
  for (const [key, own] of counts) {
    const numbers = own.map((row) => row.count).toSorted((a, b) => a - b)
    expect(numbers, `key ${key}`).toEqual(numbers.map((_, i) => i + 1))
  }
  for (const { letters } of crew.hands) expect(letters).toEqual([])
}

describe('one pipeline on several workers', () => {
  test.each([1, 2, 3])('%i workers are exact and in order through checkpoints', (workers) => {
    const names = ['a', 'b', 'c'].slice(0, workers)
    const crew = crewOf(names, { count: 4000, rate: 2000 })
    crew.start(names)
    crew.run(names)
    finish(crew, 'a')
    expect(crew.epoch).toBeGreaterThan(3)
    expectExact(crew, 4000)
    // Everybody has done a part of it.
    for (const { execution } of crew.hands) {
      expect(execution!.keys).toBeGreaterThan(5)
      expect(execution!.figures!.completed).toBe(crew.hand('a').execution!.figures!.completed)
    }
  })

  test('all are killed, and go on from the last epoch', () => {
    const names = ['a', 'b']
    const crew = crewOf(names, { count: 6000, rate: 2000 })
    crew.start(names)
    crew.run(names)
    for (const epochs of [2, 5]) {
      crew.until(() => crew.epoch >= epochs)
      crew.world.run(crew.world.now + 150)
      for (const name of names) crew.hand(name).kill()
      crew.start(names)
      crew.run(names)
    }
    finish(crew, 'a')
    expectExact(crew, 6000)
  })

  test('one is killed: the other goes on alone, then a third comes in, each rolled back or restored', () => {
    const crew = crewOf(['a', 'b', 'c'], { count: 8000, rate: 2000 })
    crew.start(['a', 'b'])
    crew.run(['a', 'b'])
    crew.until(() => crew.epoch >= 2)
    crew.world.run(crew.world.now + 200)
    crew.hand('b').kill()
    crew.run(['a'])
    const [, alone] = [crew.epoch, crew.epoch + 2]
    crew.until(() => crew.epoch >= alone)
    crew.world.run(crew.world.now + 170)
    crew.start(['b', 'c'])
    crew.run(['b', 'a', 'c'], { owners: (group) => (group * 7) % 3 })
    finish(crew, 'b')
    expectExact(crew, 8000)
    for (const { execution } of crew.hands) expect(execution!.keys).toBeGreaterThan(5)
  })

  test('an epoch that one cannot save is abandoned by all, and the next one has everything', () => {
    const names = ['a', 'b']
    const crew = crewOf(names, { count: 4000, rate: 2000 })
    crew.start(names)
    crew.run(names)
    crew.until(() => crew.epoch >= 1)
    const { store } = crew.hand('b')
    const { upload } = store
    let refusals = 3
    store.upload = (path, done) => {
      if (refusals-- > 0) done(new Error('the disk is full') as never, undefined as never)
      else upload.call(store, path, done)
    }
    crew.until(() => crew.hands.every(({ execution }) => execution!.figures!.abandoned >= 3))
    const { epoch } = crew
    for (const name of names) crew.hand(name).kill()
    crew.start(names)
    crew.run(names)
    expect(crew.epoch).toBe(epoch)
    finish(crew, 'a')
    expectExact(crew, 4000)
  })

  test('a member that stands still for a while holds the others up, and nothing is lost', () => {
    const names = ['a', 'b', 'c']
    const crew = crewOf(names, { count: 6000, rate: 2000 })
    crew.start(names)
    crew.run(names)
    crew.until(() => crew.epoch >= 1)
    crew.hand('b').process.stop()
    crew.world.run(crew.world.now + 2000)
    const { epoch } = crew
    crew.world.run(crew.world.now + 1000)
    expect(crew.epoch).toBe(epoch)
    crew.hand('b').process.continue()
    finish(crew, 'a')
    expectExact(crew, 6000)
  })

  test('connections that are reset in the middle lose nothing', () => {
    const names = ['a', 'b']
    const crew = crewOf(names, { count: 6000, rate: 2000 })
    crew.start(names)
    crew.run(names)
    for (let i = 0; i < 5; i++) {
      crew.world.run(crew.world.now + 333)
      crew.world.network.reset('a', 'b')
    }
    finish(crew, 'a')
    expectExact(crew, 6000)
  })

  test('sources that end early on some workers hold nothing up, whatever overtakes what', () => {
    const names = ['a', 'b', 'c']
    for (const seed of [1, 2, 3, 4]) {
      const network = { ...calm.network, jitterMs: 40 }
      const crew = crewOf(names, { count: 2000, rate: 1000, splits: 1 }, { seed, weather: { network } })
      crew.start(names)
      crew.run(names)
      finish(crew, 'a')
      expect(crew.epoch).toBeGreaterThan(3)
      expectExact(crew, 2000)
    }
  })

  test('a record that fails on another worker is a dead letter there, once, with its own split and position', () => {
    const names = ['a', 'b', 'c']
    const count = 4000
    const bad = (n: number) => n % 97 === 0
    const crew = crewOf(names, { count, rate: 2000, bad })
    crew.start(names)
    crew.run(names)
    crew.until(() => crew.epoch >= 2)
    crew.world.run(crew.world.now + 100)
    crew.hand('b').kill()
    crew.run(['c', 'a'])
    crew.until(() => crew.epoch >= 4)
    crew.start(['b'])
    crew.run(names)
    finish(crew, 'a')
    const letters = crew.hands.flatMap(({ execution }) => execution!.deadLetters.list(0, 1000))
    const expected = Array.from({ length: count }, (_, n) => n).filter(bad)
    expect(
      letters.map(({ split, position }) => [position, split]).toSorted(([a], [b]) => Number(a) - Number(b)),
    ).toEqual(expected.map((n) => [n, `numbers/${n % SPLITS}`]))
    const rows = rowsOf(crew)
    expect(rows.map(({ n }) => n).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: count }, (_, n) => n).filter((n) => !bad(n)),
    )
  })
})
