/**
 * The chain in simulated weather: coordinators that are killed, stopped, continued and powered off, on the real `file:`
 * driver, whose creates have unknown outcomes and land late. What one of them has acted on, all others find.
 */
import { expect, test } from 'vitest'
import { assert } from '../../src/base/assert.ts'
import { makeLimits } from '../../src/base/limits.ts'
import { Prng } from '../../src/base/prng.ts'
import { ChainReader } from '../../src/checkpoint/chain-reader.ts'
import { type Appended, ChainWriter } from '../../src/checkpoint/chain-writer.ts'
import { type Cluster, emptyCluster } from '../../src/checkpoint/cluster.ts'
import { type FileStore, openFileStore } from '../../src/checkpoint/file-store.ts'
import { chainRecord } from '../../src/checkpoint/layout.ts'
import { type ChainRecord, encodeRecord } from '../../src/checkpoint/record.ts'
import { sweepChain } from '../../src/checkpoint/sweeper.ts'
import type { Env } from '../../src/env/env.ts'
import { calm, type DiskWeather } from '../../src/sim/weather.ts'
import { type Machine, type SimProcess, World } from '../../src/sim/world.ts'

const limits = makeLimits({ chainEra: 4, chainReads: 3, storeRetryMs: 50 })

/** What all actors have acted on, and what of it two of them see differently. */
class Witness {
  readonly nonces = new Map<number, string>()
  readonly acted = new Map<number, number>()
  appends = 0
  jumps = 0

  accepted(record: ChainRecord): void {
    const before = this.nonces.get(record.n)
    assert(before === undefined || before === record.nonce, `two records ${record.n} of the chain`)
    this.nonces.set(record.n, record.nonce)
  }

  /** An epoch's sink has committed: it must be in the history of every later generation. */
  committed(epoch: number, generation: number): void {
    const before = this.acted.get(epoch)
    assert(before === undefined || before === generation, `epoch ${epoch} in generations ${before} and ${generation}`)
    this.acted.set(epoch, generation)
  }

  /** A generation has begun: it knows all that any earlier one acted on. */
  began(cluster: Cluster): void {
    const highest = cluster.pipelines.get('p')?.highest ?? 0
    for (const [epoch, generation] of this.acted) {
      assert(
        generation >= cluster.generation || epoch <= highest,
        `generation ${cluster.generation} lost epoch ${epoch}`,
      )
    }
  }
}

/** Takes the coordination over, completes epochs, removes old records, and begins anew when it is superseded. */
class Coordinator {
  private readonly process: SimProcess
  private readonly witness: Witness
  private store: FileStore | null = null
  private reader: ChainReader | null = null
  private writer: ChainWriter | null = null

  constructor(process: SimProcess, root: string, name: string, witness: Witness) {
    this.process = process
    this.witness = witness
    const incarnation = process.env.random.id()
    openFileStore(process.env, root, { worker: name, incarnation }, (error, store) => {
      if (error) this.later(() => process.kill())
      else this.start(store, { worker: name, incarnation })
    })
  }

  private start(store: FileStore, self: { worker: string; incarnation: string }): void {
    this.store = store
    this.reader = new ChainReader(store, limits, {
      onRecord: (record, counts, cluster) => {
        this.witness.accepted(record)
        if (record.kind === 'generation' && counts) this.witness.began(cluster)
      },
      onJump: (cluster) => {
        this.witness.jumps++
        this.witness.began(cluster)
      },
    })
    this.writer = new ChainWriter(this.reader, this.process.env, self)
    this.takeOver(self.worker, self.incarnation)
  }

  private takeOver(worker: string, incarnation: string): void {
    this.reader!.follow((error) => {
      if (error) return this.later(() => this.takeOver(worker, incarnation))
      const members = [{ worker, incarnation, address: '' }]
      const make = (cluster: Cluster) => ({
        ...({ kind: 'generation', generation: cluster.generation + 1, coordinator: worker } as const),
        ...{ members, owners: new Uint16Array(2), splits: null, bases: [] },
      })
      this.writer!.append(make, (outcome) => {
        if (outcome.kind !== 'appended') return this.later(() => this.takeOver(worker, incarnation))
        this.submit(outcome.record.generation, () => this.nextEpoch(worker, incarnation))
      })
    })
  }

  private submit(generation: number, done: () => void): void {
    const submit = (cluster: Cluster) => {
      if (cluster.pipelines.has('p')) return null
      return {
        kind: 'submit',
        generation,
        pipeline: 'p',
        hash: 'h',
        parameters: {},
        from: null,
        drop: [],
        places: [],
      } as const
    }
    this.writer!.append(submit, done)
  }

  private nextEpoch(worker: string, incarnation: string): void {
    const { generation, pipelines } = this.reader!.cluster
    const epoch = (pipelines.get('p')?.highest ?? 0) + 1
    const make = (cluster: Cluster) => {
      if ((cluster.pipelines.get('p')?.highest ?? 0) >= epoch) return null
      return {
        kind: 'epoch',
        generation,
        pipeline: 'p',
        epoch,
        manifest: `${epoch}-${generation}`,
        drained: false,
      } as const
    }
    this.writer!.append(make, (outcome: Appended) => {
      if (outcome.kind === 'appended' && outcome.counts) {
        this.witness.appends++
        this.witness.committed(epoch, generation)
        const [store, { cluster }] = [this.store!, this.reader!]
        sweepChain({ store, limits }, cluster, null, () => this.later(() => this.nextEpoch(worker, incarnation)))
      } else {
        this.later(() => this.takeOver(worker, incarnation))
      }
    })
  }

