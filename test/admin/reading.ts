/**
 * A harbour in the simulator with people who read: behind what their producers were told, and linearizable, of any
 * worker, through kills, pauses, cuts, joins and leaves.
 *
 * R1. What is shown behind a token has all records that it covers.
 * R2. Who reads a key linearizable sees no less than anybody had been shown, of a kind that is not rolled back, when he
 *     asked.
 */

import { ControlServer } from '../../src/admin/http.ts'
import { makeRoutes, type RoutesSeams } from '../../src/admin/routes.ts'
import { fail } from '../../src/base/errors.ts'
import { makeLimits } from '../../src/base/limits.ts'
import type { Prng } from '../../src/base/prng.ts'
import { writeToken } from '../../src/protocol/read-token.ts'
import type { MemberStation } from '../../src/sim/member-station.ts'
import type { SimProducer } from '../../src/sim/producer.ts'
import type { Weather } from '../../src/sim/weather.ts'
import type { Worker } from '../../src/worker/worker.ts'
import { Harbour } from '../worker/harbour.ts'
import { KEYS } from '../worker/town.ts'

/** Steps that are read: one right behind the source, and one that shows what another has held back. */
const STEPS = ['count', 'mirror'] as const
/** For how long that one does. */
const HOLD_MS = 150
const READS = ['live', 'committed', 'linearizable'] as const
/** Keys that are read: few, so that each is read often. */
const READ_KEYS = 3
/** The world goes on for so long between two looks at what promises have to say, in milliseconds. */
const TURN_MS = 2

interface State {
  readonly count: number
  readonly last: Readonly<Record<string, number>>
}

interface Shown {
  readonly found: { readonly key: string; readonly state: State }
}

export class Reading extends Harbour {
  /** Reads that were answered, by what they promised. */
  readonly answered = { live: 0, committed: 0, linearizable: 0, after: 0, late: 0, shared: 0 }
  readonly complaints: string[] = []
  /** The least count that a linearizable read of a key of a step may show from now on (R2). */
  private readonly floors = new Map<string, number>()
  private readonly servers = new WeakMap<Worker, ControlServer>()
  private open = 0

  constructor(seed: number, weather: Weather) {
    // Records wait on their way to their owners, so that a barrier takes a while to pass.
    super(seed, weather, { channelCreditBytes: 64, channelBatches: 64, batchRecords: 2, turnRuns: 1 }, HOLD_MS)
  }

  /** Lets the world go on, with readers in it where `random` is given. */
  async pass(ms: number, random: Prng | null): Promise<void> {
    const { world } = this
    for (const end = world.now + ms; world.now < end; ) {
      for (const { worker } of this.live) if (worker!.phase !== 'booting') this.serve(worker!)
      if (random !== null && this.open < 24 && random.chance(0.3)) this.read(random)
      if (random?.chance(0.02)) for (const producer of this.producers) producer.produce(40)
      this.run(TURN_MS)
      await new Promise(setImmediate)
    }
  }

  /** What `name` answers to a path of its control API; the world goes on meanwhile. */
  async show(name: string, path: string): Promise<unknown> {
    let json: unknown
    const answered = this.serve(this.of(name).worker!)
      .show(path)
      .then(({ text }) => {
        json = JSON.parse(text)
      })
    while (json === undefined) await Promise.race([answered, this.pass(TURN_MS, null)])
    return json
  }

  /** Somebody has the work shared out anew, by a load that is made up. */
  shareOut(random: Prng): void {
    const active = this.live.filter(({ worker }) => worker!.phase === 'active')
    if (active.length === 0) return
    const { worker, name } = active[random.below(active.length)]!
    const load = Float64Array.from({ length: worker!.cluster.owners.length }, () => random.below(100))
    this.world.log.info('rebalance', { worker: name })
    worker!.rebalance(load, 1 + random.below(8), (answer, reason) => {
      this.world.log.info('rebalance', { answer, reason })
      if (answer === 'accepted') this.answered.shared++
    })
  }

  /** Everybody who reads hears something. */
  async hear(): Promise<void> {
    for (let turns = 0; this.open > 0 && turns < 100; turns++) await this.pass(1000, null)
  }

