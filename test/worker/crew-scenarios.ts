/**
 * What one pipeline on several workers goes through: exact and in order per key, through checkpoints, kills, other
 * owners and rollbacks. Each throws where a promise is broken.
 */
import assert from 'node:assert/strict'
import { FORMAT_EXACT, FORMAT_PLAIN } from '../../src/base/codec/format.ts'
import { fail } from '../../src/base/errors.ts'
import { decodeManifest, type Manifest, type PackEntry } from '../../src/checkpoint/manifest.ts'
import type { PackChunk } from '../../src/checkpoint/pack-format.ts'
import { openPack, readChunks } from '../../src/checkpoint/pack-reader.ts'
import { isMark } from '../../src/connectors/file/owner.ts'
import { isPending } from '../../src/connectors/file/segment.ts'
import { fileSink, generatorSource, lines, type Pipeline, pipeline } from '../../src/index.ts'
import { plan } from '../../src/model/planner.ts'
import { calm } from '../../src/sim/weather.ts'
import { Crew, type CrewOptions, type Hand } from './crew.ts'

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
  /** Each key's state has holes where it has seen no number of a split. */
  readonly holes?: boolean
  /** One file that one worker writes. */
  readonly append?: boolean
  /** What is sent along with a number. */
  readonly load?: (n: number) => unknown
}

/** Numbers by split; each key counts its own and sees that those of one split rise. */
function counting(input: Input): Pipeline {
  const { count, rate, splits = SPLITS, bad = () => false, append = false, holes = false, load = () => null } = input
  return pipeline('counting', (p) => {
    p.source('numbers', generatorSource<number>({ value: (n) => n, count, rate, splits }))
      .map('spread', (n) => ({ n, key: Math.floor(n / SPLITS) % KEYS, load: load(n) }))
      .keyBy('by-key', ({ key }) => key)
      .mapWithState('count', {
        init: () => ({ count: 0, last: holes ? new Array<number>(SPLITS + 1) : [-1, -1, -1, -1] }),
        step: (state, { n, key }): Row => {
          if (bad(n)) throw new Error(`${n} is bad`)
          const split = n % splits
          if (n <= state.last[split]!) throw new Error(`${n} after ${state.last[split]}`)
          state.last[split] = n
          return { key, n, count: ++state.count }
        },
      })
      .sink(
        'rows',
        fileSink<Row>({ path: '/shared/out/rows', append, framing: lines(), encode: (row) => JSON.stringify(row) }),
      )
  })
}

function crewOf(names: readonly string[], input: Input, options: Partial<CrewOptions> = {}): Crew {
  return new Crew(names, { plan: () => plan(counting(input).build()), ...options })
}

/** What complete epochs have put out. */
function rowsOf(crew: Crew): Row[] {
  const rows: Row[] = []
  for (const [name, text] of crew.files('out')) {
    if (isPending(name) || isMark(name)) continue
    for (const line of text.split('\n')) if (line !== '') rows.push(JSON.parse(line) as Row)
  }
  return rows
}

/** The store takes nothing large of `hand` the next few times. */
function refuseUploads({ store }: Hand, times: number): void {
  const upload = store.upload.bind(store)
  let left = times
  store.upload = (path, done) => {
    if (left-- > 0) done(fail('E_STORE', { operation: 'upload', path, reason: 'it is full' }), undefined as never)
    else upload(path, done)
  }
}

/** Runs to the end of the input and of the epoch behind it. */
function finish(crew: Crew, coordinator: string): void {
  crew.until(() => crew.hand(coordinator).phase === 'ended')
  let answer: string | null | undefined
  crew.hand(coordinator).execution!.request({ kind: 'periodic' }, (failure) => {
    answer = failure
  })
  crew.until(() => answer !== undefined)
  assert.equal(answer, null)
  const { epoch } = crew
  crew.until(() =>
    crew.hands.every(({ phase, execution }) => phase === 'dead' || (execution?.status.figures?.epoch ?? 0) >= epoch),
  )
  crew.world.run(crew.world.now + 200)
}

function numbersOf(rows: readonly Row[]): number[] {
  return rows.map(({ n }) => n).toSorted((a, b) => a - b)
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n)
}