  private later(fn: () => void): void {
    this.process.env.clock.after(1 + this.process.env.random.below(20), fn)
  }
}

interface Setting {
  readonly world: World
  readonly machines: readonly Machine[]
  readonly root: string
}

/** Runs a few seconds of coordinators that come and go; answers what happened. */
function run(seed: number, make: (random: Prng) => Setting, power: boolean): Witness {
  const random = new Prng(seed)
  const { world, machines, root } = make(random)
  const witness = new Witness()
  const processes: SimProcess[] = []
  const begin = (machine: Machine) => {
    const process = machine.start(`w${processes.length % 3}`)
    processes.push(process)
    new Coordinator(process, root, `w${processes.length % 3}`, witness)
  }
  for (const machine of machines) begin(machine)
  for (let time = 50; time < 4000; time += random.below(300)) {
    world.run(time)
    const process = processes[random.below(processes.length)]!
    const machine = machines[random.below(machines.length)]!
    const dice = random.below(power ? 6 : 5)
    if (dice === 0) process.kill()
    else if (dice === 1) process.stop()
    else if (dice === 2) process.continue()
    else if (dice < 5) begin(machine)
    else {
      machine.powerOff()
      world.run(time + 1)
      machine.powerOn()
      begin(machine)
    }
  }
  return witness
}

function rough(random: Prng): DiskWeather {
  const maybe = (chance: number) => (random.chance(0.5) ? chance : 0)
  return {
    ...calm.disk,
    jitterMs: random.between(0.1, 10),
    stallChance: maybe(0.02),
    stallMs: 1500,
    unknownChance: maybe(0.05),
    failChance: maybe(0.02),
    lateChance: maybe(0.8),
    lateMs: 2000,
  }
}

/** Three machines with a shared volume. */
function shared(random: Prng): Setting {
  const world = new World(random.u32(), { ...calm, disk: rough(random) })
  const volume = world.volume('shared')
  const machines = ['a', 'b', 'c'].map((name) => world.machine(name, { mounts: [{ at: '/shared', volume }] }))
  return { world, machines, root: '/shared/store' }
}

/** One machine whose power may fail; its syncs keep what they promise. */
function lone(random: Prng): Setting {
  const world = new World(random.u32(), { ...calm, disk: { ...rough(random), tornChance: 0.5 } })
  return { world, machines: [world.machine('a')], root: 'store' }
}

const seeds = 60

test('on a shared volume, all see one chain and no epoch that was acted on is lost', () => {
  let appends = 0
  let jumps = 0
  for (let seed = 0; seed < seeds; seed++) {
    const witness = run(seed, shared, false)
    appends += witness.appends
    jumps += witness.jumps
  }
  expect(appends).toBeGreaterThan(20 * seeds)
  expect(jumps).toBeGreaterThan(seeds)
})

test('on one machine that loses power, what was acted on is there afterwards', () => {
  let appends = 0
  for (let seed = 0; seed < seeds; seed++) appends += run(seed, lone, true).appends
  expect(appends).toBeGreaterThan(20 * seeds)
})

test('A2: a record that another wrote is durable before a reader acts on it', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const world = new World(seed)
    const machine = world.machine('m')
    const open = (name: string, env: Env): FileStore => {
      let opened: FileStore | null = null
      const self = { worker: name, incarnation: env.random.id() }
      openFileStore(env, 'store', self, (_, store) => {
        opened = store
      })
      world.runUntil(() => opened !== null, world.now + 1000)
      return opened!
    }
    const writer = machine.start('writer').env
    const store = open('writer', writer)
    const seen: number[] = []
    const listener = { onRecord: (record: ChainRecord) => void seen.push(record.n), onJump: () => {} }
    const reader = new ChainReader(open('reader', machine.start('reader').env), limits, listener)
    const create = (n: number) => {
      const body = { kind: 'floor', generation: 0, pipeline: 'p', floor: 1 } as const
      const stamp = { n, writer: 'writer', incarnation: 'i', nonce: 'x' }
      store.createExclusive(chainRecord(n), encodeRecord(body, stamp, n === 0 ? emptyCluster : null), () => {})
    }
    const follow = () => reader.follow(() => seen.length < 2 && follow())
    follow()
    create(0)
    world.runUntil(() => seen.length === 1, world.now + 1000)
    // The next record gets its name, and the sync that would make it durable never comes back to its writer.
    const sync = writer.disk.syncDirectory.bind(writer.disk)
    writer.disk.syncDirectory = (path, done) => path.endsWith('chain') || sync(path, done)
    create(1)
    world.runUntil(() => seen.length === 2, world.now + 1000)
    machine.powerOff()
    machine.powerOn()
    const again = open('again', machine.start('again').env)
    let found: Buffer | null = null
    again.read(chainRecord(1), (_, record) => {
      found = record
    })
    world.run(world.now + 100)
    expect(seen).toEqual([0, 1])
    expect(found).not.toBeNull()
  }
})
