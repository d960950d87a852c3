/**
 * People who read the state of a cluster while all that its seed draws happens to it: any worker is asked, by its
 * control API, for a key or for all keys, at each level, behind what a producer was told or not. What they are shown is
 * judged in the end (`../checkers/reads.ts`).
 *
 * R1. The control API is made of promises, which are kept in turns of the real event loop: the world stands still for
 *     one between two short stretches, as long as a question is open. So a run is still a function of its seed.
 * R2. Who asks a worker that dies hears nothing, and one that stands still is not asked.
 * R3. In fair weather every question is answered, by all of the cluster (`fairly`).
 */
import { ControlServer } from '../../../src/admin/http.ts'
import { makeRoutes, type RoutesSeams } from '../../../src/admin/routes.ts'
import { fail } from '../../../src/base/errors.ts'
import { Prng } from '../../../src/base/prng.ts'
import type { Plan } from '../../../src/model/plan.ts'
import { writeToken } from '../../../src/protocol/read-token.ts'
import type { MemberStation } from '../../../src/sim/member-station.ts'
import type { SimProcess, World } from '../../../src/sim/world.ts'
import type { Worker } from '../../../src/worker/worker.ts'
import { type Read, type Shown, textOf } from '../checkers/reads.ts'
import type { Outside } from '../outside.ts'
import type { Witness } from '../witness.ts'
import type { ClusterConfig } from './config.ts'

const LEVELS = ['live', 'committed', 'linearizable'] as const
/** How long the world goes on between two looks at promises, in milliseconds, as usual. */
const TURN_MS = 10
/** How long an answer may take, in milliseconds, as usual. */
const WAIT_MS = 6000
/** Questions that are open at a time, at most. */
const OPEN = 8
/** Of so many visits that were the last ones somebody asks for the key. */
const RECENT = 300
/** Apart from all else that a seed draws. */
const READERS = 0x4d02_0000

interface Question extends Pick<Read, 'step' | 'level' | 'key'> {
  readonly limit: number | null
  /** Who was told what the answer is to be behind of. */
  readonly after: Outside['producers'][number] | null
  /** The process that was asked, `null` where no answer comes any more. */
  asked: SimProcess | null
  /** It was answered, and the answer lacks nothing. */
  done: boolean
}

/** What an answer may have in it. */
interface Answer {
  readonly epoch?: number
  readonly keys?: number | null
  readonly next?: string | null
  readonly found?: unknown
  readonly completeness?: NonNullable<Read['completeness']>
  readonly asOf?: { readonly generation: number }
  readonly generation?: number
  readonly error?: { readonly code: string | null }
}

interface Found {
  readonly keyGroup: number
  readonly state: { readonly at: number; readonly state: unknown }
}

/** Who and what there is to ask, and whom to ask about it. */
interface Seams {
  readonly world: World
  readonly plan: Plan
  readonly stations: readonly MemberStation[]
  readonly outside: Outside
  readonly witness: Witness
}

export class Readers {
  /** What was asked and answered. */
  readonly reads: Read[] = []
  readonly complaints: string[] = []
  /** Questions without an answer that says something. */
  unanswered = 0
  private readonly config: ClusterConfig
  private readonly seams: Seams
  private readonly random: Prng
  private readonly steps: readonly string[]
  private readonly servers = new WeakMap<Worker, ControlServer>()
  private readonly open = new Set<Question>()
  private nextMs = Number.POSITIVE_INFINITY
  /** What is asked in fair weather (R3). */
  private fair: readonly Question[] | null = null
  /** Counts questions and answers, in their order. */
  private moment = 0
  /** When the first of those in fair weather was asked. */
  fairMoment = Number.POSITIVE_INFINITY

  constructor(config: ClusterConfig, seams: Seams) {
    this.config = config
    this.seams = seams
    this.random = new Prng(config.seed + READERS)
    this.steps = seams.plan.tasks.flatMap(({ kind, step }) => (kind === 'keyed' ? [step] : []))
  }

  /** From now on there are questions, where there are readers. */
  begin(): void {
    const { readMs } = this.config
    if (readMs > 0 && this.steps.length > 0) this.nextMs = this.seams.world.now + readMs
  }

  /** No further questions; those that are open may be answered. */
  end(): void {
    this.nextMs = Number.POSITIVE_INFINITY
  }

  /**
   * Lets the world go on until `end`, with questions in it, and with what others ask, who `wait` for promises too (R1).
   */
  async pass(end: number, wait: () => boolean): Promise<void> {
    const { world } = this.seams
    const waits = (): boolean => this.open.size > 0 || wait()
    if (this.nextMs === Number.POSITIVE_INFINITY && !waits()) return world.run(end)
    const { pace, readMs } = this.config
    while (world.now < end) {
      world.run(Math.min(end, waits() ? world.now + TURN_MS * pace : Math.max(world.now, this.nextMs)))
      for (const question of this.open) if (question.asked!.state === 'dead') this.close(question)
      if (world.now >= this.nextMs) {
        this.nextMs = world.now + this.random.between(0, 2 * readMs)
        if (this.open.size < OPEN) this.draw()
      }
      if (waits()) await new Promise(setImmediate)
    }
  }

