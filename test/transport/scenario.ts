/**
 * A run of two or three switchboards, drawn from a seed: weather, cuts, silent connections, resets, stopped and killed
 * processes, restarts with new incarnations, generations that the workers activate each in its own time. Throws where a
 * promise is broken:
 *
 * 1. What one worker says to another on the control lane in a generation arrives there in that generation, once, in
 *    order.
 * 2. So do the elements of each channel; no marker overtakes a batch, and the last watermark is never lost.
 * 3. Nothing comes from another generation, or from an incarnation that the generation does not name.
 * 4. What a receiver holds stays within its window and one batch, and what a sender keeps within its channels' windows.
 * 5. While nobody dies, nothing is cut for longer than the grace, and nothing is lost, a session goes on for ever: a
 *    worker is lost only where there was a reason.
 * 6. When the weather is over all that was said in the last generation arrives.
 */
import { makeLimits } from '../../src/base/limits.ts'
import { Prng } from '../../src/base/prng.ts'
import { calm, drawWeather, type Weather } from '../../src/sim/weather.ts'
import { type Machine, type SimProcess, World } from '../../src/sim/world.ts'
import type { Inlet } from '../../src/transport/inlet.ts'
import type { Outlet } from '../../src/transport/outlet.ts'
import { Switchboard } from '../../src/transport/switchboard.ts'

const PORT = 7100
const CHANNELS = 3
const WINDOW = 2000
const BATCH = 1200
const STEPS = 300
/** Frames beside batches that a data lane may keep: markers. */
const MARKER_BYTES = 20_000

export const limits = makeLimits({
  channelCreditBytes: WINDOW,
  linkGraceMs: 4000,
  linkPingMs: 100,
  linkDialTimeoutMs: 500,
  linkStartMs: 20_000,
  linkRetryMs: 300,
})

export function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what)
}

/** `gentle`: nothing happens that a session does not outlive. `violent`: processes die too. */
type Kind = 'gentle' | 'rough' | 'violent'

interface Chain {
  readonly generation: number
  readonly incarnations: ReadonlyMap<string, string>
}

/** What was said from one worker to another in a generation, and what of it has come. */
class Hearing {
  /** Control messages said and heard. */
  said = 0
  heard = 0
  readonly channels = Array.from({ length: CHANNELS }, () => new Course())
}

/** The elements of one channel. Batches are numbered; markers say behind which batch they stand. */
class Course {
  batches = 0
  arrived = 0
  /** The last watermark pushed, and the last that came. */
  time = 0
  timeArrived = 0
  barriers = 0
  barriersArrived = 0
  ended = false
  endArrived = false
}

class Station {
  readonly name: string
  readonly machine: Machine
  readonly run: Run
  process: SimProcess | null = null
  board: Switchboard | null = null
  incarnation = ''
  outlets: { to: string; channel: number; outlet: Outlet<Buffer> }[] = []
  /** Batches that no task has taken yet. */
  held: { inlet: Inlet; bytes: number }[] = []
  /** Activates a generation that names another incarnation of it. */
  careless = false
  /** The present generation is over here. */
  lost = false

  constructor(run: Run, name: string) {
    this.run = run
    this.name = name
    this.machine = run.world.machine(name, { checked: true })
  }

  start(): void {
    this.process = this.machine.start(this.name)
    const { env } = this.process
    this.incarnation = env.random.id()
    this.careless = this.run.random.chance(0.5)
    this.outlets = []
    this.held = []
    const identity = {
      cluster: 'c',
      token: 'secret',
      worker: this.name,
      incarnation: this.incarnation,
      build: '1',
    }
    const mine = this.process
    const board: Switchboard = new Switchboard(env, identity, limits, {
      control: (worker, message, body) => {
        check(mine === this.process, 'a dead process hears nothing')
        check(message.kind === 'epochComplete', 'the message is the one that was sent')
        body.finish()
        const hearing = this.run.hearing(board.generation, worker, this)
        check(message.epoch === hearing.heard, `control: ${message.epoch} came in place of ${hearing.heard}`)
        check(message.record === board.generation, 'control of another generation')
        hearing.heard++
      },
      interrupted: () => {},
      lost: (worker, error) => {
        env.log.info('lost', { worker, error: error.message })
        this.lost = true
        this.run.onLost(this, worker, error.code)
      },
      refused: (_, error) => check(error.code === 'E_LINK_REFUSED', `refused: ${error.message}`),
      newer: () => {},
      knocked: () => {},
      damaged: () => {},
    })
    this.board = board
    board.listen({ host: this.name, port: PORT }, (error) => check(error === null, `listen: ${error?.message}`))
  }

