/** What a contract suite needs of a world, so that it says the same of the real one and of the simulated one. */
import type { DiskError } from '../../src/env/disk.ts'
import type { Env } from '../../src/env/env.ts'
import type { Address, Connection, ConnectionHandler, Listener, NetworkError } from '../../src/env/network.ts'

export interface Fixture {
  readonly env: Env
  /** A directory of the test's own. */
  readonly folder: string
  /** Waits until `condition` holds. Whoever makes it hold calls `changed`. */
  until(condition: () => boolean): Promise<void>
  changed(): void
  close(): void
}

/** Calls `begin` and waits for what it reports. Fails where the report comes inside the call (N2, K1). */
export async function call<T>(on: Fixture, begin: (report: (value: T) => void) => void): Promise<T> {
  let reported: { value: T } | null = null
  let inside = true
  let early = false
  begin((value) => {
    if (inside) early = true
    if (reported !== null) throw new Error('a callback ran twice')
    reported = { value }
    on.changed()
  })
  inside = false
  await on.until(() => reported !== null)
  if (early) throw new Error('a callback ran inside the call')
  return (reported as unknown as { value: T }).value
}

/** The value of a disk operation; throws its error. */
export async function value<T>(
  on: Fixture,
  begin: (done: (error: DiskError | null, value: T) => void) => void,
): Promise<T> {
  const [error, result] = await call<[DiskError | null, T]>(on, (report) => begin((e, v) => report([e, v])))
  if (error !== null) throw error
  return result
}

/** The code of the error of a disk operation, or `'none'`. */
export async function failure(on: Fixture, begin: (done: (error: DiskError | null) => void) => void): Promise<string> {
  const error = await call<DiskError | null>(on, begin)
  return error?.code ?? 'none'
}

/** A handler that keeps all it hears, and notices callbacks inside calls (N2). */
export class Ear implements ConnectionHandler {
  readonly said: string[] = []
  chunks = 0
  drains = 0
  error: NetworkError | null = null
  /** Is set while a call into the network runs. */
  static inside = false
  private readonly parts: Buffer[] = []
  private readonly on: Fixture
  private readonly reaction: (bytes: Buffer) => void

  constructor(on: Fixture, reaction: (bytes: Buffer) => void = () => {}) {
    this.on = on
    this.reaction = reaction
  }

  get bytes(): Buffer {
    return Buffer.concat(this.parts)
  }

  get closed(): boolean {
    return this.said.includes('closed')
  }

  get ended(): boolean {
    return this.said.includes('end')
  }

  onOpen(): void {
    this.hear('open')
  }

  onBytes(chunk: Buffer): void {
    this.chunks++
    this.parts.push(Buffer.from(chunk))
    if (this.said.at(-1) !== 'bytes') this.hear('bytes')
    this.reaction(chunk)
    this.on.changed()
  }

  onEnd(): void {
    this.hear('end')
  }

  onDrain(): void {
    this.drains++
    this.on.changed()
  }

  onClosed(error: NetworkError | null): void {
    this.error = error
    this.hear('closed')
  }

  private hear(word: string): void {
    if (Ear.inside) throw new Error(`N2: ${word} inside a call`)
    this.said.push(word)
    this.on.changed()
  }
}

/** Runs `act`, a call into the network, with the ears open for callbacks inside it. */
export function quietly<T>(act: () => T): T {
  Ear.inside = true
  try {
    return act()
  } finally {
    Ear.inside = false
  }
}

export interface Pair {
  readonly listener: Listener
  readonly near: Connection
  readonly nearEar: Ear
  readonly far: Connection
  readonly farEar: Ear
}

export const here: Address = { host: '127.0.0.1', port: 0 }

export function listen(
  on: Fixture,
  accept: (connection: Connection) => ConnectionHandler | null,
  at: Address = here,
  reusePort = false,
): Promise<{ error: NetworkError | null; listener: Listener | null }> {
  return call(on, (report) =>
    on.env.network.listen(at, { reusePort }, accept, (error, listener) => report({ error, listener })),
  )
}

/** Two ends of a connection that stands. */
export async function pair(
  on: Fixture,
  react: { near?: (bytes: Buffer) => void; far?: (bytes: Buffer) => void } = {},
): Promise<Pair> {
  let far: Connection | null = null
  const farEar = new Ear(on, react.far)
  const { listener } = await listen(on, (connection) => {
    far = connection
    on.changed()
    return farEar
  })
  const nearEar = new Ear(on, react.near)
  const near = quietly(() => on.env.network.dial(listener!.address, nearEar))
  await on.until(() => far !== null && nearEar.said.length > 0)
  return { listener: listener!, near, nearEar, far: far!, farEar }
}
