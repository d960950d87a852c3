/**
 * People who ask a cluster for this and that at once, without knowing of each other, by what the control API calls of a
 * worker (`src/worker/pipelines/pipelines.ts`): pipelines of numbers are submitted, drained, cancelled and saved, and
 * the one that the cluster is about is drained for good and submitted again.
 *
 * A1. Whoever asks is answered, or the process that he has asked dies. He asks any worker, and waits for his own answer
 *     only.
 * A2. What he is told is so: what was drained has been drained, what was cancelled has been gone, and what was
 *     submitted has been there, at some time since he asked.
 * A3. In fair weather nobody asks for anything but drains and checkpoints, and that only while somebody waits for what
 *     he has submitted. Then what does not run is submitted again, and shows what it makes.
 * A4. What was drained has been shown, by the sinks of the worker that was asked. In the end all are drained for good,
 *     and that stays so whoever dies, until they are submitted again.
 * A5. A run is taken out by somebody whose worker knew of it when it set out to do so: one that began since is not
 *     meant.
 * A6. Some want what is another's (`rivals.ts` says what is to become of that). Before all is judged somebody takes
 *     them out.
 */
import { PotorooError } from '../../../src/base/errors.ts'
import { Prng } from '../../../src/base/prng.ts'
import type { Env } from '../../../src/env/env.ts'
import type { Pipeline } from '../../../src/model/pipeline.ts'
import type { Plan } from '../../../src/model/plan.ts'
import { plan } from '../../../src/model/planner.ts'
import type { MakeWorker, MemberStation } from '../../../src/sim/member-station.ts'
import type { Volume } from '../../../src/sim/volume.ts'
import type { SimProcess, World } from '../../../src/sim/world.ts'
import { Pipelines } from '../../../src/worker/pipelines/pipelines.ts'
import { Worker } from '../../../src/worker/worker.ts'
import { mixed } from '../mixed.ts'
import { pendingIn } from '../remains.ts'
import type { ChainWatch, Fate } from './chain-watch.ts'
import type { ClusterConfig } from './config.ts'
import { drawNumbers, expectedOf, faultOf, hasEnded, lackOf, type Numbers, pipelineOf, shownOf } from './numbers.ts'
import { drawRivals, heldByTwo, type Rival, runInTheWay, together } from './rivals.ts'

const PEOPLE = 0x0c8e_0000
const RIVALS = 0x31d7_0000
/** How often a pipeline that has been submitted so is taken out again, while it is there; and how often drained. */
const GIVEN_UP = 0.3
const DRAINED = 0.2
/** How often what is drained is wanted, where something is, and how often one is asked on whom it does not run. */
const LEFT = 0.6
/** Pipelines of numbers, and the programs that each may be given, which make the same. */
const NAMES = ['p', 'q']
const VERSIONS = [1, 2]
/** What is asked for, how often among so many; and what while others wait for what they have submitted. */
const SHARES = { submit: 8, drain: 6, cancel: 3, checkpoint: 2, savepoint: 1 }
const DEEDS = Object.entries(SHARES).flatMap(([deed, share]) => Array.from({ length: share }, () => deed as Deed))
const LATE: readonly Deed[] = ['drain', 'checkpoint']
/** Who asks at once asks within so many milliseconds, as usual. */
const AT_ONCE_MS = 40
/** And so often about the same pipeline as others. */
const SAME = 0.7
/**
 * How often the chain is read late by who is asked, in milliseconds, as usual: what others have asked for stands there
 * before he knows.
 */
const BEHIND = 0.15
const BEHIND_MS = 400
/**
 * How long a sink's folder does not answer a worker, in milliseconds, as usual, and how often somebody sees to that.
 */
const STALLED_MS = 4000
const STALLED = 0.1
/** Of so many looks in fair weather somebody is after them at one. */
const SELDOM = 20

type Deed = keyof typeof SHARES

interface Ask {
  readonly what: string
  readonly deed: Deed
  readonly name: string
  /** The program that is submitted. */
  readonly hash: string
  readonly process: SimProcess
  /** The number of the record that was the next one for the worker. */
  readonly since: number
  /** What it wants the place of, and the run that was in its way there; `null`: none. */
  readonly rival: Rival | null
  readonly inTheWay: number | null
}