  activate(chain: Chain): void {
    const { board } = this
    if (board === null || board.generation >= chain.generation) return
    const { generation, incarnations } = chain
    // A worker that was started anew may fail to see that the record names its former life.
    if (incarnations.get(this.name) !== this.incarnation && !this.careless) return
    const members = [...incarnations].map(([worker, incarnation]) => ({
      worker,
      incarnation,
      address: { host: worker, port: PORT },
    }))
    this.lost = false
    this.outlets = []
    this.held = []
    board.activate(generation, members, [{ pipeline: 1, hash: 'h' }])
    for (const { worker } of members) {
      if (worker === this.name) continue
      for (let channel = 0; channel < CHANNELS; channel++) {
        // Either end may be made long before the other.
        this.later(
          () => generation === board.generation,
          () => this.openIn(worker, channel),
        )
        this.later(
          () => generation === board.generation,
          () => this.openOut(worker, channel),
        )
      }
    }
  }

  private later(still: () => boolean, fn: () => void): void {
    const { process } = this
    process!.env.clock.after(this.run.random.below(50), () => {
      if (still() && !this.lost) fn()
    })
  }

  private openOut(to: string, channel: number): void {
    const outlet = this.board!.outlet<Buffer>(to, { pipeline: 1, channel }, (writer, batch) => writer.bytes(batch))
    this.outlets.push({ to, channel, outlet })
  }

  private openIn(from: string, channel: number): void {
    const { generation } = this.board!
    const course = this.run.hearing(generation, from, this).channels[channel]!
    const inlet: Inlet = this.board!.inlet(
      from,
      { pipeline: 1, channel },
      {
        batch: (reader, bytes) => {
          const [theirs, incarnation] = [reader.u32(), reader.utf8()]
          const number = reader.u32()
          check(theirs === generation, 'a batch of another generation')
          check(incarnation === this.run.incarnation(generation, from), 'a batch of another incarnation')
          check(number === course.arrived, `batch ${number} came in place of ${course.arrived}`)
          check(!course.endArrived, 'a batch behind the end')
          course.arrived++
          this.held.push({ inlet, bytes })
          check(inlet.credit.held <= WINDOW + BATCH, `${inlet.credit.held} bytes are held`)
        },
        mark: (marker) => {
          switch (marker.kind) {
            case 'watermark':
              // Its time is that of the batch before it, with a fraction for those that were never taken over.
              check(marker.time > course.timeArrived, 'watermarks rise')
              check(
                Math.floor(marker.time) === course.arrived,
                `watermark ${marker.time} behind batch ${course.arrived}`,
              )
              course.timeArrived = marker.time
              break
            case 'barrier':
              check(marker.epoch === course.arrived * 1000 + course.barriersArrived, 'a barrier at another place')
              course.barriersArrived++
              break
            case 'end':
              course.endArrived = true
          }
        },
      },
    )
  }

  /** Does something: sends, marks, or takes. */
  act(random: Prng): void {
    const { board, process } = this
    if (board === null || process === null || process.state !== 'running') return
    const others = board.status.map((peer) => peer.worker)
    if (others.length > 0 && random.chance(0.3)) {
      const to = others[random.below(others.length)]!
      const hearing = this.run.hearing(board.generation, this.name, this.run.station(to))
      board.send(to, { kind: 'epochComplete', pipeline: 1, epoch: hearing.said++, record: board.generation })
    }
    for (const one of this.outlets) this.feed(one, random)
    const count = random.below(this.held.length + 1)
    for (const { inlet, bytes } of this.held.splice(0, count)) inlet.taken(bytes)
    for (const peer of board.status) {
      const kept = peer.lanes.data.keptBytes
      check(kept <= CHANNELS * (WINDOW + BATCH + 100) + MARKER_BYTES, `a data lane keeps ${kept} bytes`)
    }
  }