  /** Gives a worker its control API: nobody listens, and the others' questions are answered. */
  private serve(worker: Worker): ControlServer {
    const known = this.servers.get(worker)
    if (known !== undefined) return known
    const { env } = this.live.find((station) => station.worker === worker)!.process!
    const find = (pipeline: string) => {
      const resident = worker.residents.all.get(pipeline)
      if (resident === undefined) throw fail('E_NO_PIPELINE', { pipeline, known: 'none runs here' })
      return resident
    }
    const limits = makeLimits({})
    const planOf = async (pipeline: string) => find(pipeline).plan
    const seams = { pipelines: { worker, find, planOf }, limits, clock: env.clock } as unknown as RoutesSeams
    const server = new ControlServer({
      ...{ host: '', port: 0, limits, routes: makeRoutes(seams), tokens: null as never },
      onBug: (error) => this.complaints.push(`a bug: ${(error as Error).stack}`),
    })
    worker.questions.answer = (path, done) => void server.show(path).then(done)
    this.servers.set(worker, server)
    return server
  }

  /** Somebody reads a key of some worker. */
  private read(random: Prng): void {
    const open = this.live.filter(({ worker }) => worker!.phase !== 'booting' && worker!.phase !== 'closed')
    if (open.length === 0) return
    const station = open[random.below(open.length)]!
    const producer = this.producers[random.below(this.producers.length)]!
    const read = READS[random.below(READS.length)]!
    const step = STEPS[random.below(STEPS.length)]!
    const after = random.chance(0.7)
    // Behind an acknowledgement, the key of the last record that it covers is seen last.
    const last = producer.life.journaled % KEYS
    const key = `${after && random.chance(0.5) ? last : random.below(READ_KEYS)}`
    this.open++
    void this.ask(station, step, read, key, after ? producer : null).finally(() => this.open--)
  }

  private async ask(
    station: MemberStation,
    step: (typeof STEPS)[number],
    read: (typeof READS)[number],
    key: string,
    producer: SimProducer | null,
  ): Promise<void> {
    const { life, source, name: from } = told(producer)
    const place = `${key} of ${step}`
    const floor = this.floors.get(place) ?? 0
    const token = writeToken({ source, producer: from, incarnation: life.name, sequence: life.journaled })
    const after = producer === null ? '' : `&after=${token}`
    const { journaled } = life
    const { worker, process } = station
    const server = this.serve(worker!)
    const path = `/v1/pipelines/collecting/state/${step}?key=${key}&read=${read}&wait=3000${after}`
    let over = false
    const gone = this.gone(() => over || process!.state === 'dead')
    const answer = await Promise.race([server.show(path), gone])
    over = true
    if (answer === null) return
    const { found, error } = JSON.parse(answer.text) as Partial<Shown> & { error?: { code: string } }
    const nothing: State = { count: 0, last: {} }
    if (answer.status !== 200 && error?.code !== 'E_NO_KEY') {
      this.answered.late++
      return
    }
    const state = found?.state ?? nothing
    this.answered[read]++
    const what = `key ${place} read ${read} of ${station.name}`
    if (producer !== null) {
      this.answered.after++
      const least = lastOf(Number(key), journaled)
      const seen = state.last[life.name] ?? 0
      if (seen < least) {
        this.complaints.push(`${what} behind ${journaled} of ${life.name} shows ${seen} and not ${least} (R1)`)
      }
    }
    if (read === 'live') return
    if (read === 'linearizable' && state.count < floor) {
      this.complaints.push(`${what} shows ${state.count}, and ${floor} had been shown (R2)`)
    }
    this.floors.set(place, Math.max(this.floors.get(place) ?? 0, state.count))
  }

  /** Resolves with `null` when `over` holds. */
  private async gone(over: () => boolean): Promise<null> {
    for (const end = this.world.now + 10_000; !over() && this.world.now < end; ) await new Promise(setImmediate)
    return null
  }
}

/** What a producer was told. */
function told(producer: SimProducer | null) {
  if (producer === null) return { life: { name: '', journaled: 0 }, source: 'in', name: '' }
  return { life: producer.life, source: 'collecting/in', name: producer.machine }
}

/** The last sequence up to `sequence` that belongs to `key`, 0 for none. */
function lastOf(key: number, sequence: number): number {
  const last = sequence - ((sequence - key + KEYS) % KEYS)
  return last > 0 ? last : 0
}