interface Seams {
  readonly world: World
  readonly volume: Volume
  readonly chain: ChainWatch
  readonly stations: readonly MemberStation[]
  /** The pipeline that the cluster is about, and what runs of it in a process. */
  readonly pipeline: Pipeline
  readonly plan: (env: Env) => Plan
  readonly planned: Plan
}

export class People {
  readonly complaints: string[] = []
  /** Requests that were answered. */
  answers = 0
  private readonly config: ClusterConfig
  private readonly seams: Seams
  private readonly random: Prng
  private readonly numbers: ReadonlyMap<string, Numbers>
  private readonly rivals: readonly Rival[]
  private readonly challenges: Prng
  private readonly desks = new WeakMap<Worker, Pipelines>()
  /** What workers were asked to run, by the hash of the program. */
  private readonly given = new WeakMap<Worker, Map<string, Plan>>()
  private readonly watched = new WeakSet<Worker['ledger']>()
  private readonly open = new Set<Ask>()
  /** The runs that somebody has set out to take out (A5). */
  private readonly meant = new Set<string>()
  private fair = false
  /** What is drained is not submitted again (A4). */
  over = false
  private looks = 0
  private saved = 0

  constructor(config: ClusterConfig, seams: Seams) {
    this.config = config
    this.seams = seams
    this.random = new Prng(config.seed + PEOPLE)
    const names = config.people > 0 ? NAMES : []
    this.numbers = new Map(
      names.map((name) => [name, drawNumbers(name, this.random, config.actMs, config.limits.deadLetters)]),
    )
    this.challenges = new Prng(config.seed + RIVALS)
    const first = this.numbers.get(NAMES[0]!)
    this.rivals = config.rivals && first !== undefined ? drawRivals(config, this.challenges, first, seams.planned) : []
  }

  /** Makes workers, which can be asked where there is somebody. */
  readonly make: MakeWorker = (env, options, host) => {
    if (this.config.people === 0) return new Worker(env, options, host)
    const load: typeof host.load = (name, entry, done) => {
      // A worker alone takes for what it was asked to run nothing but that.
      const plan = this.config.alone ? this.given.get(pipelines.worker)?.get(entry.hash) : undefined
      if (plan === undefined) host.load(name, entry, done)
      else env.clock.soon(() => done(null, { plan }))
    }
    const pipelines = new Pipelines(env, options, host, { ...host, load })
    this.desks.set(pipelines.worker, pipelines)
    // And runs nothing else, unless somebody says so.
    if (this.config.alone) pipelines.worker.seated(() => void pipelines.resume().catch(() => {}))
    return pipelines.worker
  }

  /** Ends a worker that can be asked; `null` where there is nobody. */
  readonly end = (worker: Worker): Promise<unknown> | null => this.desks.get(worker)?.close() ?? null

  /** The plan of the program `hash`; `null`: it is none of these. */
  planOf(hash: string): Plan | null {
    const program = this.programOf(hash.slice(0, hash.indexOf('-')))
    return program === null ? null : plan(program.build())
  }

  /** What is submitted under `name`; `null`: it is what the cluster is about. */
  private programOf(name: string): Pipeline | null {
    const numbers = this.numbers.get(name)
    return numbers !== undefined ? pipelineOf(numbers) : (this.rivalOf(name)?.pipeline ?? null)
  }

  private rivalOf(name: string): Rival | null {
    return this.rivals.find((rival) => rival.name === name) ?? null
  }

  /** Puts what the cluster is about into it, where that is for somebody who asks; whether it is. */
  submit(station: MemberStation): boolean {
    const { alone } = this.config
    if (alone) this.ask(station, 'submit', this.seams.pipeline.name)
    return alone
  }

  begin(): void {
    for (let i = 0; i < this.config.people; i++) this.next()
    if (this.rivals.length > 0) this.challenge()
  }

  /** Whether `hash` may stop so: it lacks a port that it has not been given first (Q2 of `rivals.ts`). */
  stopped(hash: string, error: PotorooError): boolean {
    const name = hash === 'program' ? this.seams.pipeline.name : hash.slice(0, hash.lastIndexOf('-'))
    const rival = this.rivals.find(({ code, ...one }) => code === error.code && [one.name, one.other].includes(name))
    if (rival === undefined || rival.code !== 'E_SOURCE_PLACE') return false
    if (name === rival.other && this.fateOf(rival.name) !== null && this.wasBefore(rival))
      this.complaints.push(`${hash} has stopped for ${rival.name}, which came later: ${error.message} (Q2)`)
    return true
  }