  private feed({ to, channel, outlet }: Station['outlets'][number], random: Prng): void {
    const generation = this.board!.generation
    const course = this.run.hearing(generation, this.name, this.run.station(to)).channels[channel]!
    if (course.ended) return
    if (outlet.room && random.chance(0.5)) {
      const head = Buffer.alloc(5 + this.incarnation.length)
      head.writeUInt32LE(generation)
      head[4] = this.incarnation.length
      head.write(this.incarnation, 5)
      const number = Buffer.alloc(4)
      number.writeUInt32LE(course.batches)
      outlet.push(Buffer.concat([head, number, Buffer.alloc(random.below(BATCH - 100))]))
      course.batches++
    }
    if (random.chance(0.3)) {
      course.time = Math.max(course.time, course.batches) + 1e-6
      outlet.mark({ kind: 'watermark', time: course.time })
    }
    if (random.chance(0.05)) {
      outlet.mark({
        kind: 'barrier',
        epoch: course.batches * 1000 + course.barriers++,
        purpose: 'checkpoint',
      })
    }
    if (random.chance(0.002)) {
      outlet.mark({ kind: 'end' })
      course.ended = true
    }
  }

  kill(): void {
    this.process?.kill()
    this.process = null
    this.board = null
    this.outlets = []
    this.held = []
  }
}

export interface Outcome {
  readonly generations: number
  readonly heard: number
  readonly batches: number
  readonly resumptions: number
  readonly losses: readonly string[]
}

class Run {
  readonly world: World
  readonly random: Prng
  readonly stations: readonly Station[]
  readonly chain: Chain[] = []
  readonly losses: string[] = []
  private readonly hearings = new Map<string, Hearing>()
  private readonly kind: Kind
  private calmUntil = 0

  constructor(seed: number, weather: Weather, workers: number, kind: Kind) {
    this.kind = kind
    this.world = new World(seed, weather)
    this.random = this.world.random
    this.stations = ['a', 'b', 'c'].slice(0, workers).map((name) => new Station(this, name))
  }

  station(name: string): Station {
    return this.stations.find((station) => station.name === name)!
  }

  incarnation(generation: number, worker: string): string {
    return this.chain[generation - 1]!.incarnations.get(worker)!
  }

  hearing(generation: number, from: string, to: Station): Hearing {
    const name = `${generation} ${from} ${to.name}`
    let hearing = this.hearings.get(name)
    if (hearing === undefined) this.hearings.set(name, (hearing = new Hearing()))
    return hearing
  }

  onLost(at: Station, worker: string, code: string): void {
    this.losses.push(code)
    const generation = at.board!.generation
    const isNamed = (one: Station): boolean => one.incarnation === this.incarnation(generation, one.name)
    const bothNamed = isNamed(at) && isNamed(this.station(worker))
    const waited = code === 'E_LINK_LOST' || code === 'E_LINK_ABSENT'
    // Who has lost the other says so when that one dials.
    const told = code === 'E_LINK_REFUSED' && this.station(worker).lost
    check(waited || told || !bothNamed, `lost for ${code} though nobody has started anew`)
    check(this.kind !== 'gentle', `${at.name} has lost ${worker} for nothing`)
  }

  /** Writes a generation record, which the workers read each in its own time. */
  record(): void {
    const generation = this.chain.length + 1
    const incarnations = new Map(
      this.stations.filter(({ process }) => process !== null).map(({ name, incarnation }) => [name, incarnation]),
    )
    this.chain.push({ generation, incarnations })
    this.world.log.info('record', { generation, members: [...incarnations.keys()].join() })
    this.spread()
  }

  spread(): void {
    const { chain } = this
    for (const station of this.stations) {
      const { process } = station
      // A worker that was killed meanwhile reads nothing.
      process?.env.clock.after(this.random.below(400), () => station.activate(chain.at(-1)!))
    }
  }

  step(kind: Kind): void {
    const { random, stations } = this
    if (kind === 'gentle') this.disturb()
    else this.disrupt(kind === 'violent')
    if (random.chance(0.3)) this.spread()
    for (const station of stations) station.act(random)
    this.world.run(this.world.now + random.below(random.chance(0.1) ? 1500 : 60))
    // Who has lost a worker asks for a new generation.
    if (stations.some(({ lost, process }) => lost && process !== null) && random.chance(0.3)) this.record()
  }

