/**
 * A receiver of acked sinks on the simulated network: the intake of `potoroo/client`, and a disk that it keeps over its
 * deaths. What it hands over and what it writes down are one step: what came of a record is there, or the record comes
 * again. Its notes reach the disk in the order in which they were made; those under way when it dies are lost.
 */
import { makeLimits } from '../../src/base/limits.ts'
import type { Caller } from '../../src/client/receiver/caller.ts'
import { Intake, type Keeper, type SinkName } from '../../src/client/receiver/intake.ts'
import { accepted } from '../../src/connectors/websocket/wire.ts'
import type { Address, Connection, ConnectionHandler } from '../../src/env/network.ts'
import type { Machine, SimProcess } from '../../src/sim/world.ts'

const SYNC_MS = 3
const KEEP_ALIVE_MS = 5000
export const PORT = 7002

/** What a receiver writes down, in order. */
type Note =
  | {
      readonly kind: 'entry'
      readonly name: SinkName
      readonly after: number
      readonly ids: readonly string[]
      readonly written: () => void
    }
  | {
      readonly kind: 'moved'
      readonly name: SinkName
      readonly generation: number
      readonly base: number
      readonly floor: number
    }

/** Something that was handed over. */
export interface Handed {
  readonly id: string
  readonly text: string
}

export interface ReceiverOptions {
  readonly port?: number
  readonly by?: 'tcp' | 'websocket'
  readonly keepAliveMs?: number
  readonly token?: string
  readonly remember?: number
  readonly creditBytes?: number
  /** What it keeps is lost when it dies. */
  readonly forgetful?: boolean
  /** Plants a fault. */
  readonly mutate?: (keeper: Keeper) => Keeper
}

export class SimReceiver {
  /** What was handed over, in order. */
  readonly handed: Handed[] = []
  intake!: Intake
  process!: SimProcess
  /** Nothing is kept while it is true: the disk hangs. */
  stuck = false
  private notes: Note[] = []
  /** Not on the disk yet. */
  private writing: Note[] = []
  private lives = 0
  private readonly host: Machine
  private readonly options: ReceiverOptions

  constructor(machine: Machine, options: ReceiverOptions = {}) {
    this.host = machine
    this.options = options
    this.start()
  }

  get machine(): string {
    return this.host.name
  }

  get texts(): string[] {
    return this.handed.map(({ text }) => text)
  }

  kill(): void {
    this.process.kill()
    this.writing = []
    if (this.options.forgetful === true) this.notes = []
  }

  stop(): void {
    this.process.stop()
  }

  continue(): void {
    this.process.continue()
  }

  start(): void {
    if (this.lives > 0 && this.process.state !== 'dead') return
    const process = this.host.start(`receiver-${++this.lives}`)
    const { mutate, by, port = PORT, token = '', remember = 1_000_000, creditBytes = 4000 } = this.options
    const { keepAliveMs = KEEP_ALIVE_MS } = this.options
    this.process = process
    const keeper = this.keeper(process)
    const intake = new Intake(
      { name: 'r', token, creditBytes, recordBytes: 1 << 20, keepAliveMs, remember },
      mutate?.(keeper) ?? keeper,
    )
    this.intake = intake
    this.remember(intake)
    const look = (): void => {
      intake.tick()
      process.env.clock.after(keepAliveMs, look)
    }
    look()
    listenAt(process, { host: this.machine, port }, by ?? 'tcp', intake)
  }

  /** Writes entries down and hands them over, some time later. */
  private keeper(process: SimProcess): Keeper {
    const { clock } = process.env
    const sync = (upTo: Note): void => {
      if (this.stuck) return void clock.after(SYNC_MS, () => sync(upTo))
      const written = this.writing.splice(0, this.writing.indexOf(upTo) + 1)
      for (const note of written) {
        this.notes.push(note)
        if (note.kind === 'entry') note.written()
      }
    }
    return {
      keep: ({ stream, after, records, again }, kept, handled) => {
        const written = (): void => {
          for (const { id, bytes } of records) this.handed.push({ id, text: bytes.toString() })
          kept()
          handled()
        }
        const ids = [...records.map(({ id }) => id), ...again]
        const note: Note = { kind: 'entry', name: stream.name, after, ids, written }
        this.writing.push(note)
        clock.after(SYNC_MS, () => sync(note))
      },
      moved: ({ name, memory: { generation, base, floorEpoch: floor } }) =>
        this.writing.push({ kind: 'moved', name, generation, base, floor }),
      refused() {},
    }
  }

  /** What an earlier life has written down. */
  private remember(intake: Intake): void {
    for (const note of this.notes) {
      const { memory } = intake.stream(note.name)
      if (note.kind === 'entry') for (const id of note.ids) memory.take(id, note.after)
      else {
        if (memory.generation !== note.generation || memory.base !== note.base) memory.begin(note.generation, note.base)
        memory.floor(note.floor)
      }
    }
  }
}

/** Takes sinks in at `at`. */
export function listenAt(
  { env: { network, http } }: SimProcess,
  at: Address,
  by: 'tcp' | 'websocket',
  intake: Intake,
): void {
  if (by === 'tcp') {
    network.listen(
      at,
      {},
      (connection) => callerOf(intake, connection),
      () => {},
    )
    return
  }
  const refuse = () => ({ status: 404 })
  http.serve(
    at,
    { limits: makeLimits() },
    {
      onRequest: () => ({ onBytes() {}, onEnd() {}, onClosed() {} }),
      onUpgrade: (head) =>
        head.target === '/in'
          ? (socket) =>
              accepted({ binary: true, cut: false, refusesText: true }, socket, (wire) => callerOf(intake, wire))
          : refuse(),
      onRefused() {},
      onExpelled() {},
    },
    () => {},
  )
}

function callerOf(intake: Intake, connection: Connection): ConnectionHandler {
  // What is still said to who has ended is lost, as it is on a socket.
  let ended = false
  const end = (): void => {
    ended = true
    connection.end()
  }
  const caller: Caller = intake.connect({
    send: (bytes) => {
      if (!ended) connection.write(bytes)
      return connection.queued
    },
    close: end,
  })
  return {
    onOpen() {},
    onBytes: (chunk) => caller.onBytes(chunk),
    onEnd: end,
    onDrain() {},
    onClosed: () => caller.onClosed(),
  }
}
