/**
 * Several workers that run one pipeline, with a membership that the test decides: real executions and links on a
 * simulated network, one store on a volume that all machines mount.
 */
import { assert } from '../../src/base/assert.ts'
import type { ByteReader } from '../../src/base/bytes.ts'
import type { PotorooError } from '../../src/base/errors.ts'
import { type Limits, makeLimits } from '../../src/base/limits.ts'
import { ChainReader } from '../../src/checkpoint/chain-reader.ts'
import { ChainWriter, type MakeRecord } from '../../src/checkpoint/chain-writer.ts'
import type { Cluster, Member } from '../../src/checkpoint/cluster.ts'
import { type FileStore, openFileStore } from '../../src/checkpoint/file-store.ts'
import { NamedPacks } from '../../src/checkpoint/named-packs.ts'
import { PackIndexes } from '../../src/checkpoint/pack-indexes.ts'
import { ReadAhead } from '../../src/checkpoint/read-ahead.ts'
import type { RecordBody } from '../../src/checkpoint/record.ts'
import { placementFromJson } from '../../src/cluster/splits.ts'
import { Door } from '../../src/ingest/door.ts'
import type { Plan } from '../../src/model/plan.ts'
import { NEWEST_VERSION } from '../../src/protocol/version.ts'
import type { Volume } from '../../src/sim/volume.ts'
import { calm, type Weather } from '../../src/sim/weather.ts'
import { type Machine, type SimProcess, World } from '../../src/sim/world.ts'
import { type Member as Peer, Switchboard } from '../../src/transport/switchboard.ts'
import type { ControlMessage } from '../../src/transport/wire.ts'
import { Execution } from '../../src/worker/execution/execution.ts'
import type { Generation, Holdings, Links } from '../../src/worker/execution/generation.ts'
import { Loop } from '../../src/worker/loop.ts'
import { EarlyMessages } from '../../src/worker/pipelines/early.ts'
import { LocalLinks } from '../../src/worker/seat/local-links.ts'

const PORT = 7100
const HASH = 'program'

export const crewLimits = makeLimits({
  keyGroups: 16,
  batchRecords: 16,
  channelBatches: 2,
  channelCreditBytes: 4000,
  checkpointIntervalMs: 300,
  checkpointTimeoutMs: 3000,
  horizonEpochs: 3,
  linkGraceMs: 4000,
  linkPingMs: 100,
  linkDialTimeoutMs: 500,
  linkRetryMs: 100,
})

/** One worker: a process, what it stands on, and the execution of the present generation. */
export class Hand {
  readonly name: string
  readonly crew: Crew
  readonly machine: Machine
  process!: SimProcess
  incarnation = ''
  store!: FileStore
  reader!: ChainReader
  appender!: ChainWriter
  door!: Door
  board!: Switchboard
  loop!: Loop
  indexes!: PackIndexes
  execution: Execution | null = null
  phase: 'starting' | 'ready' | 'restored' | 'damaged' | 'spoiled' | 'running' | 'ended' | 'drained' | 'dead' =
    'starting'
  /** The older epoch that it can restore, where it says `damaged`. */
  instead = 0
  readonly errors: PotorooError[] = []
  readonly lost: string[] = []
  readonly letters: string[] = []
  private self: LocalLinks | null = null
  private readonly early = new EarlyMessages()

  constructor(crew: Crew, name: string, machine: Machine) {
    this.crew = crew
    this.name = name
    this.machine = machine
  }

  get member(): Member {
    return { worker: this.name, incarnation: this.incarnation, address: `${this.name}:${PORT}` }
  }

  get peer(): Peer {
    return { worker: this.name, incarnation: this.incarnation, address: { host: this.name, port: PORT } }
  }

  start(): void {
    this.process = this.machine.start(this.name)
    const { env } = this.process
    this.phase = 'starting'
    this.execution = null
    this.incarnation = env.random.id()
    const { name: worker, incarnation } = this
    const { limits } = this.crew
    this.loop = new Loop(env.clock, limits.turnRuns)
    this.indexes = new PackIndexes()
    const identity = { cluster: 'c', token: 't', worker, incarnation, build: '1' }
    this.board = new Switchboard(env, identity, limits, {
      control: (from, message, body) => this.hear(from, message, body),
      interrupted: () => {},
      lost: (lost) => this.lost.push(lost),
      refused: () => {},
      newer: () => {},
      knocked: () => {},
      damaged: () => {},
    })
    this.board.listen({ host: worker, port: PORT }, (error) => assert(error === null, String(error)))
    openFileStore(env, '/shared/store', { worker, incarnation }, (error, store) => {
      assert(error === null, String(error))
      this.store = store
      this.reader = new ChainReader(store, limits, {
        onRecord: (record, counts) => {
          if (counts && record.kind === 'epoch') this.execution?.recorded(record.epoch)
          if (counts && record.kind === 'floor') this.execution?.floor(record.floor)
        },
        onJump: () => {},
      })
      this.appender = new ChainWriter(this.reader, env, { worker, incarnation })
      this.reader.follow((failed) => {
        assert(failed === null, String(failed))
        const options = { env, limits, directory: '/journal', worker, incarnation, isKept: () => true }
        Door.open(options, (wrong, door) => {
          assert(wrong === null, String(wrong))
          this.door = door!
          this.phase = 'ready'
        })
      })
    })
  }

