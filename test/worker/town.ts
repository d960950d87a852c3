/**
 * A cluster in the simulator: real workers on machines of their own, one store on a volume that all of them mount, and
 * one pipeline that counts.
 */

import { deepEqual } from 'node:assert/strict'
import { type Limits, makeLimits } from '../../src/base/limits.ts'
import { isPending } from '../../src/connectors/file/segment.ts'
import { fileSink, generatorSource, lines, nullSink, type Pipeline, pipeline, tcpSource } from '../../src/index.ts'
import { plan } from '../../src/model/planner.ts'
import { MemberStation, memberMachine } from '../../src/sim/member-station.ts'
import type { Volume } from '../../src/sim/volume.ts'
import { calm, type Weather } from '../../src/sim/weather.ts'
import { World } from '../../src/sim/world.ts'
import type { Resident } from '../../src/worker/pipelines/resident.ts'

export const KEYS = 40
const SPLITS = 4

interface Row {
  /** What the record was: unique among all. */
  readonly id: string
  readonly key: string
  readonly count: number
}

const SINK = { path: '/shared/out/rows', framing: lines(), encode: (row: Row) => JSON.stringify(row) }

/** Numbers in several splits; each key counts its own and sees that those of one split rise. */
export function counting(count: number, rate: number): Pipeline {
  return pipeline('counting', (p) => {
    p.source('numbers', generatorSource<number>({ value: (n) => n, count, rate, splits: SPLITS }))
      .map('spread', (n) => ({ n, key: `${Math.floor(n / SPLITS) % KEYS}` }))
      .keyBy('by-key', ({ key }) => key)
      .mapWithState('count', {
        init: () => ({ count: 0, last: [-1, -1, -1, -1] }),
        step: (state, { n, key }): Row => {
          if (n <= state.last[n % SPLITS]!) throw new Error(`${n} after ${state.last[n % SPLITS]}`)
          state.last[n % SPLITS] = n
          return { id: `${n}`, key, count: ++state.count }
        },
      })
      .sink('rows', fileSink<Row>(SINK))
  })
}

/** Where every worker takes producers, in `collecting`. */
export const DOOR = 7001

/**
 * What producers send, `<incarnation> <sequence>`; each key counts its own and sees that those of one producer rise.
 * With `holdMs` a step holds its results back for so long, and another one shows them.
 */
export function collecting(holdMs = 0): Pipeline {
  return pipeline('collecting', (p) => {
    const keyed = p
      .source('in', tcpSource({ host: '0.0.0.0', port: DOOR, protocol: 'acked' }))
      .map('spread', (text) => {
        const [from, n] = text.split(' ') as [string, string]
        return { id: text, from, n: Number(n), key: `${Number(n) % KEYS}` }
      })
      .keyBy('by-key', ({ key }) => key)
    if (holdMs > 0) {
      keyed
        .aggregate('newest', {
          init: () => ({ count: 0, last: {} as Record<string, number> }),
          add: (state, { from, n }) => {
            state.count++
            state.last[from] = n
          },
          result: ({ count, last }, key) => ({ key: `${key}`, count, last: { ...last } }),
          every: holdMs,
        })
        .keyBy('again', ({ key }) => key)
        .mapWithState('mirror', {
          init: () => ({ count: 0, last: {} as Record<string, number> }),
          step: (state, { count, last }) => {
            state.count = count
            state.last = last
          },
        })
        .sink('nowhere', nullSink())
    }
    keyed
      .mapWithState('count', {
        init: () => ({ count: 0, last: {} as Record<string, number> }),
        step: (state, { id, from, n, key }): Row => {
          if (n <= (state.last[from] ?? 0)) throw new Error(`${id} after ${state.last[from]}`)
          state.last[from] = n
          return { id, key, count: ++state.count }
        },
      })
      .sink('rows', fileSink<Row>(SINK))
  })
}

export class Town {
  readonly world: World
  readonly volume: Volume
  readonly stations: MemberStation[] = []
  /** Where workers that are started from now on take connections; 0: at another port each time. */
  port = 7400
  private readonly limits: Limits
  private readonly pipeline: Pipeline
  /** Whether the workers' journals lie where all of them reach them. */
  sharesJournals = true

  constructor(
    seed: number,
    program: Pipeline = counting(0, 1),
    changes: Partial<Limits> = {},
    weather: Weather = calm,
  ) {
    this.world = new World(seed, weather)
    this.volume = this.world.volume('shared')
    this.pipeline = program
    this.limits = makeLimits({
      ...{ keyGroups: 16, checkpointIntervalMs: 300, checkpointTimeoutMs: 3000, horizonEpochs: 5 },
      noteChainMs: Number.POSITIVE_INFINITY,
      ...{ linkGraceMs: 3000, linkPingMs: 100, linkDialTimeoutMs: 500, linkRetryMs: 200 },
      ...changes,
    })
  }

  start(...names: string[]): void {
    for (const name of names) this.add(name, names.length).start()
  }

  /** A worker on a machine of its own, called `name`; `worker`: a second process of that name. */
  add(name: string, expected: number, worker = name): MemberStation {
    const machine = memberMachine(this.world, name, this.volume)
    const options = {
      limits: this.limits,
      port: this.port,
      expected,
      worker,
      restartMs: 300,
      pipeline: this.pipeline.name,
      journals: this.sharesJournals,
      plan: () => plan(this.pipeline.build()),
    }
    const station = new MemberStation(machine, options)
    this.stations.push(station)
    return station
  }

