/**
 * A run of producers against the doors of a cluster, drawn from a seed: producers that hop from worker to worker while
 * old connections drain, workers that die, stop, come back with their journal or without it, generations with and
 * without each of them, epochs that complete or do not, going back to any epoch of the horizon, journals that are in
 * reach of the others or not, and workers that go on in a generation that is over. Throws where a promise is broken:
 *
 * 1. What the pipeline has of an acked stream is 1 … k, always, fed by one worker at a time, each record as it was
 *    sent.
 * 2. The rows of an epoch say exactly what the pipeline has.
 * 3. What was said to be `journaled` is in the pipeline at the end, whatever became of its producer: where its journal
 *    is in reach without the return of its worker.
 * 4. What was said to be `stable` is in a complete epoch when it is said.
 * 5. Of what a plain connection brought each record comes once at most, and in order.
 * 6. When the weather is over, everything that a living producer sent comes in.
 */
import { makeLimits } from '../../src/base/limits.ts'
import { Prng } from '../../src/base/prng.ts'
import { appointHeirs } from '../../src/cluster/splits.ts'
import { mergeRows } from '../../src/ingest/rows.ts'
import type { JournalReach } from '../../src/ingest/sealed.ts'
import type { StreamRow } from '../../src/ingest/stream.ts'
import type { Volume } from '../../src/sim/volume.ts'
import { drawWeather, type Weather } from '../../src/sim/weather.ts'
import { type Machine, World } from '../../src/sim/world.ts'
import { push, type Rig, smallLimits, type Taken } from './fixture.ts'
import { type Chapter, Links, Member } from './members.ts'
import { check, Producer, type Scene } from './producer.ts'

const HORIZON = 3
const STEPS = 300
const WORKERS = ['w1', 'w2', 'w3']

/** How far each stream has come, by life; plain ones too. */
type Ends = ReadonlyMap<string, number>

interface Epoch {
  readonly rows: readonly StreamRow[]
  readonly ends: Ends
}

/** An epoch that is under way. */
interface Flight {
  /** The barrier that ends it, from 1 in each generation. */
  readonly barrier: number
  readonly rows: Map<Member, readonly StreamRow[]>
  secured: number
}

/** A worker's place in the cluster, whoever lives there. */
class Seat {
  readonly worker: string
  readonly machine: Machine
  member: Member | null = null
  /** Lives so far, and those that were members once. */
  lives = 0
  readonly joined = new Map<string, number>()
  /** Lives of earlier generations that do not know yet. */
  readonly zombies: Member[] = []

  constructor(worker: string, machine: Machine) {
    this.worker = worker
    this.machine = machine
  }
}

class Run implements Scene {
  readonly world: World
  readonly random: Prng
  readonly refusals: string[] = []
  readonly complete = new Map<string, number>()
  private readonly weather: Weather
  private readonly links: Links
  private readonly shared: Volume
  private readonly seats: Seat[]
  private readonly producers: Producer[]
  /** Whether journals of absent workers are in reach of the others. */
  private readonly inReach: boolean
  /** Records that a turn of the pipeline takes at most: few, and much waits at the door. */
  private readonly takes: number
  private epochs: Epoch[] = [{ rows: [], ends: new Map() }]
  private floor = 0
  private chapter: Chapter | null = null
  private generations = 0
  private flight: Flight | null = null
  /** Barriers in this generation, and those of complete epochs. */
  private barriers = 0
  private completed = 0
  /** What each member has fed in this generation, and how much of it before each barrier. */
  private fed = new Map<Member, { readonly records: Taken[]; readonly cuts: number[] }>()
  /** Rows of complete epochs that members have not been told of yet. */
  private untold = new Map<Member, (readonly StreamRow[])[]>()
  private plainSent = 0
  /** A journal was lost with its disk. */
  private wiped = false
  private finishing = false
  private lossy = false
  /**
   * An epoch was given up that producers had been told of: what it covered lies in journals alone until the next one.
   */
  private wentBack = false

  constructor(seed: number) {
    const draw = new Prng(seed)
    this.weather = drawWeather(draw, draw.chance(0.3))
    this.world = new World(seed, this.weather)
    this.random = draw
    this.inReach = draw.chance(0.6)
    this.takes = draw.chance(0.5) ? 30 : 4
    this.links = new Links(this.world)
    const shared = this.world.volume('shared')
    this.shared = shared
    this.seats = WORKERS.map(
      (worker) => new Seat(worker, this.world.machine(worker, { mounts: [{ at: '/shared', volume: shared }] })),
    )
    this.producers = ['p', 'q', 'r'].map((name) => new Producer(this, name))
    this.lossy = this.weather.disk.failChance > 0 || this.weather.disk.syncFailChance > 0
  }

