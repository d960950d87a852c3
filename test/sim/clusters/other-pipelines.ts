/**
 * Pipelines beside the one that a cluster is about, each of which has numbers of its own, and the person who is after
 * them. Their programs run as they are, so workers add up what they send to one another.
 *
 * O1. Whatever becomes of them (they are submitted, drained, taken out, begun anew or with a savepoint, given a program
 *     that fails, or one that some worker cannot load), the one beside them goes on as if they were not there.
 * O2. A run shows each number once, with what a step made of it and of all numbers of its key before; or sums of the
 *     first numbers of each key, none twice, the last one surely. What a run before has shown behind the point at which
 *     this one begins is taken back, or stands in front of it in a file that grows.
 * O3. A program that has no fault fails nowhere, but where its run began with one that has, for who asked for that did
 *     not know that the run before was gone: somebody takes it out.
 * O4. In fair weather all come to their end. Nobody asks for anything while the pipeline beside them comes to rest.
 */
import { fail, type PotorooError } from '../../../src/base/errors.ts'
import { Prng } from '../../../src/base/prng.ts'
import { savepointManifest } from '../../../src/checkpoint/layout.ts'
import type { Plan } from '../../../src/model/plan.ts'
import { plan } from '../../../src/model/planner.ts'
import type { MemberStation } from '../../../src/sim/member-station.ts'
import type { Volume } from '../../../src/sim/volume.ts'
import type { SimProcess, World } from '../../../src/sim/world.ts'
import { Endings, isUp } from '../../../src/worker/pipelines/endings.ts'
import type { Resident } from '../../../src/worker/pipelines/resident.ts'
import type { Worker } from '../../../src/worker/worker.ts'
import type { ChainWatch } from './chain-watch.ts'
import type { ClusterConfig } from './config.ts'
import { drawNumbers, expectedOf, faultOf, hasEnded, lackOf, type Numbers, pipelineOf, shownOf } from './numbers.ts'

const OTHERS = 0x6a3c_0000
/** How long its sink's folder does not answer a worker, in milliseconds, as usual. */
const STALLED_MS = 8000
/** Of so many looks in fair weather somebody is after them at one. */
const SELDOM = 20

type Fault = 'none' | 'fails' | 'unloaded'

interface Other extends Numbers {
  /** The lines that it may show, and those of them that it must. */
  readonly expected: ReadonlyMap<string, 'may' | 'must'>
  /** The programs that were asked for, by their hashes: whether they can go on. */
  readonly programs: Map<string, Fault>
  /** Savepoints of what it shows now, oldest first. */
  savepoints: string[]
  /** The last of its runs that has made all, as far as that was seen; 0: none. */
  ended: number
  /** Runs that it has had, as far as savepoints have been sorted by them. */
  runs: number
  /** What somebody has asked for, and of whom; nobody asks for anything else before. */
  pending: SimProcess | null
}

interface Seams {
  readonly world: World
  readonly volume: Volume
  readonly chain: ChainWatch
  readonly stations: readonly MemberStation[]
}

export class OtherPipelines {
  private readonly wrong: string[] = []
  private readonly config: ClusterConfig
  private readonly seams: Seams
  private readonly random: Prng
  private readonly all: readonly Other[]
  /** Which worker cannot load a program. */
  private readonly strangers = new Map<string, string>()
  private looks = 0
  /** Nobody asks for anything (O4). */
  resting = false
  private names = 0

  constructor(config: ClusterConfig, seams: Seams) {
    this.config = config
    this.seams = seams
    this.random = new Prng(config.seed + OTHERS)
    this.all = Array.from({ length: config.others }, (_, i) => this.draw(`other${i + 1}`))
  }

  private draw(name: string): Other {
    const shape = drawNumbers(name, this.random, this.config.actMs, this.config.limits.deadLetters)
    return {
      ...shape,
      expected: expectedOf(shape),
      programs: new Map(),
      savepoints: [],
      ended: 0,
      runs: 0,
      pending: null,
    }
  }

  /**
   * The plan of the program `hash` as `worker` loads it; `null`: it is none of these. Throws where it cannot be loaded.
   */
  planOf(hash: string, worker: string): Plan | null {
    const other = this.all.find(({ programs }) => programs.has(hash))
    if (other === undefined) return null
    if (this.strangers.get(hash) === worker) throw fail('E_BUNDLE_DAMAGED', { path: hash })
    const splits = other.splits + (other.programs.get(hash) === 'fails' ? 1 : 0)
    return plan(pipelineOf({ ...other, splits }).build())
  }