  of(name: string): MemberStation {
    return this.stations.find((station) => station.name === name)!
  }

  get live(): readonly MemberStation[] {
    return this.stations.filter(({ worker }) => worker !== null)
  }

  /** Those that are at work, and in which generation: `a b c in 3`, when they agree. */
  get standing(): string {
    const said = this.live.map(({ worker, name }) => {
      const { generation, members } = worker!.cluster
      const works = worker!.phase === 'active' || worker!.phase === 'leaving'
      const all = members.map((member) => member.worker).toSorted()
      return works && all.includes(name) ? `${all.join(' ')} in ${generation}` : `${name} ${worker!.phase}`
    })
    return new Set(said).size === 1 ? said[0]! : said.join(', ')
  }

  /** Waits until all that live stand so; answers what they say in the end. */
  settle(standing: string, ms = 20_000): string {
    const { world } = this
    world.runUntil(() => this.standing === standing, world.now + ms)
    return this.standing
  }

  run(ms: number): void {
    this.world.run(this.world.now + ms)
  }

  until(holds: () => boolean, ms = 60_000): void {
    if (this.world.runUntil(holds, this.world.now + ms)) return
    const residents = this.live.map((station) => describe(station.name, this.resident(station)))
    throw new Error(
      `not reached: ${this.standing}; ${residents.join('; ')}\n${this.world.drainLog().slice(-60).join('\n')}`,
    )
  }

  resident(station: MemberStation): Resident | undefined {
    return station.worker?.residents.all.get(this.pipeline.name)
  }

  /** The number of the last complete epoch. */
  get epoch(): number {
    return Math.max(
      0,
      ...this.live.map(({ worker }) => worker!.cluster.pipelines.get(this.pipeline.name)?.highest ?? 0),
    )
  }

  epochs(count: number): void {
    const from = this.epoch
    this.until(() => this.epoch >= from + count)
  }

  /** Drains the pipeline for good, as `name` is asked to; answers why it was not, or `null`. */
  drain(name: string): string | null {
    let answer: string | null | undefined
    const resident = this.resident(this.of(name))!
    resident.execution.drain(5000, true, (failure) => {
      answer = failure
    })
    this.until(() => answer !== undefined)
    // As whoever asks a worker does.
    if (answer === null) {
      resident.phase = 'drained'
      resident.execution.close()
    }
    return answer ?? null
  }

  /** Whether it is drained, or not there, on all that live. */
  get drained(): boolean {
    return this.live.every((station) => (this.resident(station)?.phase ?? 'drained') === 'drained')
  }

  /** Lets all input come to its end, and an epoch behind it. */
  finish(): void {
    let answer: string | null = 'none'
    while (answer !== null) {
      this.until(() => this.live.some(({ ended }) => ended))
      const by = this.live.find(({ ended }) => ended)!
      answer = this.checkpoint(by)
      // Another generation has begun meanwhile, and comes to the end once more.
      if (answer !== null) by.ended = false
    }
    this.run(2000)
  }

  /** Asks for an epoch; answers why it did not come about, or `null`. */
  private checkpoint(by: MemberStation): string | null {
    let answer: string | null | undefined
    this.resident(by)!.execution.request({ kind: 'periodic' }, (failure) => {
      answer = failure
    })
    this.until(() => answer !== undefined)
    return answer ?? null
  }

  /** Files of its sink that nobody is to read yet, or ever. */
  get pending(): readonly string[] {
    const listed = this.volume.list('/out')
    return (Array.isArray(listed) ? (listed as readonly string[]) : []).filter(isPending)
  }

  /** What complete epochs have put out of `counting`: every number once. */
  expectExact(count: number): void {
    this.expectIds(Array.from({ length: count }, (_, n) => `${n}`))
  }

  /** What complete epochs have put out: each of `ids` once, and every key's counts without a gap. */
  expectIds(ids: readonly string[]): void {
    const rows = this.rows()
    const found = rows.map(({ id }) => id).toSorted()
    deepEqual(found, ids.toSorted(), 'every record is there once')
    for (const [key, own] of Map.groupBy(rows, (row) => row.key)) {
      const counts = own.map((row) => row.count).toSorted((a, b) => a - b)
      deepEqual(
        counts,
        counts.map((_, i) => i + 1),
        `key ${key} has counted without a gap`,
      )
    }
    for (const { fell, name } of this.stations) deepEqual(fell.map(String), [], `${name} has not fallen`)
  }

  protected rows(): Row[] {
    const { env } = this.stations[0]!.machine.start('reader')
    const rows: Row[] = []
    let left = -1
    env.disk.list('/shared/out', (_, names) => {
      const whole = (names ?? []).filter((name) => !name.endsWith('.pending'))
      left = whole.length
      for (const name of whole) {
        env.disk.readFile(`/shared/out/${name}`, (error, bytes) => {
          left--
          if (error !== null) throw error
          for (const line of bytes.toString().split('\n')) if (line !== '') rows.push(JSON.parse(line) as Row)
        })
      }
    })
    this.until(() => left === 0)
    return rows
  }
}

function describe(name: string, resident: Resident | undefined): string {
  if (resident === undefined) return `${name} has none`
  const { execution, phase } = resident
  const tasks = execution.status.tasks.map(({ step, recordsIn, waiting }) => `${step} ${recordsIn}/${waiting}`)
  return `${name} ${phase} epoch ${execution.status.figures?.epoch} held by ${execution.status.heldBy} ${tasks.join(' ')}`
}
