/**
 * The chain on a store with unknown outcomes and late creates: every order of events of two coordinators, and single
 * cases.
 */
import { describe, expect, test } from 'vitest'
import { makeLimits } from '../../src/base/limits.ts'
import { Prng } from '../../src/base/prng.ts'
import { ChainReader } from '../../src/checkpoint/chain-reader.ts'
import { type Appended, ChainWriter } from '../../src/checkpoint/chain-writer.ts'
import { type Cluster, emptyCluster, lastEpoch } from '../../src/checkpoint/cluster.ts'
import { fold } from '../../src/checkpoint/fold.ts'
import { chainRecord } from '../../src/checkpoint/layout.ts'
import { encodeRecord, type RecordBody, withoutCluster } from '../../src/checkpoint/record.ts'
import { oldFirsts, oldRecords } from '../../src/checkpoint/removal.ts'
import type { Store } from '../../src/checkpoint/store.ts'
import { SimRandom } from '../../src/sim/random.ts'
import { type Choose, everyChoice } from './choices.ts'
import { type CreateEnd, WeakWorld } from './weak-store.ts'

const limits = makeLimits({ chainEra: 100, chainReads: 1 })

/** A clock whose timers fire when the test's own queue comes to them. */
function clockOf(world: WeakWorld) {
  const after = (_: number, fn: () => void) => {
    world.due.push(fn)
    return { cancel: () => {} }
  }
  return { now: () => 0, monotonic: () => 0, after, soon: (fn: () => void) => void world.due.push(fn) }
}

const generation = (cluster: Cluster, coordinator: string, bases: [string, number][] = []): RecordBody => ({
  ...{ kind: 'generation', generation: cluster.generation + 1, coordinator, splits: null, bases },
  members: [{ worker: coordinator, incarnation: 'i', address: '' }],
  owners: new Uint16Array(4),
})
const epochRecord = (generation: number, epoch: number): RecordBody => ({
  ...{ kind: 'epoch', generation, pipeline: 'p', epoch, manifest: `m/${epoch}-${generation}`, drained: false },
})
const submitRecord = (generation: number): RecordBody => ({
  ...{ kind: 'submit', generation, pipeline: 'p', hash: 'h', parameters: null, from: null, drop: [], places: [] },
})

/** Puts records into the world as one writer would have. */
function write(
  world: WeakWorld,
  bodies: readonly ((cluster: Cluster) => RecordBody)[],
  era = limits.chainEra,
): Cluster {
  let cluster = emptyCluster
  for (const make of bodies) {
    const n = cluster.next
    const body = make(cluster)
    const stamp = { n, writer: 'first', incarnation: 'i', nonce: `${n}` }
    world.objects.set(chainRecord(n), encodeRecord(body, stamp, n % era === 0 ? cluster : null))
    cluster = fold(cluster, { ...stamp, ...body }).cluster
  }
  return cluster
}

/** A worker at the chain. */
function worker(world: WeakWorld, name: string, store: Store) {
  const reader = new ChainReader(store, limits, { onRecord: () => {}, onJump: () => {} })
  const random = new SimRandom(new Prng(name.length))
  const writer = new ChainWriter(reader, { clock: clockOf(world), random }, { worker: name, incarnation: 'i' })
  return { reader, writer }
}

const first = [(cluster: Cluster) => generation(cluster, 'old'), () => submitRecord(1), () => epochRecord(1, 99)]

/**
 * Generation 1 has every answer for epoch 100 and appends its record; another worker takes over meanwhile. Whatever
 * happens when, and however the creates end, epoch 100's output is committed by one generation, and nobody is told
 * `stable` for what the new generation does not know of.
 */