  /** Whether `hash` is of one of these, which may fail where it has a fault (O3). */
  failed(hash: string, error: PotorooError): boolean {
    const other = this.all.find(({ programs }) => programs.has(hash))
    if (other === undefined) return false
    if (other.programs.get(hash) !== 'none') return true
    if (!this.isSpoiled(other) && !this.config.harsh) this.wrong.push(`${hash} has failed: ${error.message} (O3)`)
    return true
  }

  /** Whether the run that is there began with a program that has a fault (O3). */
  private isSpoiled({ name, programs }: Other): boolean {
    const { chain } = this.seams
    chain.look()
    const run = chain.lastRun(name)
    return run !== null && (run.programs?.some((hash) => programs.get(hash) === 'fails') ?? true)
  }

  /** Savepoints of what a run has taken back since are of no use any more: none is, where that began with nothing. */
  private sort(other: Other): void {
    const runs = this.seams.chain.runs.get(other.name) ?? []
    for (const { from } of runs.slice(other.runs)) {
      const place = other.savepoints.findIndex((savepoint) => savepointManifest(other.name, savepoint) === from)
      other.savepoints = other.savepoints.slice(0, place + 1)
    }
    other.runs = runs.length
  }

  private noteEnd(other: Other): void {
    const { stations, chain } = this.seams
    if (hasEnded(other.name, stations, chain)) other.ended = chain.lastRun(other.name)!.run
  }

  /** Somebody asks one of the workers for something. */
  act(): string {
    const { random } = this
    const active = this.seams.stations.filter(({ worker }) => worker?.phase === 'active')
    const free = this.all.filter(isFree)
    if (active.length === 0 || free.length === 0) return ''
    const station = active[random.below(active.length)]!
    return this.change(station, station.worker!, free[random.below(free.length)]!)
  }

  /** Looks after what has been asked for; in fair weather somebody sees to it that all come to their end (O4). */
  look(fair: boolean): void {
    for (const other of this.all) {
      this.sort(other)
      this.noteEnd(other)
    }
    if (!fair || this.resting || ++this.looks % SELDOM !== 0) return
    const station = this.seams.stations.find(({ worker }) => worker?.phase === 'active')
    if (station !== undefined) for (const other of this.all) if (isFree(other)) this.mend(station, other)
  }

  /** Whether all have shown what they make. */
  get done(): boolean {
    return this.all.every((other) => isFree(other) && this.lackOf(other) === null)
  }

  /** Whether nothing becomes of what was asked for any more: what runs is what the chain names. */
  get settled(): boolean {
    const { stations } = this.seams
    const workers = stations.flatMap(({ worker }) => worker ?? [])
    return (
      this.all.every(isFree) &&
      workers.every(({ residents }) => !residents.outdated && ![...residents.late.values()].includes('starting'))
    )
  }

  get complaints(): readonly string[] {
    return [...this.wrong, ...this.all.flatMap((other) => this.judge(other))]
  }

  /** How far they have come, for a cluster that does not go on. */
  get standing(): readonly string[] {
    const shown = this.all.map((other) => {
      const where = this.seams.stations.map(({ worker, name }) => {
        const resident = worker?.residents.all.get(other.name)
        return `${name} ${resident?.phase} ${resident?.hash} in ${resident?.execution.generation.number}`
      })
      const pending = isFree(other) ? '' : ', somebody waits'
      return `${other.name}: shows ${this.shown(other).length} lines, not ${this.lackOf(other)}${pending} (${where.join(', ')})`
    })
    return [...this.wrong.slice(0, 3), ...shown]
  }

  // ── What somebody does ───────────────────────────────────────────────────────────────────────────────────────────

  private change(station: MemberStation, worker: Worker, other: Other): string {
    const { random } = this
    const { name } = other
    const entry = worker.cluster.pipelines.get(name)
    if (entry === undefined) return this.begin(station, other)
    if (this.isSpoiled(other)) return this.cancel(station, worker, other)
    if (entry.drained) return this.submit(station, other, 'none')
    const resident = worker.residents.all.get(name)
    const choice = random.below(10)
    if (choice <= 2 && resident !== undefined && isUp(resident)) return this.savepoint(station, other, resident)
    if (choice <= 4 && resident !== undefined && isUp(resident)) return this.drain(station, worker, other, resident)
    if (choice === 5) return this.cancel(station, worker, other)
    // Without an epoch nothing tells that it reads otherwise.
    if (choice === 6) return this.submit(station, other, entry.epochs.length > 0 ? 'fails' : 'none')
    if (choice === 7) return this.submit(station, other, 'unloaded')
    if (choice === 8) return this.stall(station, other)
    return this.submit(station, other, 'none')
  }