/** Every number once, and every key's counts without a gap. */
function expectExact(crew: Crew, count: number): void {
  const rows = rowsOf(crew)
  assert.deepEqual(numbersOf(rows), upTo(count))
  const counts = Map.groupBy(rows, ({ key }) => key)
  for (const [key, own] of counts) {
    const numbers = own.map((row) => row.count).toSorted((a, b) => a - b)
    assert.deepEqual(numbers, upTo(numbers.length + 1).slice(1), `key ${key}`)
  }
  for (const { letters } of crew.hands) assert.deepEqual(letters, [])
}

function checkpointed(names: readonly string[]): void {
  const crew = crewOf(names, { count: 4000, rate: 2000 })
  crew.start(names)
  crew.run(names)
  finish(crew, 'a')
  assert.ok(crew.epoch > 3)
  expectExact(crew, 4000)
  // Everybody has done a part of it.
  for (const { execution } of crew.hands) {
    assert.ok(execution!.status.keys > 5)
    assert.equal(execution!.status.figures!.completed, crew.hand('a').execution!.status.figures!.completed)
  }
}

/**
 * The manifest of the last complete epoch, which the store of `hand` has, and its path; and those of the epochs before
 * it.
 */
function lastOf({ reader, store, crew }: Hand): { readonly manifest: Manifest; readonly others: readonly string[] } {
  const paths = reader.cluster.pipelines.get(crew.pipeline)!.epochs.map((one) => one.manifest)
  const path = paths.at(-1)!
  let found: Manifest | undefined
  store.read(path, (error, bytes) => {
    const read = error === null ? decodeManifest(path, bytes) : null
    assert.equal(read?.kind, 'intact')
    if (read?.kind === 'intact') found = read.value
  })
  crew.until(() => found !== undefined)
  return { manifest: found!, others: paths.slice(0, -1) }
}

function chunksIn({ store, crew }: Hand, pack: PackEntry): readonly PackChunk[] {
  let chunks: readonly PackChunk[] | undefined
  openPack(store, pack, (read) => {
    assert.equal(read.kind, 'intact')
    if (read.kind === 'intact') chunks = read.value
  })
  crew.until(() => chunks !== undefined)
  return chunks!
}

/** A chunk of `pack` that holds keys. */
function chunkIn(hand: Hand, pack: PackEntry): PackChunk {
  return chunksIn(hand, pack).find(({ length }) => length > 20)!
}

/** The newest format of the chunks with state of the last epoch. */
function formatOf(hand: Hand): number {
  const { crew, store, process } = hand
  const { manifest } = lastOf(hand)
  const formats: number[] = []
  for (const pack of manifest.packs) {
    const chunks = chunksIn(hand, pack).filter(({ kind }) => kind !== 'rows')
    if (chunks.length === 0) continue
    let read = false
    const seams = { store, clock: process.env.clock, limits: crew.limits }
    const take = (_: PackChunk, bytes: Buffer): number => formats.push(bytes[0]!)
    readChunks(seams, pack.path, chunks, take, (damages) => {
      assert.deepEqual(damages, [])
      read = true
    })
    crew.until(() => read)
  }
  return Math.max(...formats)
}

/** How often the count of any key has gone back, at most; and no row is missing or repeated. */
function setbacks(crew: Crew, count: number): number {
  const segments = [...crew.files('out')]
    .filter(([name]) => !isMark(name))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, text]) => text)
  const rows = segments.flatMap((text) =>
    text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Row])),
  )
  assert.deepEqual(numbersOf(rows), upTo(count))
  let most = 0
  for (const own of Map.groupBy(rows, ({ key }) => key).values()) {
    let times = 0
    for (const [i, row] of own.entries()) {
      const before = i === 0 ? 0 : own[i - 1]!.count
      if (row.count === before + 1) continue
      assert.ok(row.count <= before, `${before} is followed by ${row.count}`)
      times++
    }
    most = Math.max(most, times)
  }
  return most
}

/**
 * Kills all, does harm to what the last epoch needs and to the manifests before it, and lets all go on in spite of it.
 */
