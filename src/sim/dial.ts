/** How those outside reach a worker: by TCP, or by a WebSocket in which each `write` is a binary message. */
import { makeLimits } from '../base/limits.ts'
import { dialled } from '../connectors/websocket/wire.ts'
import type { Env } from '../env/env.ts'
import type { Address, Connection, ConnectionHandler } from '../env/network.ts'

export type Way = 'tcp' | 'websocket'

/** How long a handshake may take, in milliseconds. */
const HANDSHAKE_MS = 1000

const form = { binary: true, cut: false, refusesText: true }
const limits = makeLimits()

export function dialBy(way: Way, { network, http }: Env, at: Address, handler: ConnectionHandler): Connection {
  if (way === 'tcp') return network.dial(at, handler)
  const url = `ws://${at.host}:${at.port}/`
  return dialled(form, handler, (wire) => http.dialWebSocket({ url, limits, timeoutMs: HANDSHAKE_MS }, wire))
}