  kill(): void {
    this.process.kill()
    this.phase = 'dead'
    this.execution = null
  }

  append(make: MakeRecord): void {
    this.appender.append(make, (outcome) => assert(outcome.kind === 'appended' && outcome.counts, outcome.kind))
  }

  /** What comes before the execution runs waits for it. */
  private hear(from: string, message: ControlMessage, body: ByteReader): void {
    if (this.phase !== 'starting' && this.phase !== 'restored') this.execution?.control(from, message, body)
    else if ('pipeline' in message) this.early.keep(message.pipeline, from, message, body)
  }

  /** Comes into the generation of the chain, with what it held in the one before. */
  enter(cluster: Cluster, handOver: boolean): void {
    const { crew } = this
    const { execution: former } = this
    const before: Holdings | null =
      handOver && former !== null ? { ...former.holdings(), open: former.leaveOpen() } : null
    this.execution?.close()
    this.self?.close()
    const entry = cluster.pipelines.get(crew.pipeline)!
    const { members, generation: number, coordinator, owners, splits } = cluster
    const self = members.findIndex(({ worker }) => worker === this.name)
    const generation: Generation = { number, coordinator, members, self, owners, placement: placementFromJson(splits) }
    const peers = members.map(({ worker }) => crew.hand(worker).peer)
    this.board.activate(number, peers, [{ pipeline: entry.run, hash: HASH }])
    const { env } = this.process
    const { limits } = crew
    const local = new LocalLinks(env.clock, (message, body) => this.hear(this.name, message, body))
    this.self = local
    const { board } = this
    const links: Links = {
      send: (worker, message, body = null) =>
        worker === this.name ? local.send(worker, message, body) : board.send(worker, message, body),
      version: (worker) => crew.speaks[worker] ?? (board.has(worker) ? board.version(worker) : NEWEST_VERSION),
      backlog: (worker) => (board.has(worker) ? board.backlog(worker) : 0),
      outlet: (worker, address, encode) => board.outlet(worker, address, encode),
      inlet: (worker, address, taker) => board.inlet(worker, address, taker),
    }
    const seams = {
      ...{ env, limits, loop: this.loop, store: this.store, chain: this.reader, appender: this.appender },
      door: this.door,
      output: { write: (_: Uint8Array, done: (error: Error | null) => void) => env.clock.soon(() => done(null)) },
      input: null,
      ahead: new ReadAhead(limits),
      named: new NamedPacks(),
      indexes: this.indexes,
      member: { worker: this.name, incarnation: this.incarnation },
      storeId: 's',
      ...{
        acceptLoss: crew.acceptLoss,
        development: false,
        sourceToken: null,
        drop: new Set<string>(),
        listening: () => {},
      },
      maySpeak: () => true,
    }
    this.phase = 'starting'
    this.early.clear()
    const execution: Execution = new Execution(
      { plan: crew.plan(), entry, generation, term: String(generation.number), links },
      seams,
      {
        restored: () => {
          this.phase = 'restored'
        },
        damaged: (instead) => {
          this.phase = 'damaged'
          this.instead = instead
        },
        spoiled: () => {
          this.phase = 'spoiled'
        },
        running: () => {
          this.phase = 'running'
          this.early.deliver(entry.run, (from, message, body) => execution.control(from, message, body))
        },
        ended: () => {
          this.phase = 'ended'
        },
        drained: () => {
          this.phase = 'drained'
        },
        failed: (error) => this.errors.push(error),
        warned: () => {},
        letter: (failure) => this.letters.push(`${failure.step}: ${String(failure.error)}`),
        behind: () => this.reader.follow(() => {}),
      },
      before,
    )
    this.execution = execution
    execution.start()
  }
}

export interface CrewOptions {
  readonly plan: () => Plan
  readonly seed?: number
  readonly limits?: Partial<Limits>
  readonly weather?: Partial<Weather>
  /** What others believe a worker to speak, where it is not the newest version. */
  readonly speaks?: Readonly<Record<string, number>>
}

export class Crew {
  readonly world: World
  readonly limits: Limits
  readonly plan: () => Plan
  readonly pipeline: string
  readonly speaks: Readonly<Record<string, number>>
  readonly hands: Hand[] = []
  readonly shared: Volume
  /** Whether whoever comes up goes on without what is damaged. */
  acceptLoss = false

  constructor(names: readonly string[], { plan, seed = 1, limits = {}, weather = {}, speaks = {} }: CrewOptions) {
    this.world = new World(seed, { ...calm, ...weather })
    this.limits = { ...crewLimits, ...limits }
    this.plan = plan
    this.speaks = speaks
    this.pipeline = plan().pipeline
    this.shared = this.world.volume('shared')
    for (const name of names) {
      const machine = this.world.machine(name, { checked: true, mounts: [{ at: '/shared', volume: this.shared }] })
      this.hands.push(new Hand(this, name, machine))
    }
  }

