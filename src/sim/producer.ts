/**
 * A producer that speaks the acked protocol, as an actor of a simulated run. It keeps its records in the client's own
 * outbox, whose disk a crash of its process spares or takes with it.
 *
 * P1. A record never changes its sequence within one incarnation; who loses the outbox is another incarnation.
 * P2. `journaled` and `stable` of an incarnation are the highest that were ever said to it, also by a door that has
 *     forgotten: that is what a checker holds the worker to.
 * P3. Of an outbox and its copies one goes on. Who is told that another one does begins a stream of its own: what it had that
 *     was not stable is lost to the stream.
 * P4. Who is told again and again that its stream is not known believes it, should it ever: its source has begun anew, and it begins
 *     a stream of its own with other records.
 */
import { Outbox } from '../client/outbox.ts'
import type { Timer } from '../env/clock.ts'
import type { Address } from '../env/network.ts'
import { ackedVersions, encodeAcked, RECORD_HEAD_BYTES } from '../protocol/acked.ts'
import { SimOutboxDisk } from './outbox-disk.ts'
import { Wire } from './producer-wire.ts'
import type { Machine, SimProcess } from './world.ts'

export interface ProducerOptions {
  readonly name: string
  readonly source: string
  readonly address: Address
  /** Records are made only while the outbox holds fewer bytes. */
  readonly outboxBytes: number
  /** Longest wait for an answer, and between two attempts, in milliseconds. */
  readonly patienceMs: number
  /** Chance that a new connection is made while the old one still stands. */
  readonly overlapChance: number
  /** Chance that a connection sends everything again that is not stable, known or not. */
  readonly repeatChance: number
  /** Times in a row that it is told that its stream is not known before it believes that; never where nothing is said (P4). */
  readonly believes?: number
  /** Makes record `sequence` of the incarnation `life`. */
  readonly record: (life: string, sequence: number) => Uint8Array
}

/** What one incarnation was told. */
export interface ProducerLife {
  readonly name: string
  /** Records made so far. */
  made: number
  journaled: number
  stable: number
  /** Its outbox is gone: what was not acknowledged may be lost. */
  gone: boolean
  /** Under which names the worker knows it. */
  readonly producer: string
  readonly incarnation: string
  /** Its first record; those before are of the life whose outbox it has copied. */
  readonly first: number
  /** There is another outbox with its records (P3). */
  copied: boolean
}

export class SimProducer {
  readonly lives: ProducerLife[] = []
  /** Answers that no worker may give to this producer. */
  readonly complaints: string[] = []
  /** What was said to be on a disk and is not: fair only where a disk does not do what it says. */
  readonly forgotten: string[] = []
  private readonly home: Machine
  private readonly options: ProducerOptions
  /** Where it was told to dial. */
  private base: Address
  /** Where a worker has sent it, for as long as somebody is there. */
  private sentTo: Address | null = null
  private process: SimProcess | null = null
  private disk = new SimOutboxDisk()
  private outbox!: Outbox
  /** How often an outbox of it was opened. */
  private openings = 0
  private wire: Wire | null = null
  private timer: Timer | null = null
  /** Times in a row that its stream was not known. */
  private unknown = 0

  constructor(machine: Machine, options: ProducerOptions) {
    this.home = machine
    this.options = options
    this.base = options.address
    this.begin()
  }

  /** Begins with a copy of the outbox of `other`, as that one's disk has it now (P3). Not started yet. */
  copy(other: SimProducer): void {
    const { life } = other
    const made = other.disk.next - 1
    life.copied = true
    this.disk = new SimOutboxDisk(other.disk)
    this.lives.length = 0
    this.lives.push({ ...life, name: `${this.options.name}.1`, first: made + 1, made })
    this.open()
  }

  get life(): ProducerLife {
    return this.lives.at(-1)!
  }

  /** The name of its machine. */
  get machine(): string {
    return this.home.name
  }

  /** Every record that was made is stable. */
  get settled(): boolean {
    return this.life.stable === this.life.made
  }

  get running(): boolean {
    return this.process?.state === 'running'
  }

  start(): void {
    if (this.running) return
    this.process = this.home.start(this.options.name)
    this.dial()
  }