  run(): void {
    this.prepare()
    for (const seat of this.seats) this.start(seat)
    for (let i = 0; i < STEPS; i++) this.turn()
    this.finish()
  }

  private prepare(): void {
    const { disk } = this.seats[0]!.machine.start('driver').env
    let made = false
    const make = (): void => disk.makeDirectory('/shared/sealed', (error) => (error === null ? (made = true) : make()))
    make()
    this.world.runUntil(() => made, 60_000)
  }

  redirected(producer: Producer, worker: string, from: Rig): void {
    const { random, world, seats } = this
    if (random.chance(0.2)) return
    // One that cannot reach the home comes back.
    const stubborn = random.chance(0.4) ? (from as Member).worker : worker
    world.at(world.now + random.below(5), () => {
      if (producer.wire === null && !producer.gone) this.connect(producer, seats.find((s) => s.worker === stubborn)!)
    })
  }

  // ── Turns ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A file system that has given up its journal is mounted anew, with nobody running. */
  private mount(): void {
    const { shared, seats, random } = this
    if (!shared.readOnly && !seats.some(({ machine }) => machine.volume.readOnly)) return
    for (const seat of seats) {
      seat.machine.volume.readOnly = false
      for (const life of [seat.member, ...seat.zombies.splice(0)]) if (life !== null) this.lose(seat, life)
    }
    shared.losePower(random, { keep: 1, torn: 0 })
  }

  private turn(): void {
    const { random, world, producers, seats } = this
    this.mount()
    world.run(world.now + random.between(0.05, random.chance(0.05) ? 500 : 10))
    const producer = producers[random.below(producers.length)]!
    const seat = seats[random.below(seats.length)]!
    const choice = random.below(100)
    if (choice < 22) {
      if (!producer.gone) producer.produce(1 + random.below(random.chance(0.1) ? 60 : 5))
    } else if (choice < 26) this.plain(seat)
    else if (choice < 52) this.take(seat, random.below(this.takes))
    else if (choice < 62) this.cutEpoch()
    else if (choice < 72) this.completeEpoch()
    else if (choice < 74) this.abandon()
    else if (choice < 85) {
      // Also while an older connection of the same producer drains.
      if (!producer.gone && (producer.wire === null || random.chance(0.2))) this.connect(producer, seat)
    } else if (choice < 87) producer.wire?.cut()
    else if (choice < 89) this.regenerate()
    else if (choice < 92) this.die(seat)
    else if (choice < 94) this.stop(seat)
    else if (choice < 95) this.deceive(producer)
    else if (choice < 97) {
      producer.crash(random.chance(0.5))
      producer.gone = random.chance(0.1)
    } else if (choice < 98) this.wake(seat)
    else if (seat.member === null) this.start(seat)
    if (seat.member === null && random.chance(0.2)) this.start(seat)
    if (this.isBroken && random.chance(0.3)) this.regenerate()
  }

  /** The generation cannot go on: a member is gone, or there is none. */
  private get isBroken(): boolean {
    return this.chapter === null || this.chapter.members.some((member) => !member.running)
  }

  /** A worker begins a life. One process at a time has a worker's folder. */
  private start(seat: Seat): void {
    const { world, links } = this
    if (seat.zombies.length > 0) return
    const member = new Member(world, seat.machine, links, seat.worker, `i${++seat.lives}`, this.generations + 1, limits)
    seat.member = member
    member.open(() => this.lose(seat, member))
  }

  private lose(seat: Seat, member: Member): void {
    member.process.kill()
    if (seat.member === member) seat.member = null
    this.hangUp(member)
  }

  private die(seat: Seat): void {
    const { member } = seat
    if (member === null) return
    seat.member = null
    if (this.random.chance(0.2)) {
      // One that nobody is to hear of again, with its journal or without.
      for (const zombie of seat.zombies.splice(0)) zombie.process.kill()
      member.process.kill()
      if (this.random.chance(0.3) && !this.wentBack) this.wipe(seat)
    } else if (this.chapter?.members.includes(member) && this.random.chance(0.4)) {
      // The others take it for dead; it goes on, and does not know.
      seat.zombies.push(member)
    } else {
      member.process.kill()
    }
    this.hangUp(member)
  }