  /** Somebody asks something. */
  private draw(): void {
    const { random, steps } = this
    const { stations, outside } = this.seams
    const station = stations[random.below(stations.length)]!
    const step = steps[random.below(steps.length)]!
    const level = LEVELS[random.below(LEVELS.length)]!
    const one = level === 'linearizable' || random.chance(0.6)
    const key = one ? this.someKey(step) : null
    const { producers } = outside
    const after = producers.length > 0 && random.chance(0.5) ? producers[random.below(producers.length)]! : null
    const limit = one || random.chance(0.7) ? null : 1 + random.below(4)
    if (one && key === null) return
    const { worker, process } = station
    if (process?.state !== 'running' || worker!.phase === 'closed') return
    this.ask(station, { step, level, key, limit, after, asked: null, done: false })
  }

  /** Whether each level of each step has been answered by `station`, behind what a producer was told (R3). */
  fairly(station: MemberStation): boolean {
    if (this.config.readMs === 0) return true
    const { outside } = this.seams
    const after = outside.producers[0] ?? null
    const asked = { limit: null, after, asked: null, done: false }
    if (this.fair === null) this.fairMoment = this.moment + 1
    this.fair ??= this.steps.flatMap((step): Question[] => [
      { step, level: 'live', key: null, ...asked },
      { step, level: 'committed', key: null, ...asked },
      { step, level: 'linearizable', key: this.someKey(step) ?? 'none', ...asked },
    ])
    for (const question of this.fair) if (!question.done && question.asked === null) this.ask(station, question)
    return this.fair.every(({ done }) => done)
  }

  private close(question: Question): boolean {
    question.asked = null
    return this.open.delete(question)
  }

  private ask(station: MemberStation, question: Question): void {
    const { step, level, key, limit, after } = question
    const { plan, world, outside, stations } = this.seams
    // Who is asked may ask any of them.
    for (const one of stations) if (one.worker !== null) this.serve(one)
    const { pipeline } = plan
    const query = new URLSearchParams({ read: level, wait: String(Math.ceil(WAIT_MS * this.config.pace)) })
    if (key !== null) query.set('key', key)
    if (limit !== null) query.set('limit', String(limit))
    const { life } = after?.producer ?? {}
    const token = life === undefined ? null : { life: life.name, sequence: life.journaled }
    if (life !== undefined) {
      const { producer, incarnation, journaled: sequence } = life
      query.set('after', writeToken({ source: `${pipeline}/${after!.feed.step}`, producer, incarnation, sequence }))
    }
    const stable = outside.producers.map(({ producer: { life } }) => [life.name, life.stable] as const)
    const { process, name, lives } = station
    const asked = ++this.moment
    question.asked = process
    this.open.add(question)
    const path = `/v1/pipelines/${pipeline}/state/${step}?${query}`
    const what = `${key === null ? 'all' : key} of ${step} read ${level} of ${name} at ${world.now.toFixed(3)}`
    void this.serve(station)
      .show(path)
      .then(({ status, text }) => {
        // Nobody hears what a process says that is dead (R2).
        if (question.asked !== process || !this.close(question)) return
        const answer = JSON.parse(text) as Answer
        if (status !== 200 && answer.error?.code !== 'E_NO_KEY') {
          this.unanswered++
          return
        }
        const { epoch = null, next = null, keys = null, completeness = null, asOf } = answer
        const base = { step, level, key, token, stable, asked, answered: ++this.moment, worker: `${name} ${lives}` }
        const shown = shownIn(answer.found)
        question.done = completeness === null || completeness.missing.length === 0
        const whole = key === null && next === null && limit === null
        const generation = asOf?.generation ?? answer.generation ?? null
        this.reads.push({ ...base, what, epoch, generation, keys, completeness, shown, whole })
      })
  }

  /** A key as somebody would write it, of those that the step has met lately. */
  private someKey(step: string): string | null {
    const { visits } = this.seams.witness
    const from = Math.max(1, visits.length - RECENT)
    const recent = visits.slice(from).filter((visit) => visit!.step === step)
    return recent.length === 0 ? null : textOf(recent[this.random.below(recent.length)]!.key)
  }

  /** Gives a worker its control API: nobody listens, and the others' questions are answered. */
  private serve({ worker, process }: MemberStation): ControlServer {
    const known = this.servers.get(worker!)
    if (known !== undefined) return known
    const find = (pipeline: string) => {
      const resident = worker!.residents.all.get(pipeline)
      if (resident === undefined) throw fail('E_NO_PIPELINE', { pipeline, known: 'none runs here' })
      return resident
    }
    const { limits } = this.config
    const planOf = async (pipeline: string): Promise<Plan> => find(pipeline).plan
    const seams = { pipelines: { worker, find, planOf }, limits, clock: process!.env.clock } as unknown as RoutesSeams
    const server = new ControlServer({
      ...{ host: '', port: 0, limits, routes: makeRoutes(seams), tokens: null as never },
      onBug: (error) => this.complaints.push(`a reader found a bug: ${(error as Error).stack}`),
    })
    this.servers.set(worker!, server)
    worker!.questions.answer = (path, done) => void server.show(path).then(done)
    return server
  }
}

function shownIn(found: unknown): Shown[] {
  if (found === undefined || found === null) return []
  const all = (Array.isArray(found) ? found : [found]) as readonly Found[]
  return all.map(({ keyGroup, state: { at, state } }) => ({ keyGroup, at, state }))
}
