/**
 * A sender that speaks no protocol but its framing, as an actor of a simulated run: what sat in a socket when something
 * died is lost, and every connection is a stream of its own.
 */
import type { Address, Connection, ConnectionHandler } from '../env/network.ts'
import { dialBy, type Way } from './dial.ts'
import type { Machine, SimProcess } from './world.ts'

export interface SenderOptions {
  readonly name: string
  readonly address: Address
  readonly by?: Way
  /** Longest wait between two attempts, in milliseconds. */
  readonly patienceMs: number
  /** Makes record `sequence` of the connection `life`, in its frame. */
  readonly record: (life: string, sequence: number) => Uint8Array
}

/** What was sent through one connection. */
export interface SenderLife {
  readonly name: string
  made: number
}

/** Who looks after the connections of a sender. */
export interface SenderWatch {
  /** One with `host` stands. */
  opened(host: string): void
  /** It has ended, and not by its sender. */
  lost(): void
}

export class SimSender implements ConnectionHandler {
  readonly lives: SenderLife[] = []
  watch: SenderWatch | null = null
  private readonly home: Machine
  private readonly options: SenderOptions
  /** Where it dials, and the host to which it has. */
  private address: Address
  private dialled = ''
  private process: SimProcess | null = null
  private connection: Connection | null = null
  private open = false
  private blocked = false
  private ended = false
  /** It has given its connection up itself. */
  private gaveUp = false

  constructor(machine: Machine, options: SenderOptions) {
    this.home = machine
    this.options = options
    this.address = options.address
  }

  get life(): SenderLife | null {
    return this.open ? this.lives.at(-1)! : null
  }

  /** The name of its machine. */
  get machine(): string {
    return this.home.name
  }

  start(): void {
    this.process = this.home.start(this.options.name)
    this.dial()
  }

  kill(): void {
    this.process?.kill()
    this.process = null
    this.connection = null
    this.open = false
  }

  /** Sends `count` records, if there is a connection that takes them. */
  produce(count: number): void {
    const { life } = this
    if (life === null || this.blocked || this.process?.state !== 'running') return
    const parts: Uint8Array[] = []
    for (let i = 0; i < count; i++) parts.push(this.options.record(life.name, ++life.made))
    this.blocked = !this.connection!.write(Buffer.concat(parts))
  }

  /** Gives the connection up at once and makes another. */
  reconnect(): void {
    this.gaveUp = true
    this.connection?.destroy()
  }

  /** From now on it dials there; `stays`: once what stands has ended. */
  goTo(address: Address, stays = false): void {
    this.address = address
    if (!stays) this.reconnect()
  }

  onOpen(): void {
    this.open = true
    this.lives.push({ name: `${this.options.name}.${this.lives.length + 1}`, made: 0 })
    this.watch?.opened(this.dialled)
  }

  onBytes(): void {}

  onEnd(): void {
    // Nothing is sent behind the end.
    this.ended = true
    this.blocked = true
    this.connection?.end()
  }

  onDrain(): void {
    this.blocked = this.ended
  }

  onClosed(): void {
    if (this.open && !this.gaveUp) this.watch?.lost()
    this.open = false
    const { clock, random } = this.process!.env
    clock.after(1 + random.below(this.options.patienceMs), () => this.dial())
  }

  private dial(): void {
    this.blocked = false
    this.ended = false
    this.gaveUp = false
    this.dialled = this.address.host
    this.connection = dialBy(this.options.by ?? 'tcp', this.process!.env, this.address, this)
  }
}