  /** Whether the run that is there was there, and not drained, before the one of `rival` began. */
  private wasBefore({ name, other }: Rival): boolean {
    const { chain } = this.seams
    const [run, n] = [chain.lastRun(other)?.run ?? Infinity, chain.lastRun(name)?.run ?? Infinity]
    return run < n && chain.fateBefore(other, n)?.drained === false
  }

  /** Whether somebody waits for an answer. */
  get wait(): boolean {
    return this.open.size > 0
  }

  /** Looks after who has asked whom; in fair weather somebody sees to it that all run. */
  look(fair: boolean): void {
    for (const ask of this.open) if (ask.process.state === 'dead') this.close(ask)
    this.fair = fair
    this.complain(heldByTwo(this.rivals, (name) => this.fateOf(name) !== null))
    for (const { worker } of this.seams.stations) this.complain(worker === null ? null : together(this.rivals, worker))
    if (fair && !this.over && !this.wait && ++this.looks % SELDOM === 0) this.mend()
  }

  /** Says once what is `wrong`. */
  private complain(wrong: string | null): void {
    if (wrong !== null && !this.complaints.includes(wrong)) this.complaints.push(wrong)
  }

  private mend(): void {
    const rival = this.rivals.find(({ name }) => this.fateOf(name) !== null)
    if (rival !== undefined) return this.askAnyone('cancel', rival.name)
    for (const name of this.names) {
      if (this.fateOf(name)?.drained !== false || this.hasFailed(name)) this.askAnyone('submit', name)
    }
  }

  /** Whether it stands still on some worker for want of its port. */
  private hasFailed(name: string): boolean {
    const codes = new Set<string>(this.rivals.filter(({ other }) => other === name).map(({ code }) => code))
    return this.seams.stations.some(({ worker }) => {
      const resident = worker?.residents.all.get(name)
      const error = resident?.error ?? worker?.residents.unloaded.get(name)?.error
      return error != null && codes.has(error.code)
    })
  }

  /** Whether all that was asked for has been answered, and all run and have shown their numbers. */
  get done(): boolean {
    const shown = [...this.numbers.values()].every((one) => this.lackOf(one) === null)
    const alone = this.rivals.every(({ name }) => this.fateOf(name) === null)
    return !this.wait && shown && alone && this.names.every((name) => this.fateOf(name)?.drained === false)
  }

  /** Somebody drains whatever runs; holds once all has been drained, and nobody waits for that (A4). */
  drained(): boolean {
    const running = this.names.filter((name) => this.fateOf(name)?.drained !== true)
    if (!this.wait) for (const name of running) this.askAnyone('drain', name)
    return !this.wait && running.length === 0
  }

  /** Whether no worker runs what was drained (A4). */
  get stays(): boolean {
    return this.seams.stations.every(({ worker }) => worker === null || worker.residents.all.size === 0)
  }

  get standing(): readonly string[] {
    const waits = Array.from(this.open, ({ what }) => `${what} is not answered`)
    const lacks = Array.from(this.numbers.values(), (one) => `${one.name} lacks ${this.lackOf(one)}`)
    const fates = this.names.map((name) => `${name}: ${JSON.stringify(this.fateOf(name))}`)
    return [...this.complaints.slice(0, 3), ...waits, ...lacks, ...fates]
  }

  /** What is wrong in the end. */
  judge(): readonly string[] {
    const { volume } = this.seams
    const faults = Array.from(this.numbers.values(), (one) => {
      const fault = faultOf(shownOf(one, volume), expectedOf(one))
      return fault === null ? [] : [`${one.name} ${fault} (A3)`]
    })
    return [...this.complaints, ...faults.flat(), ...this.unmeant()]
  }

  /** A5. */
  private unmeant(): readonly string[] {
    return [...this.numbers.keys()].flatMap((name) => {
      const gone = (this.seams.chain.runs.get(name) ?? []).filter(({ gone }) => gone)
      const astray = gone.filter(({ run }) => !this.meant.has(meaning(name, run)))
      return astray.map(({ run }) => `run ${run} of ${name} was taken out, and nobody meant it (A5)`)
    })
  }

  private get names(): readonly string[] {
    return this.config.people === 0 ? [] : [...this.numbers.keys(), this.seams.pipeline.name]
  }