  /** O4. */
  private mend(station: MemberStation, other: Other): void {
    const worker = station.worker!
    const entry = worker.cluster.pipelines.get(other.name)
    if (entry === undefined) return void this.begin(station, other)
    // What a run began with is not known where the chain was cut before it was looked at: then it counts whether it
    // goes on.
    const known = this.seams.chain.lastRun(other.name)?.programs !== null
    const spoiled = known ? this.isSpoiled(other) : this.isBroken(other, entry.hash)
    if (spoiled) this.cancel(station, worker, other)
    else if (entry.drained ? this.lackOf(other) !== null : this.isBroken(other, entry.hash))
      this.submit(station, other, 'none')
  }

  /** Whether it runs a program that fails, or has failed on some worker. */
  private isBroken({ name, programs }: Other, hash: string): boolean {
    if (programs.get(hash) !== 'none') return true
    return this.seams.stations.some(({ worker }) => {
      return worker?.residents.all.get(name)?.phase === 'failed' || worker?.residents.unloaded.has(name) === true
    })
  }

  /** It is not there: it begins with nothing, or with a savepoint of what it shows. */
  private begin(station: MemberStation, other: Other): string {
    const { random } = this
    const place = random.chance(0.6) ? other.savepoints.length - 1 - random.below(2) : -1
    return this.submit(station, other, 'none', other.savepoints[place] ?? null)
  }

  private submit(station: MemberStation, other: Other, fault: Fault, savepoint: string | null = null): string {
    const { name, programs } = other
    const hash = `${name}-${programs.size + 1}${fault === 'none' ? '' : `-${fault}`}`
    programs.set(hash, fault)
    const { stations } = this.seams
    if (fault === 'unloaded') this.strangers.set(hash, stations[this.random.below(stations.length)]!.name)
    const from = savepoint === null ? null : savepointManifest(name, savepoint)
    this.ask(station, other, (done) => {
      const program = { hash, text: '', map: '' }
      station.worker!.ledger.submit(name, program, null, { from, drop: [], places: [], again: true }, done)
    })
    return `${station.name} submits ${hash}${savepoint === null ? '' : ` from ${savepoint}`}`
  }

  private cancel(station: MemberStation, { ledger }: Worker, other: Other): string {
    this.ask(station, other, (done) =>
      ledger.withdraw(other.name, () => {
        ledger.sweep()
        done()
      }),
    )
    return `${station.name} cancels ${other.name}`
  }

  private drain(station: MemberStation, worker: Worker, other: Other, resident: Resident): string {
    const { clock } = station.process!.env
    this.ask(station, other, (done) => {
      const endings = new Endings(clock, worker, this.config.limits.drainTimeoutMs, (condition) =>
        station.until(condition),
      )
      endings.drain(resident, true).then(done, done)
    })
    return `${station.name} drains ${other.name}`
  }

  private savepoint(station: MemberStation, other: Other, { execution, run }: Resident): string {
    const savepoint = `kept${++this.names}`
    this.ask(station, other, (done) =>
      execution.request({ kind: 'savepoint', name: savepoint }, (reason) => {
        // Of a run that is still there.
        const stays = !this.isSpoiled(other) && this.seams.chain.lastRun(other.name)?.run === run
        this.sort(other)
        if (reason === null && stays) other.savepoints.push(savepoint)
        done()
      }),
    )
    return `${station.name} keeps ${other.name} as ${savepoint}`
  }

  /** What its sink writes on one worker is late. */
  private stall({ machine, name }: MemberStation, other: Other): string {
    const { world } = this.seams
    machine.haze.over([other.name], world.now + STALLED_MS * this.config.pace)
    return `${other.name} stalls at ${name}`
  }

  /** Asks a worker for something, and waits until it is answered or that process has died. */
  private ask({ process }: MemberStation, other: Other, act: (done: () => void) => void): void {
    other.pending = process
    act(() => {
      if (other.pending === process) other.pending = null
    })
  }

  // ── What they show ───────────────────────────────────────────────────────────────────────────────────────────────

  private shown(other: Other): readonly string[] {
    return shownOf(other, this.seams.volume)
  }

  /** A line that it must show and does not, or `null`. */
  private lackOf(other: Other): string | null {
    if (other.ended !== this.seams.chain.lastRun(other.name)?.run) return 'its end'
    return lackOf(this.shown(other), other.expected)
  }

  /** O2. */
  private judge(other: Other): string[] {
    const fault = faultOf(this.shown(other), other.expected)
    return fault === null ? [] : [`${other.name} ${fault} (O2)`]
  }
}

function isFree({ pending }: Other): boolean {
  return pending === null || pending.state === 'dead'
}