function goOnWithout(harm: (hand: Hand, pack: PackEntry) => string, names: readonly string[]): void {
  const crew = crewOf(names, { count: 4000, rate: 2000 })
  const [coordinator] = names.map((name) => crew.hand(name)) as [Hand]
  const kill = (): void => {
    for (const name of names) crew.hand(name).kill()
    crew.start(names)
  }
  crew.start(names)
  crew.run(names)
  crew.until(() => crew.epoch >= 5)
  kill()
  const { manifest, others } = lastOf(coordinator)
  for (const path of others) crew.damage(`store/${path}`)
  const harmed = harm(coordinator, manifest.packs.at(-1)!)
  crew.acceptLoss = true
  crew.run(names)
  const { epoch } = crew
  crew.until(() => crew.epoch > epoch)
  crew.world.run(crew.world.now + 20)

  // The next ones know nothing of it, and miss nothing.
  kill()
  crew.acceptLoss = false
  assert.equal(
    lastOf(coordinator).manifest.packs.some(({ path }) => path === harmed),
    false,
  )
  crew.run(names)
  finish(crew, 'a')
  assert.equal(setbacks(crew, 4000), 1)
}

export const scenarios: Readonly<Record<string, () => void>> = {
  'one, two and three workers are exact and in order through checkpoints': () => {
    for (const workers of [1, 2, 3]) checkpointed(['a', 'b', 'c'].slice(0, workers))
  },

  'all are killed, and go on from the last epoch': () => {
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
  },

  'a pack that is lost is missed once, and so is a chunk: who comes back behind the next epoch needs no word': () => {
    for (const names of [['a'], ['a', 'b', 'c']]) {
      goOnWithout(({ crew }, { path }) => {
        crew.remove(`store/${path}`)
        return path
      }, names)
      goOnWithout((hand, pack) => {
        const { position } = chunkIn(hand, pack)
        hand.crew.damage(`store/${pack.path}`, position + 10)
        return ''
      }, names)
    }
  },

  'one is killed: the other goes on alone, then a third comes in, each rolled back or restored': () => {
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
    for (const { execution } of crew.hands) assert.ok(execution!.status.keys > 5)
  },

  'an epoch that one cannot save is abandoned by all, and the next one has everything': () => {
    for (const later of [0, 1, 2]) {
      const names = ['a', 'b']
      const crew = crewOf(names, { count: 6000, rate: 2000 })
      crew.start(names)
      crew.run(names)
      crew.until(() => crew.epoch >= 4)
      refuseUploads(crew.hand('b'), 4)
      crew.until(() => crew.hands.every(({ execution }) => execution!.status.figures!.abandoned >= 4))
      const from = crew.epoch
      crew.until(() => crew.hands.every(({ execution }) => execution!.status.figures!.completed >= 4 + later))
      for (const name of names) crew.hand(name).kill()
      assert.ok(later > 0 || crew.epoch === from)
      crew.start(names)
      crew.run(names)
      finish(crew, 'a')
      expectExact(crew, 6000)
    }
  },

  'a member that stands still for a while holds the others up, and nothing is lost': () => {
    const names = ['a', 'b', 'c']
    const crew = crewOf(names, { count: 6000, rate: 2000 })
    crew.start(names)
    crew.run(names)
    crew.until(() => crew.epoch >= 1)
    crew.hand('b').process.stop()
    crew.world.run(crew.world.now + 2000)
    const { epoch } = crew
    crew.world.run(crew.world.now + 1000)
    assert.equal(crew.epoch, epoch)
    crew.hand('b').process.continue()
    finish(crew, 'a')
    expectExact(crew, 6000)
  },

  'connections that are reset in the middle lose nothing': () => {
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
  },

  'sources that end early on some workers hold nothing up, whatever overtakes what': () => {
    const names = ['a', 'b', 'c']
    for (const seed of [1, 2, 3, 4]) {
      const network = { ...calm.network, jitterMs: 40 }
      const crew = crewOf(names, { count: 2000, rate: 1000, splits: 1 }, { seed, weather: { network } })
      crew.start(names)
      crew.run(names)
      finish(crew, 'a')
      assert.ok(crew.epoch > 3)
      expectExact(crew, 2000)
    }
  },

  'a record that fails on another worker is a dead letter there, once, with its own split and position': () => {
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
    const expected = upTo(count).filter(bad)
    const found = letters.map(({ split, position }) => [position, split] as const).toSorted(([a], [b]) => a - b)
    assert.deepEqual(
      found,
      expected.map((n) => [n, `numbers/${n % SPLITS}`]),
    )
    assert.deepEqual(
      numbersOf(rowsOf(crew)),
      upTo(count).filter((n) => !bad(n)),
    )
  },

  'a sink with one writer gets everything, each key in order, also when another worker writes it': () => {
    const crew = crewOf(['a', 'b', 'c'], { count: 6000, rate: 2000, append: true })
    crew.start(['a', 'b', 'c'])
    crew.run(['b', 'a'])
    crew.until(() => crew.epoch >= 3)
    crew.world.run(crew.world.now + 120)
    crew.hand('b').kill()
    crew.run(['a', 'c'])
    crew.until(() => crew.epoch >= 6)
    crew.run(['c', 'a'])
    finish(crew, 'c')
    expectExact(crew, 6000)
    for (const [key, own] of Map.groupBy(rowsOf(crew), (row) => row.key)) {
      assert.deepEqual(
        own.map((row) => row.count),
        upTo(own.length + 1).slice(1),
        `key ${key}`,
      )
    }
  },

  'any member may ask for a savepoint and for the end': () => {
    const names = ['a', 'b', 'c']
    const crew = crewOf(names, { count: 6000, rate: 1000 })
    crew.start(names)
    crew.run(names)
    crew.until(() => crew.epoch >= 1)
    const answers: (string | null)[] = []
    crew.hand('b').execution!.request({ kind: 'savepoint', name: 'here' }, (failure) => answers.push(failure))
    crew.until(() => answers.length === 1)
    crew.hand('c').execution!.drain(1000, false, (failure) => answers.push(failure))
    crew.until(() => answers.length === 2 && names.every((name) => crew.hand(name).phase === 'drained'))
    assert.deepEqual(answers, [null, null])
    const { epoch } = crew
    crew.world.run(crew.world.now + 2000)
    assert.equal(crew.epoch, epoch)
    const rows = rowsOf(crew).length
    assert.ok(rows > 200 && rows < 6000, String(rows))
    crew.run(names, { handOver: false })
    finish(crew, 'a')
    expectExact(crew, 6000)
  },

  'tasks that have held for nothing go on': () => {
    const names = ['a', 'b']
    const crew = crewOf(names, { count: 3000, rate: 1000 })
    crew.start(names)
    crew.run(names)
    crew.until(() => crew.epoch >= 1)
    const answers: (string | null)[] = []
    crew.hand('b').execution!.request({ kind: 'rescale' }, (failure) => answers.push(failure))
    crew.until(() => answers.length === 1)
    const { epoch } = crew
    crew.world.run(crew.world.now + 1000)
    assert.equal(crew.epoch, epoch)
    for (const { execution } of crew.hands) execution!.resume()
    crew.until(() => crew.epoch >= epoch + 1)
    refuseUploads(crew.hand('a'), 1)
    crew.hand('b').execution!.request({ kind: 'rescale' }, (failure) => answers.push(failure))
    crew.until(() => answers.length === 2)
    assert.equal(answers[0], null)
    assert.match(answers[1]!, /it is full/)
    finish(crew, 'a')
    expectExact(crew, 3000)
  },

  'a member that may not work reads nothing, and goes on where it stopped': () => {
    const names = ['a', 'b']
    const crew = crewOf(names, { count: 4000, rate: 2000 })
    crew.start(names)
    crew.run(names)
    crew.until(() => crew.epoch >= 1)
    const { execution } = crew.hand('b')
    execution!.stopWork('no lease')
    crew.world.run(crew.world.now + 100)
    const records = (): number => execution!.status.sources[0]!.records
    const before = records()
    crew.world.run(crew.world.now + 1000)
    assert.equal(records(), before)
    assert.equal(execution!.status.heldBy, 'no lease')
    execution!.resumeWork()
    finish(crew, 'a')
    expectExact(crew, 4000)
  },

  'where the last epoch is damaged, every member says which one it can restore, and all go on from there': () => {
    const names = ['a', 'b']
    const crew = crewOf(names, { count: 6000, rate: 2000 })
    crew.start(names)
    crew.run(names)
    crew.until(() => crew.epoch >= 4)
    for (const name of names) crew.hand(name).kill()
    crew.start(names)
    crew.follow(crew.hands)
    const entry = crew.hand('a').reader.cluster.pipelines.get(crew.pipeline)!
    crew.damage(`store/${entry.epochs.at(-1)!.manifest}`)
    crew.generation(names)
    for (const { phase, instead } of crew.hands) {
      assert.equal(phase, 'damaged')
      assert.equal(instead, entry.epochs.at(-2)!.epoch)
    }
    crew.run(names, { bases: [[crew.pipeline, crew.hand('a').instead]] })
    finish(crew, 'a')
    expectExact(crew, 6000)
  },

  'a record that cannot cross is a dead letter, and those beside it go on': () => {
    const names = ['a', 'b']
    const count = 3000
    // Functions cannot be sent at all; of long texts a batch may hold more than a frame does.
    const load = (n: number) => (n % 50 === 7 ? () => n : n % 3 === 0 ? 'x'.repeat(1500) : null)
    const crew = crewOf(names, { count, rate: 1000, load }, { limits: { frameBytes: 16 << 10, recordBytes: 4 << 10 } })
    crew.start(names)
    crew.run(names)
    finish(crew, 'a')
    const lost = crew.hands.flatMap(({ execution }) => execution!.deadLetters.list(0, 1000)).map((one) => one.position)
    const { owners, self } = crew.hand('a').execution!.generation
    assert.equal(self, 0)
    assert.ok(owners.length > 0 && lost.length > 10 && lost.length < 60)
    assert.ok(lost.every((n) => n % 50 === 7))
    assert.deepEqual(
      numbersOf(rowsOf(crew)),
      upTo(count).filter((n) => !lost.includes(n)),
    )
  },

  'states with holes are of the second format, unless a member is of the release before': () => {
    const names = ['a', 'b', 'c']
    for (const [speaks, format] of [
      [{}, FORMAT_EXACT],
      [{ c: 3 }, FORMAT_PLAIN],
    ] as const) {
      const crew = crewOf(names, { count: 3000, rate: 2000, holes: true }, { speaks })
      crew.start(names)
      crew.run(names)
      finish(crew, 'a')
      expectExact(crew, 3000)
      for (const name of names) assert.equal(formatOf(crew.hand(name)), format)
    }
  },

  'what is added up before it is sent is as exact': () => {
    const count = 6000
    const program = pipeline('adding', (p) => {
      p.source('numbers', generatorSource<number>({ value: (n) => n, count, rate: 2000, splits: SPLITS }))
        .keyBy('by-key', (n) => n % KEYS)
        .aggregate('sum', {
          init: () => ({ sum: 0, least: -1 }),
          add: (state, n) => {
            if (n % 1000 === 999) throw new Error(`${n} is bad`)
            state.sum += n
          },
          combine: (state, other) => {
            state.sum += other.sum
          },
          result: (state, key) => ({ key, sum: state.sum }),
          every: 200,
        })
        .sink('rows', fileSink({ path: '/shared/out/rows', framing: lines(), encode: (row) => JSON.stringify(row) }))
    })
    const names = ['a', 'b', 'c']
    const crew = new Crew(names, { plan: () => plan(program.build()) })
    crew.start(names)
    crew.run(names)
    crew.until(() => crew.epoch >= 3)
    crew.world.run(crew.world.now + 100)
    crew.hand('b').kill()
    crew.run(['a', 'c'], { owners: (group) => (group % 3) % 2 })
    crew.until(() => crew.epoch >= 6)
    crew.start(['b'])
    crew.run(names)
    finish(crew, 'a')
    const sums = new Map<number, number>()
    for (const [name, text] of crew.files('out')) {
      if (isMark(name)) continue
      for (const line of text.split('\n').filter((one) => one !== '')) {
        const { key, sum } = JSON.parse(line) as { key: number; sum: number }
        sums.set(key, Math.max(sums.get(key) ?? 0, sum))
      }
    }
    for (let key = 0; key < KEYS; key++) {
      const own = upTo(count).filter((n) => n % KEYS === key && n % 1000 !== 999)
      assert.equal(
        sums.get(key),
        own.reduce((sum, n) => sum + n, 0),
        `key ${key}`,
      )
    }
    const letters = crew.hands.flatMap(({ execution }) => execution!.deadLetters.list(0, 1000))
    assert.deepEqual(
      letters.map(({ position, task }) => [position, task]).toSorted(([a], [b]) => Number(a) - Number(b)),
      upTo(count)
        .filter((n) => n % 1000 === 999)
        .map((n) => [n, 'sum']),
    )
  },
}