  /** What the chain says of a pipeline. */
  private fateOf(name: string): Fate | null {
    const { chain } = this.seams
    chain.look()
    return chain.fateOf(name)
  }

  private lackOf(one: Numbers): string | null {
    const { stations, chain } = this.seams
    if (!hasEnded(one.name, stations, chain)) return 'its end'
    return lackOf(shownOf(one, this.seams.volume), expectedOf(one))
  }

  // ── What they ask for ────────────────────────────────────────────────────────────────────────────────────────────

  /** Somebody thinks for a while, and asks: at the stroke of a clock, as others do, and mostly about the same. */
  private next(): void {
    const { world } = this.seams
    const { askMs, pace, seed } = this.config
    const { random } = this
    const stroke = Math.ceil((world.now + random.between(0, 2 * askMs)) / askMs)
    const topic = random.chance(SAME) ? NAMES[mixed(seed, 'topic', stroke) % NAMES.length]! : null
    world.at(askMs * stroke + random.between(0, AT_ONCE_MS * pace), () => {
      if (!this.fair) this.draw(DEEDS, topic)
      else if ([...this.open].some(({ deed }) => deed === 'submit')) this.draw(LATE, topic)
    })
  }

  /** Somebody asks for a place that is another's, at the stroke of a clock as others do (A6). */
  private challenge(): void {
    const { world, stations } = this.seams
    const { askMs, pace } = this.config
    const random = this.challenges
    const stroke = Math.ceil((world.now + random.between(0, 4 * askMs)) / askMs)
    world.at(askMs * stroke + random.between(0, AT_ONCE_MS * pace), () => {
      if (this.fair) return
      const drained = this.rivals.filter(({ other }) => this.fateOf(other)?.drained === true)
      const wanted = drained.length > 0 && random.chance(LEFT) ? drained : this.rivals
      const { name, other } = wanted[random.below(wanted.length)]!
      // Who has started since it was drained has heard of it in the chain alone.
      const strangers = stations.filter(({ worker }) => worker?.residents.all.has(other) === false)
      const askable = strangers.length > 0 && random.chance(LEFT) ? strangers : stations
      const station = askable[random.below(askable.length)]!
      const there = this.fateOf(name) !== null
      const deed = there && random.chance(GIVEN_UP) ? 'cancel' : there && random.chance(DRAINED) ? 'drain' : 'submit'
      if (this.canBeAsked(station)) this.ask(station, deed, name)
      this.challenge()
    })
  }

  private draw(deeds: readonly Deed[], topic: string | null): void {
    const { stations, pipeline, world } = this.seams
    const station = this.pick(stations)
    const deed = this.pick(deeds)
    // What the cluster is about would begin anew.
    const name = topic ?? this.pick(deed === 'cancel' ? NAMES : [...NAMES, pipeline.name])
    if (this.random.chance(STALLED))
      station.machine.haze.over(
        [this.numbers.has(name) ? `/out/${name}.` : '/out/'],
        world.now + this.random.fraction() * STALLED_MS * this.config.pace,
      )
    if (this.random.chance(BEHIND))
      station.machine.haze.over(['/chain/'], world.now + this.random.fraction() * BEHIND_MS * this.config.pace)
    if (this.canBeAsked(station)) this.ask(station, deed, name)
    else this.next()
  }

  private canBeAsked({ worker, process }: MemberStation): boolean {
    if (worker === null || process?.state !== 'running') return false
    return worker.phase !== 'booting' && worker.phase !== 'closed' && worker.phase !== 'gone'
  }

  private askAnyone(deed: Deed, name: string): void {
    const at = (phase: string): MemberStation[] => this.seams.stations.filter(({ worker }) => worker?.phase === phase)
    // Where all want to leave, the last one works on.
    const able = [at('active'), at('leaving')].find((some) => some.length > 0)
    if (able !== undefined) this.ask(this.pick(able), deed, name)
  }