  /** Producers of a worker that is gone hear of it, sooner or later. */
  private hangUp(member: Member): void {
    for (const { wire } of this.producers) {
      if (wire === null || wire.rig !== member) continue
      this.world.at(this.world.now + this.random.below(50), () => {
        if (!member.running) wire.cut()
      })
    }
  }

  /** The disk of a worker is lost: another stands in its place. */
  private wipe(seat: Seat): void {
    this.wiped = true
    this.lossy = true
    const { disk } = seat.machine.start('sweeper').env
    let done = false
    const sweep = (): void =>
      disk.removeTree(`/shared/${seat.worker}/journal`, (error) => (error === null ? (done = true) : sweep()))
    sweep()
    this.world.runUntil(() => done, this.world.now + 60_000)
  }

  private stop(seat: Seat): void {
    const { member } = seat
    if (member === null || !member.running) return
    member.process.stop()
    seat.member = null
    seat.zombies.push(member)
  }

  /** A stopped worker goes on where it was; one that is not a member any more hears of it some time, and dies. */
  private wake(seat: Seat): void {
    const zombie = seat.zombies[0]
    if (zombie === undefined) return
    if (zombie.process.state === 'stopped' && this.random.chance(0.7)) {
      zombie.process.continue()
      zombie.catchUp()
    } else {
      seat.zombies.shift()
      zombie.process.kill()
      this.hangUp(zombie)
    }
  }

  /** A producer speaks to a worker that is out of date, and is gone once it has an answer. */
  private deceive(producer: Producer): void {
    const { random, world, seats } = this
    const lives = seats.flatMap(({ zombies }) => zombies.filter((life) => life.running && life.ready))
    const zombie = lives[random.below(Math.max(1, lives.length))]
    if (zombie === undefined || producer.gone) return
    if (producer.wire?.rig !== zombie) producer.connect(zombie)
    producer.produce(1 + random.below(5))
    const before = producer.journaled.get(producer.life) ?? 0
    const heard = (): boolean => (producer.journaled.get(producer.life) ?? 0) > before
    // Meanwhile the others go on without it.
    if (random.chance(0.5) && !this.finishing) this.regenerate()
    world.runUntil(heard, world.now + 100)
    if (heard()) producer.crash(false)
  }

  // ── Generations ──────────────────────────────────────────────────────────────────────────────────────────────────

  private regenerate(all = false): void {
    const { random, seats } = this
    const able = seats.flatMap(({ member }) => (member?.opened === true && member.running ? [member] : []))
    const candidates = able.filter(() => all || random.chance(0.8))
    const members = candidates.length === 0 ? able.slice(0, 1) : candidates
    if (members.length === 0) return
    const last = this.epochs.length - 1
    // Over a journal that is out of reach nobody goes back by himself (PROTOCOLS 3).
    const back =
      this.wiped || !this.inReach || all || random.chance(0.8)
        ? last
        : Math.max(this.floor, last - random.below(HORIZON))
    if (back < last) this.wentBack = true
    this.goBack(back)
    for (const seat of seats) this.leaveOut(seat, members)
    const absent = seats.filter(({ worker }) => !members.some((member) => member.worker === worker))
    // Whoever reads the chain may have passed over its beginning.
    const since = random.chance(0.5) ? 0 : random.below(this.generations + 1)
    const reach: JournalReach[] = this.inReach
      ? absent.map(({ worker, joined }) => {
          const incarnations = [...joined].flatMap(([incarnation, last]) => (last > since ? [incarnation] : []))
          return { worker, directory: `/shared/${worker}/journal`, incarnations, since }
        })
      : []
    const places = members.map(({ worker }) => ({ worker, takes: true }))
    const heirs = appointHeirs(
      reach.map(({ worker }) => worker),
      places,
    )
    const chapter: Chapter = {
      number: ++this.generations,
      coordinator: members[random.below(members.length)]!.worker,
      members,
      placement: { splits: [], heirs },
      rows: this.epochs[back]!.rows,
      reach,
    }
    this.chapter = chapter
    for (const member of members) {
      const seat = seats.find(({ worker }) => worker === member.worker)!
      seat.joined.set(member.incarnation, chapter.number)
      this.fed.set(member, { records: [], cuts: [] })
      member.ready = false
      this.world.at(this.world.now + random.below(random.chance(0.2) ? 200 : 10), () => {
        if (this.chapter === chapter && member.running) member.enter(chapter, () => this.lose(seat, member))
      })
    }
  }