  /** Something after which all goes on: shorter than the grace. */
  private disturb(): void {
    const { world, random } = this
    const [a, b] = this.pair()
    const act = random.below(60)
    if (world.now < this.calmUntil) return
    if (act === 0) world.network.reset(a.name, b.name)
    else if (act === 1) world.network.silence(a.name, b.name)
    else if (act === 2) {
      world.network.route(a.name, b.name).cut()
      world.at(world.now + random.below(1500), () => world.network.heal(a.name, b.name))
    } else if (act === 3 && a.process !== null) {
      const { process } = a
      process.stop()
      world.at(world.now + random.below(1500), () => process.continue())
    } else return
    // One thing at a time: several may well take longer than the grace together.
    this.calmUntil = world.now + 5000
  }

  /** Anything. */
  private disrupt(violent: boolean): void {
    const { world, random, stations } = this
    const [a, b] = this.pair()
    const act = random.below(violent ? 60 : 45)
    if (act === 0) world.network.reset(a.name, b.name)
    else if (act === 1) world.network.silence(a.name, b.name)
    else if (act === 2) world.network.route(a.name, b.name).cut()
    else if (act === 3) world.network.cut(a.name, b.name)
    else if (act < 8) world.network.heal(a.name, b.name)
    else if (act === 8) a.process?.stop()
    else if (act < 14) for (const station of stations) station.process?.continue()
    else if (act === 45) a.kill()
    else if (act > 45 && act < 49) for (const station of stations) if (station.process === null) station.start()
    if (act >= 49 && random.chance(0.2)) this.record()
  }

  private pair(): [Station, Station] {
    const { stations, random } = this
    const first = random.below(stations.length)
    const second = (first + 1 + random.below(stations.length - 1)) % stations.length
    return [stations[first]!, stations[second]!]
  }

  /** The weather is over: what is said from now on arrives, if need be in one more generation. */
  settle(): void {
    const { world, stations } = this
    for (const one of stations) {
      for (const other of stations) if (one.name < other.name) world.network.heal(one.name, other.name)
      one.process?.continue()
      if (one.process === null) one.start()
    }
    Object.assign(world.weather.network, { flipChance: 0, resetChance: 0, refuseChance: 0 })
    for (let round = 0; round < 12; round++) {
      const last = this.chain.at(-1)
      const current = stations.every(
        ({ board, lost, name, incarnation }) =>
          !lost && board!.generation === last?.generation && last.incarnations.get(name) === incarnation,
      )
      if (!current) {
        this.record()
        for (const station of stations) station.activate(this.chain.at(-1)!)
      }
      const until = world.now + 10_000
      while (world.now < until) {
        world.run(world.now + 50)
        for (const station of stations) for (const { inlet, bytes } of station.held.splice(0)) inlet.taken(bytes)
      }
      if (current && this.complete()) return
    }
    throw new Error('what was said in the last generation does not arrive')
  }

  private complete(): boolean {
    const generation = this.chain.length
    for (const from of this.stations) {
      for (const to of this.stations) {
        if (from === to) continue
        const { said, heard, channels } = this.hearing(generation, from.name, to)
        if (said !== heard) return false
        for (const course of channels) {
          if (course.batches !== course.arrived || course.barriers !== course.barriersArrived) return false
          if (course.time !== course.timeArrived || course.ended !== course.endArrived) return false
        }
      }
    }
    return true
  }

  outcome(): Outcome {
    let [heard, batches, resumptions] = [0, 0, 0]
    for (const hearing of this.hearings.values()) {
      heard += hearing.heard
      for (const course of hearing.channels) batches += course.arrived
    }
    for (const { board } of this.stations) {
      for (const { lanes } of board!.status) resumptions += lanes.control.resumptions + lanes.data.resumptions
    }
    return { generations: this.chain.length, heard, batches, resumptions, losses: this.losses }
  }
}

export function runScenario(seed: number): Outcome {
  const draw = new Prng(seed)
  const kind = (['gentle', 'rough', 'violent', 'violent'] as const)[draw.below(4)]!
  const weather = draw.chance(0.8) ? drawWeather(draw, false) : calm
  const network = { ...weather.network, retransmitMs: 100, timeoutMs: 8000 }
  const run = new Run(seed, { ...weather, network }, 2 + draw.below(2), kind)
  try {
    for (const station of run.stations) station.start()
    run.record()
    for (let step = 0; step < STEPS; step++) run.step(kind)
    run.settle()
  } catch (error) {
    run.world.log.error('broken', { reason: (error as Error).message })
    throw new Error(`${(error as Error).stack}\n${run.world.drainLog().slice(-30).join('\n')}`)
  }
  return run.outcome()
}