  private ask({ worker, process, name: asked }: MemberStation, deed: Deed, name: string): void {
    const { world } = this.seams
    const rival = this.rivalOf(name)
    const numbered = (): string => (this.numbers.has(name) ? `${name}-${this.pick(VERSIONS)}` : 'program')
    const hash = rival === null ? numbered() : `${name}-1`
    const what = `${asked} ${deed} ${deed === 'submit' ? hash : name} at ${world.now.toFixed(3)}`
    const inTheWay = rival === null ? null : runInTheWay(rival, worker!)
    const since = worker!.cluster.next
    const ask: Ask = { what, deed, name, hash, process: process!, since, rival, inTheWay }
    this.open.add(ask)
    world.log.info('asked', { what })
    if (deed === 'cancel') this.watch(worker!)
    this.request(this.desks.get(worker!)!, ask).then(
      () => this.hear(ask, null, worker!),
      (error: unknown) => this.hear(ask, error, worker!),
    )
  }

  /** A5: notes what `worker` takes out from now on. */
  private watch(worker: Worker): void {
    const { ledger } = worker
    if (this.watched.has(ledger)) return
    this.watched.add(ledger)
    const withdraw = ledger.withdraw.bind(ledger)
    ledger.withdraw = (name, done) => {
      this.meant.add(meaning(name, worker.cluster.pipelines.get(name)?.run))
      withdraw(name, done)
    }
  }

  private async request(pipelines: Pipelines, { deed, name, hash, process }: Ask): Promise<unknown> {
    switch (deed) {
      case 'submit': {
        const own = this.programOf(name)
        const { pipeline, plan } = this.seams
        const program = { hash, text: '', map: '{}' }
        const given = this.given.get(pipelines.worker) ?? new Map<string, Plan>()
        this.given.set(pipelines.worker, given)
        const rewrite = (planned: Plan): Plan => {
          const asked = given.get(hash) ?? (own === null ? plan(process.env) : planned)
          given.set(hash, asked)
          return asked
        }
        return pipelines.submit(own ?? pipeline, program, {}, { rewrite })
      }
      case 'savepoint':
        return pipelines.savepoint(name, `kept-${++this.saved}`)
      default:
        return pipelines[deed](name)
    }
  }

  /** Nobody hears what a process says that is dead. */
  private hear(ask: Ask, error: unknown, worker: Worker): void {
    if (!this.open.has(ask) || ask.process.state === 'dead') return
    const { world } = this.seams
    world.log.info('answered', { what: ask.what, error: error instanceof PotorooError ? error.code : String(error) })
    this.answers++
    if (error === null) this.compare(ask, worker)
    else if (!(error instanceof PotorooError)) this.complaints.push(`${ask.what}: ${(error as Error).stack}`)
    this.close(ask)
  }

  private close(ask: Ask): void {
    if (this.open.delete(ask) && ask.rival === null) this.next()
  }

  /** A2. */
  private compare(ask: Ask, worker: Worker): void {
    const { what, deed, name, hash, since, rival, inTheWay } = ask
    if (deed === 'submit' && inTheWay !== null && runInTheWay(rival!, worker) === inTheWay)
      this.complaints.push(`${what} is done, and ${rival!.other} has its place (Q1)`)
    const claims: Partial<Record<Deed, (fate: Fate | null) => boolean>> = {
      submit: (fate) => fate?.hash === hash && !fate.drained,
      drain: (fate) => fate?.drained === true,
      cancel: (fate) => fate === null,
    }
    const claim = claims[deed]
    if (claim !== undefined && this.seams.chain.hasBeen(name, since, claim) === false)
      this.complaints.push(`${what} is done, and it is not so (A2)`)
    if (deed === 'drain' && rival === null && this.fateOf(name)?.drained === true) this.lookForRest(ask)
  }

  /** A4: of what was drained nothing is left to be shown by the sinks of whom somebody has asked for that. */
  private lookForRest({ what, name, process }: Ask): void {
    const { volume, chain } = this.seams
    const isOf = (file: string): boolean =>
      this.numbers.has(name) ? file.startsWith(`${name}.txt.`) : !isNumbers(file)
    const own = `.${String(chain.generation).padStart(6, '0')}-`
    const left = pendingIn(volume).filter(
      (file) => isOf(file) && file.includes(own) && file.endsWith(`-${process.name}.pending`),
    )
    if (left.length > 0) this.complaints.push(`${what} is done, and ${left} are left (A4)`)
  }

  private pick<T>(of: readonly T[]): T {
    return of[this.random.below(of.length)]!
  }
}

/** Whether it is of one of these pipelines. */
export function isNumbers(file: string): boolean {
  return NAMES.some((one) => file.startsWith(`${one}.txt.`))
}

function meaning(name: string, run: number | undefined): string {
  return `${name} ${run}`
}
