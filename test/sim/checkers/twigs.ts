/**
 * Judges what programs that followed one another have done beside the trunk that all of them had (`../programs.ts`).
 * What passes a head is told by the step that watches it, whose history is judged with the trunk (`rerun.ts`): each
 * record, and the program that had it then. A step *began* with the last program that had it and not the one before, or
 * not of its kind, or that was to drop what it had.
 *
 * Z1. A step with state has each record that passed its head in a program since it began, once, and none from before;
 *     its state is what the user's functions give, run again. What a call held may come in a later program, or be lost
 *     where that was dropped.
 * Z2. Behind a source of its own it has each record once for each time that the source began; what it has not of the
 *     first of these is the beginning of a file, or of what a producer sends, and it has the end of all that are read
 *     now. What producers were told is judged with it (`callers.ts`).
 * Z3. A sink has given each of these once, those of sums excepted, whose results are as many as there was time for;
 *     whatever it has given was made, and is there once, also where the sink is gone.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Key } from '../../../src/base/hash.ts'
import type { KeyedPlan, Plan } from '../../../src/model/plan.ts'
import type { Part, Program, Twig } from '../programs.ts'
import { partsOf } from '../twigs.ts'
import { type CalledLife, checkRun, judgeCalled, type Stretch } from './callers.ts'
import type { Complain, Evidence, Output, Visit } from './evidence.ts'
import { historyOf } from './history.ts'

export interface TwigEvidence extends Evidence {
  /** Those that could run, in their order. */
  readonly programs: readonly Program[]
  /** The plan of the last one. */
  readonly lastPlan: Plan
  readonly watches: readonly string[]
  /** The files that twigs read: how many records each has. */
  readonly files: ReadonlyMap<string, number>
  /** What the producers of twigs have sent. */
  readonly called: readonly CalledLife[]
  /** What sinks of twigs have given, whatever program they were of. */
  readonly given: readonly (Output & Part)[]
}

const ENOUGH = 5

export function judgeTwigs(evidence: TwigEvidence): string[] {
  const complaints: string[] = []
  const judge = new TwigJudge(evidence, (what) => {
    if (complaints.length < ENOUGH) complaints.push(what)
  })
  judge.run()
  return complaints
}

class TwigJudge {
  private readonly evidence: TwigEvidence
  private readonly complain: Complain
  /** The place of each program among these, by its number. */
  private readonly places: ReadonlyMap<number, number>
  /** By head: what passed it, and in which program. */
  private readonly passed: readonly ReadonlyMap<string, number>[]

  constructor(evidence: TwigEvidence, complain: Complain) {
    this.evidence = evidence
    this.complain = complain
    this.places = new Map(evidence.programs.map(({ number }, place) => [number, place]))
    this.passed = evidence.watches.map((watch) => {
      return new Map(this.visitsOf(watch).map((visit) => [recordOf(visit.cause), this.placeOf(visit)]))
    })
  }

  run(): void {
    const { programs, given } = this.evidence
    for (const twig of programs.at(-1)!.twigs) {
      const keyed = twig.parts.find(({ kind }) => kind === 'chain' || kind === 'sum')
      if (keyed !== undefined) this.keyed(twig, keyed)
    }
    for (const output of given) this.sink(output)
  }

  private keyed(twig: Twig, part: Part): void {
    const { step } = part
    const visits = this.visitsOf(step)
    const began = this.beginOf(part)
    for (const { cause, program } of visits)
      if (this.places.get(program)! < began) this.complain(`${step}: ${cause} came before it began (Z1)`)
    if (twig.head === null) this.fromSource(part, visits)
    else this.fromHead(twig.head, part, visits)
    this.again(step)
  }

  /** Z1. */
  private fromHead(head: number, part: Part, visits: readonly Visit[]): void {
    const { step } = part
    const passed = this.passed[head]!
    const began = this.beginOf(part)
    const { called, lostBefore } = this.callsOf(part)
    const met = new Set<string>()
    for (const visit of visits) {
      const record = recordOf(visit.cause)
      const at = passed.get(record)
      if (met.has(record)) this.complain(`${step}: ${record} is there twice (Z1)`)
      met.add(record)
      if (at === undefined) this.complain(`${step}: ${record} never passed its head (Z1)`)
      else if (called ? at > this.placeOf(visit) : at < began) {
        this.complain(`${step}: ${record} passed its head in another program (Z1)`)
      }
    }
    for (const [record, at] of passed) {
      if (at >= began && at >= lostBefore && !met.has(record)) this.complain(`${step}: ${record} is missing (Z1)`)
    }
  }

  /** Z2. */
  private fromSource(part: Part, visits: readonly Visit[]): void {
    const { step } = part
    const { programs, called } = this.evidence
    const stretches = this.stretchesOf(part, visits)
    for (const stretch of stretches) if (stretch.source.kind === 'files') this.fromFiles(step, stretch)
    const began = this.beginOf(part)
    const before = partsOf(programs.slice(0, began).flatMap(({ twigs }) => twigs)).map(({ step }) => step)
    judgeCalled(step, stretches, called, new Set(before), this.complain)
  }

  /** How long each source was in front of `part` since that began, and what it has from it. */
  private stretchesOf(part: Part, visits: readonly Visit[]): Stretch[] {
    const { programs } = this.evidence
    const began = this.beginOf(part)
    const stretches: (Omit<Stretch, 'visits'> & { visits: Visit[] })[] = []
    for (let place = began; place < programs.length; place++) {
      // It may have had another name before, which was another source.
      const source = programs[place]!.twigs.find(({ parts }) => parts.some((one) => isSame(one, part)))!.parts[0]!
      const anew = this.begins(source, place)
      if (anew || place === began) stretches.push({ source, whole: anew, last: false, visits: [] })
      stretches.at(-1)!.visits.push(...visits.filter((visit) => this.placeOf(visit) === place))
    }
    return stretches.map((stretch, i) => ({ ...stretch, last: i === stretches.length - 1 }))
  }