function takeOver(choose: Choose, unknowns: number): void {
  const world = new WeakWorld()
  write(world, first)
  // The beginning of later eras never stands here: whether it does is read without a choice.
  const quick = (path: string) => path > chainRecord(99)
  const old = worker(world, 'old', world.store('old', quick))
  const next = worker(world, 'newer', world.store('newer', quick))
  const commits = new Set<string>()
  const told = { stable: 99, base: 100 }

  old.reader.follow(() => {})
  next.reader.follow(() => {})
  world.settle()
  while (world.waiting.length > 0) world.happen(0)
  old.writer.append(
    () => epochRecord(1, 100),
    (outcome) => {
      if (outcome.kind !== 'appended' || !outcome.counts) return
      commits.add('generation 1')
      told.stable = 100
    },
  )
  const resume = (outcome: Appended) => {
    if (outcome.kind !== 'appended') throw new Error(`nobody else takes over: ${outcome.kind}`)
    told.base = lastEpoch(next.reader.cluster.pipelines.get('p')!)!.epoch
    if (told.base === 100) commits.add('generation 1')
    else
      next.writer.append(
        () => epochRecord(2, 100),
        () => commits.add('generation 2'),
      )
  }
  next.writer.append((cluster) => generation(cluster, 'newer'), resume)
  world.settle()
  let left = unknowns
  while (world.waiting.length > 0) {
    const choice = choose(world.waiting.length + world.late.length)
    if (choice >= world.waiting.length) {
      world.land(choice - world.waiting.length)
    } else {
      const ends: readonly CreateEnd[] = ['answered', 'unknown', 'late', 'lost']
      const unsure = world.waiting[choice]!.kind === 'create' && left > 0
      const end = unsure ? ends[choose(4)]! : 'answered'
      if (end !== 'answered') left--
      world.happen(choice, end)
    }
    if (told.stable === 100 && told.base === 99) throw new Error('told stable, and rolled back')
  }
  if (commits.size !== 1) throw new Error(`committed by ${[...commits].join(' and ') || 'nobody'}`)
}

describe('two coordinators', () => {
  test('in every order of their reads and creates, two of which end unknown, interval 100 is committed once', () => {
    expect(everyChoice((choose) => takeOver(choose, 2))).toBeGreaterThan(6_000)
  })
})

/** A quiet store: everything happens in the order asked. */
function calmChain(bodies: readonly ((cluster: Cluster) => RecordBody)[] = first) {
  const world = new WeakWorld()
  write(world, bodies)
  const store = world.store('w')
  const one = worker(world, 'w', store)
  const drain = () => {
    world.settle()
    while (world.waiting.length > 0) world.happen(0)
  }
  return { world, store, drain, ...one }
}

describe('an append', () => {
  test('is superseded by a higher generation, and appends nothing', () => {
    const { world, reader, writer, drain } = calmChain()
    reader.follow(() => {})
    drain()
    const outcomes: Appended[] = []
    writer.append(
      () => epochRecord(1, 100),
      (outcome) => outcomes.push(outcome),
    )
    const { next } = reader.cluster
    const body = generation(reader.cluster, 'other')
    world.objects.set(
      chainRecord(next),
      encodeRecord(body, { n: next, writer: 'o', incarnation: 'i', nonce: 'x' }, null),
    )
    drain()
    expect(outcomes).toEqual([{ kind: 'superseded', generation: 2 }])
    expect(world.objects.has(chainRecord(next + 1))).toBe(false)
  })

  test('A5: reads to the end of a chain that it is behind, and does not try its way along record by record', () => {
    const { world, reader, writer, drain } = calmChain()
    reader.follow(() => {})
    drain()
    const epochs = Array.from({ length: 50 }, (_, i) => () => epochRecord(1, 100 + i))
    write(world, [...first, ...epochs])
    const outcomes: Appended[] = []
    writer.append(
      () => epochRecord(1, 150),
      (outcome) => outcomes.push(outcome),
    )
    let creates = 0
    world.settle()
    while (world.waiting.length > 0) {
      if (world.waiting[0]!.kind === 'create') creates++
      world.happen(0)
    }
    expect(outcomes).toMatchObject([{ kind: 'appended', record: { n: 53 } }])
    expect(creates).toBe(3)
  })

  test('A6: does not read what it has created, and reads whose record stands there after any other answer', () => {
    const ends: readonly CreateEnd[] = ['answered', 'unknown', 'late']
    const reads = ends.map((end) => {
      const { world, reader, writer, drain } = calmChain()
      reader.follow(() => {})
      drain()
      const path = chainRecord(reader.cluster.next)
      const outcomes: Appended[] = []
      writer.append(
        () => epochRecord(1, 100),
        (outcome) => outcomes.push(outcome),
      )
      world.settle()
      world.happen(0, end)
      if (end === 'late') world.land(0)
      let count = 0
      while (world.waiting.length > 0) {
        if (world.waiting[0]!.path === path) count++
        world.happen(0)
      }
      expect(outcomes).toMatchObject([{ kind: 'appended', counts: true }])
      return count
    })
    expect(reads).toEqual([0, 1, 1])
  })

  test('is withdrawn where its maker wants it no more', () => {
    const { reader, writer, drain } = calmChain()
    const outcomes: Appended[] = []
    reader.follow(() =>
      writer.append(
        () => null,
        (outcome) => outcomes.push(outcome),
      ),
    )
    drain()
    expect(outcomes).toEqual([{ kind: 'withdrawn' }])
  })

  test('keeps the order in which appends were asked', () => {
    const { reader, writer, drain } = calmChain()
    const order: number[] = []
    reader.follow(() => {})
    drain()
    for (const epoch of [100, 101, 102]) {
      const note = (outcome: Appended) => outcome.kind === 'appended' && order.push(outcome.record.n)
      writer.append(() => epochRecord(1, epoch), note)
    }
    drain()
    expect(order).toEqual([3, 4, 5])
    expect(reader.cluster.pipelines.get('p')!.highest).toBe(102)
  })

  test('ends undecided when its writer is closed before the outcome is known', () => {
    const { world, reader, writer, drain } = calmChain()
    reader.follow(() => {})
    drain()
    const outcomes: Appended[] = []
    writer.append(
      () => epochRecord(1, 100),
      (outcome) => outcomes.push(outcome),
    )
    world.happen(0, 'lost')
    writer.close()
    drain()
    expect(outcomes).toEqual([{ kind: 'undecided' }])
  })
})

