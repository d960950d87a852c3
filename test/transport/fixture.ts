/** Two workers on a simulated network, and one that says what it likes. */
import { ByteReader, ByteWriter } from '../../src/base/bytes.ts'
import type { PotorooError } from '../../src/base/errors.ts'
import { type Limits, makeLimits } from '../../src/base/limits.ts'
import type { Connection, ConnectionHandler } from '../../src/env/network.ts'
import { FrameParser } from '../../src/protocol/frame.ts'
import { linkMessages } from '../../src/protocol/messages.ts'
import { calm, type NetworkWeather } from '../../src/sim/weather.ts'
import { type Machine, type SimProcess, World } from '../../src/sim/world.ts'
import type { Identity, Program } from '../../src/transport/handshake.ts'
import type { Inlet } from '../../src/transport/inlet.ts'
import type { ChannelMarker, Outlet } from '../../src/transport/outlet.ts'
import { type Member, Switchboard } from '../../src/transport/switchboard.ts'
import { type ControlMessage, encodeFrame, type LinkMessage } from '../../src/transport/wire.ts'

export const PORT = 7100
export const CHANNEL = { pipeline: 1, channel: 5 }
export const PROGRAMS: readonly Program[] = [{ pipeline: 1, hash: 'h1' }]

export const testLimits = makeLimits({
  channelCreditBytes: 1000,
  linkGraceMs: 4000,
  linkPingMs: 100,
  linkDialTimeoutMs: 500,
  linkStartMs: 10_000,
  linkRetryMs: 300,
  linkGreetings: 4,
})

export interface Lost {
  readonly worker: string
  readonly error: PotorooError
}

/** A worker: its switchboard and what it has heard. */
export class Office {
  readonly machine: Machine
  readonly world: World
  readonly name: string
  readonly limits: Limits
  process!: SimProcess
  board!: Switchboard
  incarnation!: string
  said: { worker: string; message: ControlMessage; body: string }[] = []
  lost: Lost[] = []
  interrupted: string[] = []
  refused: Lost[] = []
  newer: number[] = []
  knocked: string[] = []
  damaged: string[] = []
  onLost: () => void = () => {}

  constructor(world: World, name: string, limits: Limits) {
    this.world = world
    this.name = name
    this.limits = limits
    this.machine = world.machine(name, { checked: true })
  }

  start(changes: Partial<Identity> = {}): this {
    this.process = this.machine.start(this.name)
    const { env } = this.process
    this.incarnation = env.random.id()
    const { name: worker, incarnation } = this
    const identity = { cluster: 'c', token: 'secret', worker, incarnation, build: '1', ...changes }
    this.board = new Switchboard(env, identity, this.limits, {
      control: (from, message, body) =>
        this.said.push({ worker: from, message, body: body.bytes(body.remaining).toString() }),
      interrupted: (by) => this.interrupted.push(by),
      lost: (lost, error) => {
        this.lost.push({ worker: lost, error })
        this.onLost()
      },
      refused: (by, error) => this.refused.push({ worker: by, error }),
      newer: (generation) => this.newer.push(generation),
      knocked: (by) => this.knocked.push(by),
      damaged: (by) => this.damaged.push(by),
    })
    this.board.listen({ host: this.name, port: PORT }, (error) => {
      if (error !== null) throw error
    })
    return this
  }

  get member(): Member {
    return { worker: this.name, incarnation: this.incarnation, address: { host: this.name, port: PORT } }
  }

  get linked(): boolean {
    return this.board.status.every((peer) => peer.linked)
  }

  tell(to: Office, epoch: number): void {
    this.board.send(to.name, { kind: 'epochAbandoned', pipeline: 1, epoch })
  }

  get epochs(): number[] {
    return this.said.map(({ message }) => (message as { epoch: number }).epoch)
  }

  outlet(to: Office, address = CHANNEL): Outlet<Uint8Array> {
    return this.board.outlet<Uint8Array>(to.name, address, (writer, batch) => writer.bytes(batch))
  }

  /** Opens a channel that keeps what comes, as texts, and takes nothing. */
  inlet(from: Office, address = CHANNEL): { inlet: Inlet; came: (string | ChannelMarker)[]; bytes: number[] } {
    const came: (string | ChannelMarker)[] = []
    const bytes: number[] = []
    const inlet = this.board.inlet(from.name, address, {
      batch: (reader, size) => {
        came.push(reader.bytes(reader.remaining).toString())
        bytes.push(size)
      },
      mark: (marker) => came.push({ ...marker }),
    })
    return { inlet, came, bytes }
  }
}

export interface Stage {
  readonly world: World
  readonly a: Office
  readonly b: Office
}

/** Two workers, `a` with the lower id. They are not in any generation yet. */
export function stage(network: Partial<NetworkWeather> = {}, limits: Limits = testLimits, seed = 1): Stage {
  const world = new World(seed, { ...calm, network: { ...calm.network, retransmitMs: 10, ...network } })
  return { world, a: new Office(world, 'a', limits).start(), b: new Office(world, 'b', limits).start() }
}

/** Both activate `generation`. */
export function activate({ a, b }: Stage, generation = 1): void {
  for (const one of [a, b]) one.board.activate(generation, [a.member, b.member], PROGRAMS)
}

/** Two workers that are linked. */
export function linkedStage(network: Partial<NetworkWeather> = {}, limits: Limits = testLimits, seed = 1): Stage {
  const on = stage(network, limits, seed)
  activate(on)
  if (!on.world.runUntil(() => on.a.linked && on.b.linked, 2000)) throw new Error('they do not link')
  return on
}

/** A program that dials a worker and says what it likes. */
export class Raw implements ConnectionHandler {
  readonly heard: LinkMessage[] = []
  closed = false
  generation = 0
  private readonly connection: Connection
  private readonly writer = new ByteWriter()
  private readonly parser = new FrameParser(1 << 20)

  constructor(from: SimProcess, to: string) {
    this.connection = from.env.network.dial({ host: to, port: PORT }, this)
  }

  say(message: LinkMessage, sequence = 0, body: (writer: ByteWriter) => void = () => {}): void {
    const place = { version: 1, generation: this.generation, sequence }
    this.connection.write(encodeFrame(this.writer, message, place, 1 << 20, body))
  }

  write(bytes: Uint8Array): void {
    this.connection.write(bytes)
  }

  pause(): void {
    this.connection.pause()
  }

  resume(): void {
    this.connection.resume()
  }

  onOpen(): void {}
  onBytes(chunk: Buffer): void {
    this.parser.push(chunk, (frame) => {
      this.heard.push(linkMessages.read(frame.tag, new ByteReader(frame.payload), 1))
    })
  }
  onEnd(): void {
    this.closed = true
    this.connection.end()
  }
  onDrain(): void {}
  onClosed(): void {
    this.closed = true
  }
}
