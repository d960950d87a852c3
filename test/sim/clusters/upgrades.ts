/**
 * Somebody who puts one program in the place of another, again and again (`../programs.ts`).
 *
 * U1. A program that fits is taken. Each fits whatever comes of those that were asked for before and not answered yet,
 *     but where what runs has no epoch of its own: what it leaves may be forgotten, and somebody is told.
 * U2. One that lacks a step which has left something, or has another sort of step in its place, and does not say that
 *     it is to be dropped, is refused with the right word, and goes into no chain.
 * U3. A program that was taken does not stop for what was there before, but where nobody could know: a call that is
 *     gone had not answered when some worker died, a sink had segments to show, or a source had its first records only
 *     then, so that a moment is restored at which they waited; or another program came in between that was asked for
 *     before. Somebody asks for the next one then, without what is named.
 */
import type { PotorooError } from '../../../src/base/errors.ts'
import { Prng } from '../../../src/base/prng.ts'
import type { Manifest } from '../../../src/checkpoint/manifest.ts'
import type { MemberStation, Upgrade } from '../../../src/sim/member-station.ts'
import type { SimProcess } from '../../../src/sim/world.ts'
import type { Drain } from '../cases.ts'
import { drainOf, type Family, hashOf, type Part, type PartKind, type Program } from '../programs.ts'
import { partsOf, Twigs } from '../twigs.ts'
import type { ChainWatch } from './chain-watch.ts'
import { spoiled } from './spoiled.ts'

const ASKED = 0x1d5b_0000
/** How often a program is asked for that does not fit, where it is known what is there; and one where it is not. */
const UNFIT = 0.4
const HASTY = 0.4
/** How often somebody does not drop what no epoch has yet. */
const FORGETFUL = 0.5

/** What leaves something at times. */
const AT_TIMES: ReadonlySet<PartKind> = new Set(['call', 'segments', 'acked'])

const MISFITS = new Set(['E_STEP_GONE', 'E_STEP_CHANGED', 'E_SCHEMA'])

export class Upgrades {
  private readonly wrong: string[] = []
  private readonly family: Family
  private readonly chain: ChainWatch
  private readonly random: Prng
  private readonly twigs: Twigs
  /** All that were asked for, by their numbers, and of those the ones of which nobody has heard. */
  private readonly asked: Program[]
  private readonly open = new Set<Program>()
  /** Who has been asked for something that has to be known before anything else is asked for. */
  private pending: SimProcess | null = null
  private unfit = 0
  /** What was taken and did not fit (U3). */
  private readonly misfits = new Set<string>()
  /** Of what the pipeline has stopped, or the next one was refused, and how many programs there were (U3). */
  private stop: { readonly steps: Set<string>; readonly programs: number } | null = null

  constructor(family: Family, seed: number, chain: ChainWatch) {
    this.family = family
    this.chain = chain
    this.random = new Prng(seed + ASKED)
    this.twigs = new Twigs(family, this.random)
    this.asked = [this.twigs.first()]
  }

  /** `null` where it does not fit (U2). */
  programOf(hash: string): Program | null {
    return this.asked.find((program) => hashOf(program) === hash) ?? null
  }

  /** Those that were taken, in their order. */
  get taken(): readonly Program[] {
    this.chain.look()
    return this.chain.programs.flatMap((hash) => this.programOf(hash) ?? [])
  }

  /** Those that could run. What others were to drop is dropped for the next one. */
  get fitting(): readonly Program[] {
    const fitting: Program[] = []
    let drop: readonly string[] = []
    for (const program of this.taken) {
      drop = [...drop, ...program.drop]
      if (this.misfits.has(hashOf(program))) continue
      fitting.push({ ...program, drop })
      drop = []
    }
    return fitting
  }

  get complaints(): readonly string[] {
    const unfit = this.chain.programs.filter((hash) => this.programOf(hash) === null)
    return [...this.wrong, ...unfit.map((hash) => `${hash} does not fit, and is in the chain (U2)`)]
  }

  /** Where sinks of those that were taken write, besides those of the trunk. */
  get drains(): readonly (Drain & Part)[] {
    const sinks = partsOf(this.taken.flatMap(({ twigs }) => twigs)).filter(isSink)
    const drains = new Map(sinks.map((part) => [`${part.step} ${part.kind}`, drainOf(part)]))
    return [...drains.values()]
  }

  /** The sources of files that the last one has besides those of the trunk. */
  get reading(): readonly string[] {
    return partsOf(this.taken.at(-1)!.twigs).flatMap(({ step, kind }) => (kind === 'files' ? [step] : []))
  }

  /** The sources with producers of all that were asked for, whether they were taken or not. */
  get called(): readonly Part[] {
    return partsOf(this.asked.flatMap(({ twigs }) => twigs)).filter(({ kind }) => kind === 'acked')
  }

  /** And those of the last one that was taken. */
  get listening(): readonly string[] {
    return partsOf(this.taken.at(-1)?.twigs ?? []).flatMap(({ step, kind }) => (kind === 'acked' ? [step] : []))
  }

  /** Somebody asks `station` for another one. */
  ask(station: MemberStation): string {
    const { random, open, chain } = this
    const { taken } = this
    const last = taken.at(-1)
    if (last === undefined || this.isPending || this.stop !== null) return ''
    for (const program of taken) open.delete(program)
    const known = open.size === 0 && chain.last?.hash === hashOf(last) && !this.isBehind(station)
    if (known && random.chance(UNFIT)) return this.askInVain(station, last, chain.last!)
    return known || random.chance(HASTY) ? this.askFor(station, []) : ''
  }