  private fromFiles(step: string, { visits, whole, last: goesOn }: Stretch): void {
    for (const [file, made] of this.evidence.files) {
      const own = visits.filter(({ cause }) => cause.startsWith(`${file}#`))
      const numbers = own.map(({ cause }) => Number(cause.slice(file.length + 1))).sort((a, b) => a - b)
      const first = whole ? 1 : (numbers[0] ?? made + 1)
      const last = goesOn ? made : first + numbers.length - 1
      checkRun(`${step}: of ${file}`, numbers, first, last, this.complain)
    }
  }

  /** The state of `step` is that of its history (Z1). */
  private again(step: string): void {
    const { states, lastPlan } = this.evidence
    const task = lastPlan.tasks.find((one) => one.step === step)
    if (task?.kind !== 'keyed') return
    for (const [key, visits] of Map.groupBy(this.visitsOf(step), (visit) => visit.key)) {
      const state = foldOf(task.keyed, key, visits)
      const { state: expected } = states.get(step)!.get(key)!
      if (!isDeepStrictEqual(state, expected))
        this.complain(`${step}: the state of ${String(key)} is not of its history (Z1)`)
    }
  }

  /** Z3. */
  private sink(output: Output & Part): void {
    const { step, lines } = output
    const { visits } = this.evidence
    const met = new Set<string>()
    const records = new Set<string>()
    for (const line of lines) {
      const cause = line.slice(0, line.indexOf('|'))
      if (met.has(cause)) this.complain(`${step}: gives ${cause} twice (Z3)`)
      met.add(cause)
      const visit = cause.includes('#') ? undefined : visits[Number.parseInt(cause, 10)]
      if (!cause.includes('#') && visit === undefined)
        this.complain(`${step}: gives ${line}, which was never made (Z3)`)
      records.add(recordOf(visit?.cause ?? cause))
    }
    const twig = this.evidence.programs.at(-1)!.twigs.find(({ parts }) => parts.some((part) => isSame(part, output)))
    if (twig === undefined) return
    const began = this.beginOf(output)
    const keyed = twig.parts.find(({ kind }) => kind === 'chain')
    for (const visit of keyed === undefined ? [] : this.visitsOf(keyed.step)) {
      const name = `${visit.number}@${visit.step}`
      if (this.placeOf(visit) >= began && !met.has(name)) this.complain(`${step}: ${name} was not given (Z3)`)
    }
    if (twig.head === null) return
    const { lostBefore } = this.callsOf(output)
    const from = Math.max(
      began,
      lostBefore,
      this.lastWith(output, (parts) => parts.some(({ kind }) => kind === 'sum')) + 1,
    )
    for (const [record, at] of this.passed[twig.head]!) {
      if (at >= from && !records.has(record)) this.complain(`${step}: nothing was given of ${record} (Z3)`)
    }
  }

  // ── What programs had ────────────────────────────────────────────────────────────────────────────────────────────

  private placeOf({ program }: Visit): number {
    return this.places.get(program)!
  }

  private visitsOf(step: string): Visit[] {
    const history = historyOf(this.evidence, step, [], this.complain)
    return [...history.values()].flat().flatMap(({ visits }) => [...visits])
  }

  /** With which program `part`, which the last one has, began. */
  private beginOf(part: Part): number {
    const { programs } = this.evidence
    return programs.findLastIndex((_, place) => this.begins(part, place))
  }

  private begins(part: Part, place: number): boolean {
    const { programs } = this.evidence
    const there = programs[place]!
    return place === 0 || there.drop.includes(part.step) || !has(programs[place - 1]!, part)
  }

  /** Whether there were calls on the way to `part`, and before which program what they held may be lost. */
  private callsOf(part: Part): { readonly called: boolean; readonly lostBefore: number } {
    const calls = new Set<string>()
    for (const { twigs } of this.evidence.programs) {
      const twig = twigs.find(({ parts }) => parts.some((one) => one.step === part.step))
      for (const { step, kind } of twig?.parts ?? []) if (kind === 'call') calls.add(step)
    }
    const { programs } = this.evidence
    const lostBefore = programs.findLastIndex(({ drop }) => drop.some((step) => calls.has(step)))
    return { called: calls.size > 0, lostBefore }
  }

  /** The last program where `condition` holds for the twig of `part`, -1 where there is none. */
  private lastWith({ step }: Part, condition: (parts: readonly Part[]) => boolean): number {
    return this.evidence.programs.findLastIndex(({ twigs }) =>
      twigs.some(({ parts }) => parts.some((part) => part.step === step) && condition(parts)),
    )
  }
}

function has({ twigs }: Program, part: Part): boolean {
  return partsOf(twigs).some((one) => isSame(one, part))
}

function isSame(a: Part, b: Part): boolean {
  return a.step === b.step && a.kind === b.kind
}

/** A record as it passed a head: the same for all that listen there. */
function recordOf(cause: string): string {
  return cause.slice(0, Math.max(0, cause.lastIndexOf('/'))) || cause
}

function foldOf(keyed: KeyedPlan, key: Key, visits: readonly Visit[]): object {
  const state = keyed.init(key)
  for (const { value } of visits) {
    if (keyed.kind === 'aggregate') keyed.add(state, value)
    else keyed.step(state, value, { key, time: 0, position: 0, forget: () => {}, replace: () => {} })
  }
  return state
}