  /** A member that a generation leaves out begins another life before it joins: its journal is sealed. */
  private leaveOut(seat: Seat, members: readonly Member[]): void {
    const { member } = seat
    if (member === null || members.includes(member)) return
    if (!seat.joined.has(member.incarnation) && this.random.chance(0.8)) return
    seat.member = null
    if (member.running && this.random.chance(0.5)) seat.zombies.push(member)
    else member.process.kill()
    this.hangUp(member)
  }

  private goBack(base: number): void {
    if (this.chapter !== null) this.verify()
    this.flight = null
    this.barriers = 0
    this.completed = 0
    this.fed = new Map()
    this.untold = new Map()
    this.epochs = this.epochs.slice(0, base + 1)
  }

  // ── The pipeline ─────────────────────────────────────────────────────────────────────────────────────────────────

  private isAtWork(member: Member | null): boolean {
    return member?.running === true && member.ready && this.chapter === member.chapter
  }

  private plain(seat: Seat): void {
    const { member } = seat
    if (member === null || !this.isAtWork(member) || !member.source!.room.isOpen) return
    const records = Array.from({ length: 1 + this.random.below(4) }, () => `plain ${++this.plainSent}`)
    push(member.source!, ...records)
  }

  private take(seat: Seat, max: number): void {
    for (const member of [seat.member, ...seat.zombies]) {
      if (member === null) continue
      if (this.isAtWork(member)) this.fed.get(member)!.records.push(...member.take(max))
      // What a worker feeds in a generation that is over counts nowhere.
      else if (member.running && member.ready) member.take(max)
    }
  }

  private cutEpoch(): void {
    const { chapter } = this
    if (chapter === null || this.flight !== null || !chapter.members.every((member) => this.isAtWork(member))) return
    const flight: Flight = { barrier: ++this.barriers, rows: new Map(), secured: 0 }
    this.flight = flight
    for (const member of chapter.members) {
      this.world.at(this.world.now + this.random.below(20), () => this.cut(chapter, flight, member))
    }
  }

  /** The barrier comes to a member; what became of the epoch before comes with it. */
  private cut(chapter: Chapter, flight: Flight, member: Member): void {
    if (this.chapter !== chapter || !this.isAtWork(member)) return
    this.tell(member)
    const { records, cuts } = this.fed.get(member)!
    flight.rows.set(member, structuredClone(member.source!.cut()))
    cuts.push(records.length)
    member.source!.secure(() => flight.secured++)
  }

  private completeEpoch(): void {
    const { chapter, flight } = this
    if (chapter === null || flight === null || flight.secured < chapter.members.length) return
    if (!chapter.members.every((member) => member.running)) return
    this.flight = null
    const rows = mergeRows(flight.rows.values())
    const ends = this.verify(flight.barrier)
    for (const [producer, incarnation, position] of rows) {
      const life = `${producer}.${incarnation}`
      check(
        (ends.get(life) ?? 0) === position,
        `${life}: the epoch says ${position}, the pipeline has ${ends.get(life) ?? 0}`,
      )
      this.complete.set(life, Math.max(this.complete.get(life) ?? 0, position))
    }
    const inRows = new Set(rows.map(([producer, incarnation]) => `${producer}.${incarnation}`))
    for (const [life, end] of ends)
      check(inRows.has(life), `${life}: ${end} are in the pipeline, no row is in the epoch`)
    this.epochs.push({ rows, ends })
    this.completed = flight.barrier
    this.floor = Math.max(this.floor, this.epochs.length - HORIZON)
    for (const member of chapter.members) {
      const waiting = this.untold.get(member) ?? []
      this.untold.set(member, [...waiting, this.random.chance(0.5) ? rows : flight.rows.get(member)!])
      this.world.at(this.world.now + this.random.below(20), () => {
        if (this.chapter === chapter && this.isAtWork(member)) this.tell(member)
      })
    }
  }

  /** Tells a member of epochs that are complete, and of the floor. */
  private tell(member: Member): void {
    const { source, door } = member
    const waiting = this.untold.get(member) ?? []
    this.untold.delete(member)
    if (waiting.length === 0) return
    for (const rows of waiting) source!.coverage.complete(rows)
    source!.coverage.floor(this.epochs[this.floor]!.rows)
    door!.trim()
  }

  private abandon(): void {
    const { chapter, flight } = this
    if (flight !== null && flight.rows.size === chapter!.members.length) this.flight = null
  }

  // ── Checking ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Promises 1 and 5: what the pipeline has up to the barrier `barrier`, or now. */
  private verify(barrier = Infinity): Map<string, number> {
    const ends = new Map(this.epochs.at(-1)!.ends)
    for (let part = this.completed; part <= this.barriers && part < barrier; part++) {
      const feeders = new Map<string, string>()
      for (const [member, { records, cuts }] of this.fed) {
        const from = part === 0 ? 0 : (cuts[part - 1] ?? records.length)
        for (const record of records.slice(from, cuts[part] ?? records.length))
          this.follow(ends, feeders, member, record)
      }
    }
    return ends
  }