  /** `kill -9`. With its memory goes an outbox that is not on disk. */
  kill(keepsOutbox: boolean): void {
    this.process?.kill()
    this.process = null
    this.wire = null
    this.timer = null
    if (keepsOutbox) return this.open()
    this.life.gone = true
    this.begin()
  }

  stop(): void {
    this.process?.stop()
  }

  continue(): void {
    this.process?.continue()
  }

  /** Makes `count` records and sends what it may. */
  produce(count: number): void {
    if (!this.running || this.outbox.bytes >= this.options.outboxBytes) return
    const { life } = this
    const parts: Uint8Array[] = []
    for (let i = 1; i <= count; i++) {
      const record = this.options.record(life.name, life.made + i)
      const head = Buffer.alloc(RECORD_HEAD_BYTES)
      head.writeUInt32LE(record.length)
      parts.push(head, record)
    }
    life.made += count
    this.outbox.append(count, Buffer.concat(parts))
    this.wire?.pump()
  }

  /** From now on it dials there, at once where it runs. */
  goTo(address: Address): void {
    this.base = address
    this.sentTo = null
    this.reconnect()
  }

  /** Connects anew, whatever becomes of the connection that is there. */
  reconnect(): void {
    if (!this.running) return
    this.wire?.leave()
    this.dial()
  }

  private begin(): void {
    const { name: producer } = this.options
    const name = `${producer}.${this.lives.length + 1}`
    const fresh = { made: 0, journaled: 0, stable: 0, gone: false, first: 1, copied: false }
    this.lives.push({ name, producer, incarnation: name, ...fresh })
    this.disk = new SimOutboxDisk()
    this.open()
  }

  private open(): void {
    const writer = `${this.options.name}/${++this.openings}`
    this.outbox = new Outbox(this.disk, writer, () => this.process?.env.clock.now() ?? 0)
  }

  private dial(): void {
    this.timer?.cancel()
    this.timer = null
    const process = this.process!
    const address = this.sentTo ?? this.base
    this.sentTo = null
    const { source, patienceMs, overlapChance, repeatChance } = this.options
    const repeats = process.env.random.below(1000) < repeatChance * 1000
    const { newest, oldest: oldestVersion } = ackedVersions
    const wire = new Wire(process, address, patienceMs, repeats, this.outbox, {
      hello: () =>
        encodeAcked({
          kind: 'hello',
          newest,
          oldestVersion,
          producer: this.life.producer,
          incarnation: this.life.incarnation,
          source,
          oldest: this.outbox.oldest,
          token: '',
          ...this.outbox.claim,
        }),
      acked: (journaled, stable) => this.acked(journaled, stable),
      resumed: (resumeAfter) => {
        this.unknown = 0
        const { name, journaled } = this.life
        if (resumeAfter < journaled)
          this.forgotten.push(`${name}: ${journaled} is journaled, and it goes on at ${resumeAfter}`)
      },
      redirected: (to) => {
        this.sentTo = to
      },
      forked: () => {
        if (!this.life.copied) this.complaints.push(`${this.life.name}: told of a copy that there is not`)
        this.life.gone = true
        this.begin()
      },
      unknown: () => {
        if (++this.unknown < (this.options.believes ?? Infinity)) return
        this.unknown = 0
        this.life.gone = true
        this.begin()
      },
      complain: (what) => this.complaints.push(`${this.life.name}: ${what}`),
      over: (retryMs) => {
        if (this.wire !== wire) return
        this.wire = null
        this.timer = process.env.clock.after(retryMs + process.env.random.below(patienceMs), () => this.dial())
      },
    })
    this.wire = wire
    if (process.env.random.below(1000) < overlapChance * 1000) {
      this.timer = process.env.clock.after(process.env.random.below(2 * patienceMs), () => {
        if (this.wire === wire) this.reconnect()
      })
    }
  }

  private acked(journaled: number, stable: number): void {
    const { life } = this
    life.stable = Math.max(life.stable, stable)
    life.journaled = Math.max(life.journaled, journaled, stable)
    if (life.journaled > life.made) {
      this.complaints.push(`${life.name}: ${life.journaled} is acknowledged and ${life.made} were made`)
    }
    this.outbox.drop(life.stable)
  }
}