/** Another coordinator goes on for eras behind `first`, and removes what is old. */
function goOnForEras(world: WeakWorld): void {
  const bodies: ((cluster: Cluster) => RecordBody)[] = [...first, (cluster) => generation(cluster, 'other')]
  for (let epoch = 100; epoch < 500; epoch++) bodies.push(() => epochRecord(2, epoch))
  const { next } = write(world, bodies)
  const names = [...world.objects.keys()].map((path) => path.slice(6))
  for (const path of oldRecords(names, next, 100)) world.objects.delete(path)
  shorten(world, next)
}

/** Takes the cluster out of the first records of eras that are over. */
function shorten({ objects }: WeakWorld, next: number): void {
  for (const n of oldFirsts(next, 100)) {
    const short = withoutCluster(chainRecord(n), n, objects.get(chainRecord(n))!)
    if (short !== null) objects.set(chainRecord(n), short)
  }
}

describe('a reader', () => {
  test('names a damaged record and goes no further', () => {
    const { world, reader, drain } = calmChain()
    const bytes = Buffer.from(world.objects.get(chainRecord(1))!)
    bytes[40]! ^= 1
    world.objects.set(chainRecord(1), bytes)
    const errors: unknown[] = []
    reader.follow((error) => errors.push(error))
    drain()
    expect(errors).toMatchObject([{ code: 'E_STORE_DAMAGED', details: { path: chainRecord(1) } }])
    expect(reader.cluster.next).toBe(1)
  })

  test('does not take a record that lies under another number', () => {
    const { world, reader, drain } = calmChain()
    world.objects.set(chainRecord(3), world.objects.get(chainRecord(2))!)
    const errors: unknown[] = []
    reader.follow((error) => errors.push(error))
    drain()
    expect(errors).toMatchObject([{ code: 'E_STORE_DAMAGED' }])
  })

  test('finds the last era among any number of them, and knows what those before held', () => {
    for (const count of [1, 99, 100, 101, 250, 799, 801, 1200]) {
      const bodies = Array.from({ length: count }, (_, n) => first[n] ?? (() => epochRecord(1, 97 + n)))
      const { world, reader, drain } = calmChain(bodies)
      const whole = write(new WeakWorld(), bodies)
      for (const path of oldRecords(
        [...world.objects.keys()].map((p) => p.slice(6)),
        count,
        100,
      )) {
        world.objects.delete(path)
      }
      shorten(world, count)
      reader.follow((error) => expect(error).toBeNull())
      drain()
      expect(reader.cluster).toEqual(whole)
    }
  })

  test('that was left behind does not take a removed name for the end, nor a late record for one', () => {
    const { world, reader, writer, drain } = calmChain()
    reader.follow(() => {})
    drain()
    const outcomes: Appended[] = []
    writer.append(
      () => epochRecord(1, 100),
      (outcome) => outcomes.push(outcome),
    )
    // While the create is on its way.
    goOnForEras(world)
    expect(world.objects.has(chainRecord(3))).toBe(false)
    drain()
    expect(outcomes).toEqual([{ kind: 'superseded', generation: 2 }])
    // What it created late stands there now; another reader as far behind is not deceived by it.
    expect(world.objects.has(chainRecord(3))).toBe(true)
    const other = worker(world, 'late', world.store('late'))
    other.reader.cluster = write(new WeakWorld(), first)
    other.reader.follow((error) => expect(error).toBeNull())
    drain()
    expect(other.reader.cluster.generation).toBe(2)
  })

  test('knows what stood at a number that is removed, by the era after', () => {
    const { world, store, reader, writer, drain } = calmChain([])
    const nonces: string[] = []
    reader.follow(() => {})
    drain()
    for (let epoch = 0; epoch < 350; epoch++) {
      writer.append(
        () => epochRecord(0, epoch),
        (outcome) => outcome.kind === 'appended' && nonces.push(outcome.record.nonce),
      )
      drain()
    }
    for (const path of oldRecords(
      [...world.objects.keys()].map((path) => path.slice(6)),
      350,
      100,
    )) {
      world.objects.delete(path)
    }
    shorten(world, 350)
    const other = worker(world, 'other', store)
    other.reader.follow(() => {})
    drain()
    for (const n of [0, 7, 99, 100, 199, 200, 250, 349]) {
      other.reader.nonceOf(n, (error, nonce) => expect([n, error, nonce]).toEqual([n, null, nonces[n]]))
    }
    // Who was left behind creates one in the place of one that is removed.
    world.objects.set(chainRecord(7), world.objects.get(chainRecord(349))!)
    other.reader.nonceOf(7, (error, nonce) => expect([error, nonce]).toEqual([null, nonces[7]]))
    drain()
    expect.assertions(9)
  })

  test('begins at a later era where it finds that others have shortened the beginning of this one, and names damage', () => {
    for (const goesOn of [true, false]) {
      const { world, drain } = calmChain()
      const store = world.store('slow')
      const read = store.read.bind(store)
      let looks = 0
      store.read = (path, done) => {
        // It knows that the era has begun, and is about to read what was before it.
        if (path === chainRecord(0) && ++looks === 2) {
          if (goesOn) goOnForEras(world)
          world.objects.set(path, withoutCluster(path, 0, world.objects.get(path)!) ?? world.objects.get(path)!)
        }
        read(path, done)
      }
      const { reader } = worker(world, 'slow', store)
      const ends: unknown[] = []
      reader.follow((error) => ends.push(error?.code ?? null))
      drain()
      expect([ends, reader.cluster.generation]).toEqual(goesOn ? [[null], 2] : [['E_STORE_DAMAGED'], 0])
    }
  })

  test('names what is absent within the chain, and not what was removed while it looked for its end', () => {
    const broken = calmChain([...first, () => epochRecord(1, 100)])
    broken.world.objects.delete(chainRecord(2))
    const errors: unknown[] = []
    broken.reader.followWhole((error) => errors.push(error))
    broken.drain()
    expect(errors).toMatchObject([{ code: 'E_STORE_DAMAGED', details: { path: chainRecord(2) } }])

    const { world, drain } = calmChain()
    const store = world.store('slow')
    const list = store.list.bind(store)
    store.list = (folder, done) => {
      if (world.objects.has(chainRecord(0))) goOnForEras(world)
      list(folder, done)
    }
    const { reader } = worker(world, 'slow', store)
    const ends: unknown[] = []
    reader.followWhole((error) => ends.push(error))
    drain()
    expect(ends).toEqual([null])
    expect(reader.cluster.generation).toBe(2)
  })
})