  hand(name: string): Hand {
    return this.hands.find((hand) => hand.name === name)!
  }

  /** Runs until `holds`, or throws with what everybody is doing. */
  until(holds: () => boolean, ms = 60_000): void {
    const reached = this.world.runUntil(() => {
      for (const { name, errors } of this.hands) if (errors.length > 0) throw new Error(`${name}: ${errors[0]!.stack}`)
      return holds()
    }, this.world.now + ms)
    if (!reached) throw new Error(`not reached: ${this.describe()}\n${this.world.drainLog().slice(-40).join('\n')}`)
  }

  private describe(): string {
    return this.hands
      .map(({ name, phase, execution }) => {
        const { figures, heldBy } = execution?.status ?? { figures: null, heldBy: null }
        const tasks = execution?.status.tasks.map(({ step, recordsIn, waiting }) => `${step} ${recordsIn}/${waiting}`)
        return `${name} ${phase} epoch ${figures?.epoch} of ${figures?.completed}+${figures?.abandoned} ${heldBy} ${tasks}`
      })
      .join('; ')
  }

  start(names: readonly string[]): void {
    for (const name of names) this.hand(name).start()
    this.until(() => names.every((name) => this.hand(name).phase === 'ready'))
  }

  submit(by: string): void {
    const { pipeline } = this
    const hand = this.hand(by)
    hand.append(({ generation }) => ({
      ...{ kind: 'submit', generation, pipeline, hash: HASH, parameters: null, from: null, drop: [], places: [] },
    }))
    this.until(() => hand.reader.cluster.pipelines.has(pipeline))
  }

  /** Makes a generation of `names`, whose first decides. Owners are dealt in turn, unless `owners` says otherwise. */
  generation(
    names: readonly string[],
    options: { owners?: (group: number) => number; bases?: [string, number][]; handOver?: boolean } = {},
  ): void {
    const hands = names.map((name) => this.hand(name))
    const first = hands[0]!
    const { owners: ownerOf = (group: number) => group % names.length, bases = [], handOver = true } = options
    const before = first.reader.cluster.generation
    const make = ({ generation }: Cluster): RecordBody => ({
      ...{ kind: 'generation', generation: generation + 1, coordinator: first.name },
      ...{ members: hands.map(({ member }) => member), splits: null, bases },
      owners: Uint16Array.from({ length: this.limits.keyGroups }, (_, group) => ownerOf(group)),
    })
    this.follow(hands)
    first.append(make)
    this.until(() => first.reader.cluster.generation > before)
    if (!first.reader.cluster.pipelines.has(this.pipeline)) this.submit(first.name)
    this.follow(hands)
    for (const hand of hands) hand.enter(first.reader.cluster, handOver)
    this.until(() => hands.every(({ phase }) => phase === 'restored' || phase === 'damaged'))
  }

  /** Everybody reads the chain to its end. */
  follow(hands: readonly Hand[]): void {
    let left = hands.length
    for (const { reader } of hands) {
      reader.follow((error) => {
        assert(error === null, String(error))
        left--
      })
    }
    this.until(() => left === 0)
  }

  activate(names: readonly string[]): void {
    for (const name of names) this.hand(name).execution!.activate()
  }

  /** A generation of `names` that runs. */
  run(names: readonly string[], options: Parameters<Crew['generation']>[1] = {}): void {
    this.generation(names, options)
    this.activate(names)
  }

  /** Complete epochs, by the chain. */
  get epoch(): number {
    return Math.max(
      0,
      ...this.hands.map(({ reader }) => reader?.cluster.pipelines.get(this.pipeline)?.epochs.at(-1)?.epoch ?? 0),
    )
  }

  /** Turns a bit of a file of the shared volume. */
  damage(path: string, at = 60): void {
    const { env } = this.hands[0]!.machine.start('vandal')
    let done = false
    env.disk.open(`/shared/${path}`, 'write', (error, file) => {
      assert(error === null, String(error))
      file.read(at, 1, (unread, bytes) => {
        assert(unread === null, String(unread))
        file.write([Buffer.from([bytes[0]! ^ 1])], at, () => {
          done = true
        })
      })
    })
    this.until(() => done)
  }

  /** Removes a file of the shared volume. */
  remove(path: string): void {
    let done = false
    this.hands[0]!.machine.start('vandal').env.disk.remove(`/shared/${path}`, (error) => {
      assert(error === null, String(error))
      done = true
    })
    this.until(() => done)
  }

  /** The contents of the files in a folder of the shared volume, by name. */
  files(folder: string): ReadonlyMap<string, string> {
    const { env } = this.hands[0]!.machine.start('reader')
    const found = new Map<string, string>()
    let left = -1
    env.disk.list(`/shared/${folder}`, (_, names) => {
      left = names?.length ?? 0
      for (const name of names ?? []) {
        env.disk.readFile(`/shared/${folder}/${name}`, (error, bytes) => {
          found.set(name, error === null ? bytes.toString() : '')
          left--
        })
      }
    })
    this.until(() => left === 0)
    return found
  }
}
