/** What carries the bytes of one connection to a worker: a socket of Node's, or a WebSocket. */
import type { Address } from './options.ts'

/** How long the other side of a connection that has said goodbye may take to close it. */
export const CLOSING_MS = 2000

export interface Transport {
  /** Sends `bytes`, which nobody changes any more. `false`: stop until `onRoom`. */
  write(bytes: Uint8Array): boolean
  /** What is written between the two may be sent in one piece. */
  cork(): void
  uncork(): void
  /** Sends what was written, then closes; nothing is reported any more. */
  end(): void
  /** Closes at once. */
  destroy(): void
}

/** None of them is called inside `dial` or a call of the transport. */
export interface TransportEvents {
  onOpen(): void
  onBytes(chunk: Buffer): void
  onRoom(): void
  /** It is over; nothing follows. */
  onEnd(reason: string): void
}

/** Where a worker is: an address, and for a WebSocket its URL. */
export interface Target extends Address {
  readonly url: string | null
}

export type Dial = (target: Target, events: TransportEvents) => Transport

export function addressOf({ host, port }: Target): Address {
  return { host, port }
}

/** The same way to another worker: by a WebSocket it has the same path. */
export function elsewhere({ url }: Target, host: string, port: number): Target {
  if (url === null) return { host, port, url }
  const other = new URL(url)
  other.hostname = host.includes(':') ? `[${host}]` : host
  other.port = String(port)
  return { host, port, url: other.href }
}