  private follow(ends: Map<string, number>, feeders: Map<string, string>, member: Member, record: Taken): void {
    const { producer, incarnation, sequence, text } = record
    const life = `${producer}.${incarnation}`
    const end = ends.get(life) ?? 0
    const feeder = feeders.get(life) ?? member.worker
    feeders.set(life, member.worker)
    check(feeder === member.worker, `${life}: ${feeder} and ${member.worker} both feed it between two barriers`)
    ends.set(life, sequence)
    if (producer.startsWith('w')) {
      check(sequence > end, `${life}: plain record ${sequence} after ${end}`)
      check(this.lossy || sequence === end + 1, `${life}: plain record ${sequence} after ${end}`)
    } else {
      check(sequence === end + 1, `${life}: ${member.worker} feeds record ${sequence} after ${end}`)
      check(text === `${life}.${sequence}`, `${life}: record ${sequence} is "${text}"`)
    }
  }

  private connect(producer: Producer, seat: Seat): void {
    // A producer does not know who is a member and who only thinks so.
    const lives = [seat.member, ...seat.zombies].filter((member) => member?.running === true && member.source !== null)
    const member = lives[this.random.below(Math.max(1, lives.length))]
    if (member !== undefined && member !== null) producer.connect(member)
  }

  /** Promises 3 and 6: what is missing yet, or `null`. */
  private missing(): string | null {
    const ends = this.verify()
    for (const producer of this.producers) {
      for (const [life, journaled] of this.wiped ? [] : producer.journaled) {
        const had = ends.get(life) ?? 0
        if (had < journaled) return `${life}: ${journaled} were journaled, ${had} came in`
      }
      const last = producer.outbox.next - 1
      const had = ends.get(producer.life) ?? 0
      if (!producer.gone && had < last) return `${producer.life}: ${last} were sent, ${had} came in`
    }
    return null
  }

  private endZombies(seat: Seat): void {
    for (const zombie of seat.zombies.splice(0)) {
      zombie.process.kill()
      this.hangUp(zombie)
    }
  }

  private finish(): void {
    const { world, seats, random, producers } = this
    const deadline = world.now + 180_000
    this.finishing = true
    // The weather is over: a disk on which nothing succeeds any more proves nothing.
    Object.assign(this.weather.disk, { failChance: 0, unknownChance: 0, syncFailChance: 0 })
    for (const producer of this.producers) producer.wire?.cut()
    // Where the others reach its journal, a worker need not come back; but it may go on for a while.
    const lost = this.inReach && random.chance(0.7) ? seats[random.below(seats.length)]! : null
    for (const seat of seats) if (seat !== lost) this.endZombies(seat)
    if (lost?.member) {
      lost.zombies.push(lost.member)
      lost.member = null
    }
    const wanted = seats.filter((seat) => seat !== lost)
    const isWhole = (): boolean =>
      this.chapter !== null &&
      !this.isBroken &&
      wanted.every(({ member }) => member !== null && this.chapter!.members.includes(member))
    let turns = 0
    while (turns < 3 || this.missing() !== null || (lost !== null && lost.zombies.length > 0)) {
      turns++
      this.mount()
      check(world.now < deadline, `${this.missing()} (${this.refusals.slice(-3).join('; ')})`)
      for (const seat of wanted) if (seat.member === null) this.start(seat)
      if (!isWhole() && wanted.every(({ member }) => member?.opened)) this.regenerate(true)
      for (const producer of this.producers) {
        if (!producer.gone && producer.wire === null) this.connect(producer, wanted[random.below(wanted.length)]!)
      }
      world.run(world.now + 20)
      if (lost !== null && isWhole() && (random.chance(0.3) || wanted.every(({ member }) => this.isAtWork(member)))) {
        if (lost.zombies.length > 0) this.deceive(producers[random.below(producers.length)]!)
        this.endZombies(lost)
      }
      for (const seat of seats) this.take(seat, Infinity)
      this.cutEpoch()
      this.completeEpoch()
    }
  }
}

const limits = makeLimits({ ...smallLimits, producers: 64, journalBytes: 64 << 10 })

/** Runs the scenario of `seed`; throws what it finds. */
export function runClusterScenario(seed: number): void {
  new Run(seed).run()
}
