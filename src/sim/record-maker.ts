/**
 * Somebody who makes records for a source that says what became of them, as an actor of a simulated run: what every
 * such sender is, whatever it speaks.
 *
 * P1. A record never changes its sequence within one incarnation; who loses the records that it keeps is another
 *     incarnation.
 * P2. `journaled` and `stable` of an incarnation are the highest that were ever said to it, also by a worker that has
 *     forgotten: that is what a checker holds the worker to.
 */
import type { Timer } from '../env/clock.ts'
import type { Address } from '../env/network.ts'
import type { Machine, SimProcess } from './world.ts'

/** Records that were made at once: up to `last`, at `ms`. */
export interface Burst {
  readonly last: number
  readonly ms: number
}

/** What one incarnation was told. */
export interface ProducerLife {
  readonly name: string
  /** Records made so far. */
  made: number
  journaled: number
  stable: number
  /** What it kept is gone: what was not acknowledged may be lost. */
  gone: boolean
  /** Under which names the worker knows it. */
  readonly producer: string
  readonly incarnation: string
  /** Its first record; those before are of the life whose outbox it has copied. */
  readonly first: number
  /** Somebody else has its records too. */
  copied: boolean
  /** When its records were made, by the world's time. */
  readonly bursts: Burst[]
}

/** When record `sequence` of `life` was made, or its first one after that; never where there is none. */
export function madeMs({ bursts }: ProducerLife, sequence: number): number {
  return bursts.find(({ last }) => last >= sequence)?.ms ?? Number.NEGATIVE_INFINITY
}

export abstract class RecordMaker {
  readonly lives: ProducerLife[] = []
  /** Answers that no worker may give to it. */
  readonly complaints: string[] = []
  /**
   * What was said to be on a disk and is not: fair only where a disk does not do what it says, or somebody is away with
   * it.
   */
  readonly forgotten: string[] = []
  protected readonly name: string
  /** Where it turns to first. */
  protected base: Address
  protected process: SimProcess | null = null
  protected timer: Timer | null = null
  private readonly home: Machine

  /** Whoever extends this begins the first life: with what it keeps. */
  constructor(machine: Machine, name: string, base: Address) {
    this.home = machine
    this.name = name
    this.base = base
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
    this.process = this.home.start(this.name)
    this.connect()
  }

  /** `kill -9`. With its memory goes what it keeps, unless that is on disk. */
  kill(keepsDisk: boolean): void {
    this.process?.kill()
    this.process = null
    this.timer = null
    if (!keepsDisk) this.beginAnew()
  }

  /** From now on it turns to that worker first, at once where it runs. */
  goTo(address: Address): void {
    this.base = address
    this.reconnect()
  }

  /** It has made `count` records more, now. */
  protected grow(count: number): void {
    const { life } = this
    life.made += count
    life.bursts.push({ last: life.made, ms: this.process!.worldMs })
  }

  /** How long ago record `sequence` of its life was made, in milliseconds. */
  protected ageOf(sequence: number): number {
    return this.process!.worldMs - madeMs(this.life, sequence)
  }

  /** Gives up what it waits for, and asks once more. */
  reconnect(): void {
    if (!this.running) return
    this.hangUp()
    this.connect()
  }

  /** Makes `count` records and sends what it may. */
  abstract produce(count: number): void

  protected abstract connect(): void

  /** Waits for nobody that it has asked. */
  protected abstract hangUp(): void

  /** Another incarnation (P1). */
  protected beginAnew(): void {
    this.life.gone = true
    this.begin()
  }

  protected begin(): void {
    const { name: producer } = this
    const name = `${producer}.${this.lives.length + 1}`
    const fresh = { made: 0, journaled: 0, stable: 0, gone: false, first: 1, copied: false }
    this.lives.push({ name, producer, incarnation: name, ...fresh, bursts: [] })
  }
}
