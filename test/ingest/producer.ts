/** Producers of a scenario: records, an outbox that may be lost, and connections that are cut at any byte. */
import type { Prng } from '../../src/base/prng.ts'
import { Outbox } from '../../src/client/outbox.ts'
import { ackedFrameBytes, ackedVersions, encodeAcked, readAcked } from '../../src/protocol/acked.ts'
import { FrameParser } from '../../src/protocol/frame.ts'
import { SimOutboxDisk } from '../../src/sim/outbox-disk.ts'
import type { World } from '../../src/sim/world.ts'
import type { Rig } from './fixture.ts'

/** What a run knows, for its producers. */
export interface Scene {
  readonly world: World
  readonly random: Prng
  readonly refusals: string[]
  /** Positions of complete epochs, also of those that have become void since. */
  readonly complete: ReadonlyMap<string, number>
  /** The producer was sent by `from` to another worker. */
  redirected(producer: Producer, worker: string, from: Rig): void
}

export function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(what)
}

/** One life of a producer: it may crash and come back with its outbox, or lose it and be another incarnation. */
export class Producer {
  readonly name: string
  incarnation = 1
  private disk = new SimOutboxDisk()
  private openings = 0
  outbox!: Outbox
  wire: Wire | null = null
  gone = false
  /** The highest `journaled` that was said, by incarnation. */
  readonly journaled = new Map<string, number>()
  private readonly run: Scene

  constructor(run: Scene, name: string) {
    this.run = run
    this.name = name
    this.open()
  }

  get life(): string {
    return `${this.name}.${this.incarnation}`
  }

  produce(count: number): void {
    const parts: Buffer[] = []
    for (let i = 0; i < count; i++) {
      const text = `${this.life}.${this.outbox.next + i}`
      const record = Buffer.alloc(4 + text.length)
      record.writeUInt32LE(text.length)
      record.write(text, 4)
      parts.push(record)
    }
    this.outbox.append(count, Buffer.concat(parts))
    this.wire?.pump()
  }

  connect(rig: Rig): void {
    this.wire?.cut()
    this.wire = new Wire(this.run, this, rig)
  }

  /** The process dies; with its memory where it has no disk. */
  crash(keepsOutbox: boolean): void {
    this.wire?.cut()
    this.wire = null
    if (!keepsOutbox) {
      this.incarnation++
      this.disk = new SimOutboxDisk()
    }
    this.open()
  }

  private open(): void {
    this.outbox = new Outbox(this.disk, `${this.name}/${++this.openings}`, () => this.run.world.now)
  }

  acked(journaled: number, stable: number): void {
    const before = this.journaled.get(this.life) ?? 0
    this.journaled.set(this.life, Math.max(before, journaled, stable))
    check(stable <= (this.run.complete.get(this.life) ?? 0), `${this.life}: ${stable} is stable before an epoch has it`)
    this.outbox.drop(stable)
  }
}

/** A connection between a producer and a session, cut at any byte. */
export class Wire {
  private readonly run: Scene
  private readonly producer: Producer
  readonly rig: Rig
  private readonly session: ReturnType<NonNullable<Rig['source']>['session']>
  private readonly parser = new FrameParser(ackedFrameBytes(256))
  private up = true
  private welcomed = false
  private credit = 0
  private paused = false
  private toServer: Buffer[] = []
  private under = false

  constructor(run: Scene, producer: Producer, rig: Rig) {
    this.run = run
    this.producer = producer
    this.rig = rig
    this.session = rig.source!.session(
      'test',
      (bytes) => {
        run.world.at(run.world.now + 0.1, () => this.receive(Buffer.from(bytes)))
        return true
      },
      () => run.world.at(run.world.now + 0.2, () => this.cut()),
    )
    this.session.onRoom(() => {
      this.paused = false
      this.flow()
    })
    const identity = {
      producer: producer.name,
      incarnation: String(producer.incarnation),
      oldest: producer.outbox.oldest,
      ...producer.outbox.claim,
    }
    this.send(
      encodeAcked({
        kind: 'hello',
        newest: ackedVersions.newest,
        oldestVersion: 1,
        source: 'lines',
        token: '',
        ...identity,
      }),
    )
  }

  pump(): void {
    while (this.up && this.welcomed && this.credit > 0) {
      const batch = this.producer.outbox.peek()
      if (batch === null) return
      this.producer.outbox.sign()
      this.credit -= batch.body.length
      this.send(Buffer.concat([batch.head, batch.body]))
      this.producer.outbox.advance()
    }
  }

  private send(bytes: Buffer): void {
    this.toServer.push(bytes)
    this.flow()
  }

  private flow(): void {
    if (this.under) return
    this.under = true
    this.run.world.at(this.run.world.now + 0.1, () => {
      this.under = false
      this.deliver()
    })
  }

  private deliver(): void {
    if (!this.up || this.paused || this.rig.process.state !== 'running' || this.toServer.length === 0) return
    const bytes = this.toServer.shift()!
    const size = 1 + this.run.random.below(bytes.length)
    if (size < bytes.length) this.toServer.unshift(bytes.subarray(size))
    this.paused = !this.session.onBytes(bytes.subarray(0, size))
    this.flow()
  }

  private receive(bytes: Buffer): void {
    if (!this.up || this.producer.wire !== this) return
    this.parser.push(bytes, (frame) => {
      const { message } = readAcked(frame)
      const { outbox } = this.producer
      switch (message.kind) {
        case 'welcome':
          check(message.resumeAfter < outbox.next, `${this.producer.life}: welcomed behind its last record`)
          check(
            message.resumeAfter + 1 >= outbox.oldest,
            `${this.producer.life}: welcomed in front of its oldest record`,
          )
          outbox.rewind(message.resumeAfter)
          this.credit = message.credit
          this.welcomed = true
          this.producer.acked(0, message.stable)
          break
        case 'ack':
          this.producer.acked(message.journaled, message.stable)
          break
        case 'credit':
          this.credit += message.bytes
          break
        case 'rewind':
          outbox.rewind(message.resumeAfter)
          this.credit = message.credit
          this.send(encodeAcked({ kind: 'rewound', resumeAfter: message.resumeAfter }))
          break
        case 'redirect':
          this.cut()
          this.run.redirected(this.producer, message.worker, this.rig)
          break
        case 'refused':
          check(message.retryMs > 0, `${this.producer.life}: refused for good: ${message.code}`)
          this.run.refusals.push(`${this.producer.life}: ${message.code} ${message.reason}`)
          this.cut()
          break
      }
    })
    this.pump()
  }

  cut(): void {
    if (!this.up) return
    this.up = false
    if (this.producer.wire === this) this.producer.wire = null
    const { session } = this
    // The server hears of it at once, later, or never.
    if (this.run.random.chance(0.7)) {
      this.run.world.at(this.run.world.now + this.run.random.below(20), () => {
        if (this.rig.process.state === 'running') session.onClosed()
      })
    }
  }
}
