/**
 * Records that carry the time at which they were to be sent, and the rows that carry it back.
 *
 * The number of a record is its intended time in microseconds of this process's clock. A sender that is late, or is
 * made to wait, sends the same numbers later: the delay counts, as it would for a producer that does not wait for
 * anybody.
 */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { Prng } from '../../src/base/prng.ts'
import type { Client } from '../../src/client.ts'

const NEWLINE = 10
const COMMA = 44
const ZERO = 48
const SMALL_A = 97

/** Microseconds of this process's clock. */
export function nowMicros(): number {
  return Math.round(performance.now() * 1000)
}

/** Takes rows `key => [a,b,c,d]` from workers that dial, and gives `d` of each to `take`, and where its key begins. */
export class RowReceiver {
  /** Rows so far. */
  rows = 0
  take: (number: number, bytes: Buffer, at: number) => void = () => {}
  private readonly server = createServer((socket) => this.accept(socket))
  private readonly sockets = new Set<Socket>()
  private waiting: { readonly rows: number; readonly resolve: () => void } | null = null

  /** Listens on a free port and answers it. */
  async listen(): Promise<number> {
    this.server.listen(0, '127.0.0.1')
    await once(this.server, 'listening')
    return (this.server.address() as AddressInfo).port
  }

  async until(rows: number): Promise<void> {
    if (this.rows >= rows) return
    await new Promise<void>((resolve) => {
      this.waiting = { rows, resolve }
    })
  }

  close(): void {
    this.server.close()
    for (const socket of this.sockets) socket.destroy()
  }

  private accept(socket: Socket): void {
    this.sockets.add(socket)
    let rest: Buffer = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      const used = this.read(bytes)
      rest = used === bytes.length ? Buffer.alloc(0) : Buffer.from(bytes.subarray(used))
      if (this.waiting === null || this.rows < this.waiting.rows) return
      this.waiting.resolve()
      this.waiting = null
    })
    socket.on('error', () => {})
    socket.on('close', () => this.sockets.delete(socket))
  }

  /** Takes all whole rows of `bytes`; answers the offset after the last one. */
  private read(bytes: Buffer): number {
    let start = 0
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      // From the digit before the closing bracket back to the last comma.
      let number = 0
      let unit = 1
      for (let at = end - 2; bytes[at] !== COMMA; at--) {
        number += (bytes[at]! - ZERO) * unit
        unit *= 10
      }
      this.rows++
      this.take(number, bytes, start)
      start = end + 1
    }
    return start
  }
}

/** Keys that all have the same length. */
export function keyOf(n: number): string {
  return `key-${(n + 36 ** 4).toString(36)}`
}

/** The number of the key that stands at `at`. */
export function keyNumberAt(bytes: Buffer, at: number): number {
  let n = 0
  for (let i = at + 4; i < at + 9; i++) n = 36 * n + bytes[i]! - (bytes[i]! >= SMALL_A ? SMALL_A - 10 : ZERO)
  return n - 36 ** 4
}

/** Sends one record for each of `keys` keys; resolves when the client has taken them. */
export async function sendAllKeys(client: Client, keys: number): Promise<void> {
  const BATCH = 1000
  for (let n = 0; n < keys; n += BATCH) {
    await client.send(Array.from({ length: Math.min(BATCH, keys - n) }, (_, i) => `${keyOf(n + i)},0`))
  }
}

/**
 * Sends `perSecond` records, about once a millisecond what is due then, until stopped. Their keys are drawn evenly, or
 * come in turn from number `first` on where that is given.
 */
export class PacedSender {
  /** How late the sender itself came to a record at most, in milliseconds. */
  latestMs = 0
  sent = 0
  private readonly client: Client
  private readonly keys: readonly string[]
  private readonly perSecond: number
  private readonly first: number | null
  private readonly chance = new Prng(11)
  private readonly startedMs = performance.now()
  private timer: NodeJS.Timeout | null = null

  constructor(client: Client, keys: readonly string[], perSecond: number, first: number | null = null) {
    this.client = client
    this.keys = keys
    this.perSecond = perSecond
    this.first = first
    this.timer = setTimeout(this.tick, 1)
  }

  stop(): void {
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
  }

  private readonly tick = (): void => {
    this.timer = setTimeout(this.tick, 1)
    const { keys, chance, startedMs, perSecond, first } = this
    const now = performance.now()
    const due = Math.floor(((now - startedMs) * perSecond) / 1000)
    if (due <= this.sent) return
    this.latestMs = Math.max(this.latestMs, now - startedMs - (this.sent * 1000) / perSecond)
    const records: string[] = []
    for (; this.sent < due; this.sent++) {
      const micros = Math.round((startedMs + (this.sent * 1000) / perSecond) * 1000)
      const n = first === null ? chance.below(keys.length) : (first + this.sent) % keys.length
      records.push(`${keys[n]!},${micros}`)
    }
    // An open loop: what finds no room waits in the client, and its delay counts.
    this.client.send(records).catch(() => {})
  }
}

const BUCKET_MICROS = 10
const BUCKETS = 500_000

/** Delays by buckets of ten microseconds, up to five seconds. */
export class Delays {
  count = 0
  maxMicros = 0
  private readonly buckets = new Uint32Array(BUCKETS)

  add(micros: number): void {
    this.count++
    if (micros > this.maxMicros) this.maxMicros = micros
    this.buckets[Math.min(BUCKETS - 1, Math.max(0, Math.floor(micros / BUCKET_MICROS)))]!++
  }

  /** The delay that the share `quantile` of all does not exceed, in milliseconds. */
  quantileMs(quantile: number): number {
    const wanted = Math.ceil(this.count * quantile)
    let seen = 0
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.buckets[bucket]!
      if (seen >= wanted) return ((bucket + 1) * BUCKET_MICROS) / 1000
    }
    return this.maxMicros / 1000
  }
}