  /** `hash` cannot run: whether that is for somebody to put right (U3). */
  stopped(hash: string, error: PotorooError): boolean {
    if (!MISFITS.has(error.code)) return false
    const { taken } = this
    this.misfits.add(hash)
    if (!isOvertaken(taken) && !this.isAtTimes(error))
      this.wrong.push(`the pipeline has stopped: ${error.message} (U3)`)
    if (this.stop?.programs !== taken.length) this.stop = { steps: new Set(), programs: taken.length }
    this.stop.steps.add(stepOf(error))
    return true
  }

  /** Somebody looks whether there is something to put right. */
  look(stations: readonly MemberStation[]): void {
    const { stop } = this
    if (stop === null || this.isPending) return
    const station = stations.find(({ worker }) => worker?.phase === 'active')
    if (this.taken.length > stop.programs) this.stop = null
    else if (station !== undefined) {
      this.pending = station.process
      this.askFor(station, [...stop.steps])
    }
  }

  private get isPending(): boolean {
    return this.pending !== null && this.pending.state !== 'dead'
  }

  /** Whether somebody else knows more of what has been asked for. */
  private isBehind({ worker }: MemberStation): boolean {
    return worker!.cluster.next < this.chain.length
  }

  /** Whether `program` is what runs on `station`. */
  private runs({ worker }: MemberStation, program: Program): boolean {
    const { pipeline } = this.family.system.build()
    const resident = worker!.residents.all.get(pipeline)
    return resident?.phase === 'running' && resident.hash === hashOf(program)
  }

  /** The steps of `program` that no epoch has yet. */
  private unsavedOf({ twigs }: Program): readonly string[] {
    const { steps = [], sources = [], sinks = [] } = this.chain.last ?? {}
    const saved = new Set([...steps, ...sources, ...sinks].map(({ step }) => step))
    return partsOf(twigs).flatMap(({ step }) => (saved.has(step) ? [] : [step]))
  }

  /**
   * Whether it is about a step that leaves something at times, and at others nothing: no epoch tells that of another
   * one.
   */
  private isAtTimes(error: PotorooError): boolean {
    const parts = partsOf(this.asked.flatMap(({ twigs }) => twigs))
    return parts.some(({ step, kind }) => step === stepOf(error) && AT_TIMES.has(kind))
  }

  /** U1. */
  private askFor(station: MemberStation, drop: readonly string[]): string {
    const { family, asked, open, taken } = this
    const { program, forgotten } = this.draw(station, drop)
    asked.push(program)
    open.add(program)
    this.say(station, { hash: hashOf(program), plan: family.plan(program), drop: program.drop }, (error) => {
      if (error === null || !MISFITS.has(error.code)) return
      open.delete(program)
      this.stop?.steps.add(stepOf(error))
      const overtaken = this.taken.length > taken.length
      if (!overtaken && !this.isAtTimes(error) && !forgotten.includes(stepOf(error)))
        this.wrong.push(`${hashOf(program)} fits, and: ${error.message} (U1)`)
    })
    return `${station.name} ${hashOf(program)} ${show(program)}`
  }

  /** The next program. Half the time what no epoch has yet of the one before is `forgotten`, and not dropped. */
  private draw(station: MemberStation, besides: readonly string[]): { program: Program; forgotten: readonly string[] } {
    const { asked, open, taken, chain } = this
    const last = taken.at(-1)!
    const alone = open.size === 0 && !isOvertaken(taken)
    const base = taken.findLastIndex((program) => hashOf(program) === chain.last?.hash)
    // What those before had dropped is known where nobody else has asked meanwhile.
    const possible = [...taken.slice(alone ? -1 : Math.max(0, base)), ...open]
    const before = possible.toSorted((a, b) => a.number - b.number).at(-1)!
    const drawn = this.twigs.next(asked.length, before, possible, besides)
    const seen = alone && !this.isBehind(station) && this.runs(station, last)
    const forgotten = seen && this.random.chance(FORGETFUL) ? this.unsavedOf(last) : []
    return { program: { ...drawn, drop: drawn.drop.filter((step) => !forgotten.includes(step)) }, forgotten }
  }

  /** U2. */
  private askInVain(station: MemberStation, last: Program, epoch: Manifest): string {
    const { plan, code, step } = spoiled(this.family.plan(last), epoch, this.random)
    const hash = `unfit-${++this.unfit}`
    this.pending = station.process
    this.say(station, { hash, plan, drop: [] }, (error) => {
      const right = error === null || MISFITS.has(error.code) ? error?.code === code && stepOf(error) === step : true
      if (!right) this.wrong.push(`without ${step} there is to be ${code}, and not: ${error?.message} (U2)`)
    })
    return `${station.name} ${hash} ${code} ${step}`
  }

  private say(station: MemberStation, to: Upgrade, answered: (error: PotorooError | null) => void): void {
    station.upgrade(to, (error) => {
      this.pending = null
      answered(error)
    })
  }
}

/** Whether one came in behind others that were asked for later. */
function isOvertaken(taken: readonly Program[]): boolean {
  return taken.some(({ number }, i) => i > 0 && number < taken[i - 1]!.number)
}

function isSink({ kind }: Part): boolean {
  return kind === 'append' || kind === 'segments'
}

function stepOf({ details }: PotorooError): string {
  return (details as { readonly step: string }).step
}

function show({ twigs, drop }: Program): string {
  const shown = twigs.map(
    ({ head, parts }) => `${head ?? ''}>${parts.map(({ step, kind }) => `${step}:${kind}`).join('>')}`,
  )
  return `${shown.join(' ')} --drop ${drop}`
}
