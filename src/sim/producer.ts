/**
 * A producer that speaks the acked protocol, as an actor of a simulated run. It keeps its records in the client's own
 * outbox, whose disk a crash of its process spares or takes with it (what it is beside that: `record-maker.ts`).
 *
 * P3. Of an outbox and its copies one goes on. Who is told that another one does begins a stream of its own: what it
 *     had that was not stable is lost to the stream.
 * P4. Who is told again and again that its stream is not known believes it, should it ever: its source has begun anew,
 *     or has forgotten it, and it begins a stream of its own with other records.
 * P5. No source forgets a stream sooner than it says: what was stable of one that it does not know is older than that.
 */
import { Outbox } from '../client/outbox.ts'
import type { Address } from '../env/network.ts'
import { ackedVersions, encodeAcked, RECORD_HEAD_BYTES } from '../protocol/acked.ts'
import type { Way } from './dial.ts'
import { SimOutboxDisk } from './outbox-disk.ts'
import { Wire } from './producer-wire.ts'
import { RecordMaker } from './record-maker.ts'
import type { Machine } from './world.ts'

export interface ProducerOptions {
  readonly name: string
  readonly source: string
  readonly address: Address
  readonly by?: Way
  /** Records are made only while the outbox holds fewer bytes. */
  readonly outboxBytes: number
  /** Longest wait for an answer, and between two attempts, in milliseconds. */
  readonly patienceMs: number
  /** Chance that a new connection is made while the old one still stands. */
  readonly overlapChance: number
  /** Chance that a connection sends everything again that is not stable, known or not. */
  readonly repeatChance: number
  /**
   * Times in a row that it is told that its stream is not known before it believes that; never where nothing is said
   * (P4).
   */
  readonly believes?: number
  /**
   * For how long a source remembers a stream behind its last record, in milliseconds; for ever where nothing is said
   * (P5).
   */
  readonly rememberedMs?: number
  /** Makes record `sequence` of the incarnation `life`. */
  readonly record: (life: string, sequence: number) => Uint8Array
}

export class SimProducer extends RecordMaker {
  private readonly options: ProducerOptions
  /** Where a worker has sent it, for as long as somebody is there. */
  private sentTo: Address | null = null
  private disk = new SimOutboxDisk()
  private outbox!: Outbox
  /** How often an outbox of it was opened. */
  private openings = 0
  private wire: Wire | null = null
  /** Times in a row that its stream was not known. */
  private unknown = 0

  constructor(machine: Machine, options: ProducerOptions) {
    super(machine, options.name, options.address)
    this.options = options
    this.begin()
  }

  /** Begins with a copy of the outbox of `other`, as that one's disk has it now (P3). Not started yet. */
  copy(other: SimProducer): void {
    const { life } = other
    const made = other.disk.next - 1
    life.copied = true
    this.disk = new SimOutboxDisk(other.disk)
    this.lives.length = 0
    this.lives.push({ ...life, name: `${this.name}.1`, first: made + 1, made, bursts: [...life.bursts] })
    this.open()
  }

  override kill(keepsOutbox: boolean): void {
    super.kill(keepsOutbox)
    this.wire = null
    if (keepsOutbox) this.open()
  }

  stop(): void {
    this.process?.stop()
  }

  continue(): void {
    this.process?.continue()
  }

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
    this.grow(count)
    this.outbox.append(count, Buffer.concat(parts))
    this.wire?.pump()
  }

  override goTo(address: Address): void {
    this.sentTo = null
    super.goTo(address)
  }

  protected hangUp(): void {
    this.wire?.leave()
  }

  protected override begin(): void {
    super.begin()
    this.disk = new SimOutboxDisk()
    this.open()
  }

  private open(): void {
    const writer = `${this.name}/${++this.openings}`
    this.outbox = new Outbox(this.disk, writer, () => this.process?.env.clock.now() ?? 0)
  }

  protected connect(): void {
    this.timer?.cancel()
    this.timer = null
    const process = this.process!
    const address = this.sentTo ?? this.base
    this.sentTo = null
    const { source, patienceMs, overlapChance, repeatChance, by = 'tcp' } = this.options
    const repeats = process.env.random.below(1000) < repeatChance * 1000
    const { newest, oldest: oldestVersion } = ackedVersions
    const wire = new Wire(process, { address, by }, patienceMs, repeats, this.outbox, {
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
        this.beginAnew()
      },
      unknown: () => {
        if (++this.unknown < (this.options.believes ?? Infinity)) return
        this.unknown = 0
        this.checkForgotten()
        this.beginAnew()
      },
      complain: (what) => this.complaints.push(`${this.life.name}: ${what}`),
      over: (retryMs) => {
        if (this.wire !== wire) return
        this.wire = null
        this.timer = process.env.clock.after(retryMs + process.env.random.below(patienceMs), () => this.connect())
      },
    })
    this.wire = wire
    if (process.env.random.below(1000) < overlapChance * 1000) {
      this.timer = process.env.clock.after(process.env.random.below(2 * patienceMs), () => {
        if (this.wire === wire) this.reconnect()
      })
    }
  }

  /** P5. */
  private checkForgotten(): void {
    const { name, stable } = this.life
    const { rememberedMs } = this.options
    if (rememberedMs === undefined || stable === 0) return
    const ageMs = this.ageOf(stable)
    if (ageMs < rememberedMs) this.complaints.push(`${name}: is not known, and ${stable} was made ${ageMs} ms ago (P5)`)
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
