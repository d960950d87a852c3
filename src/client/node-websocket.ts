/**
 * A connection by a WebSocket in Node: its own cannot be let go of where the other side answers nothing, those of `ws`
 * can.
 */
import { WebSocket } from 'ws'
import { CLOSING_MS } from './transport.ts'
import { type AnyWebSocket, webSocketDial } from './websocket.ts'

const ways = { perMessageDeflate: false, closeTimeout: CLOSING_MS }

export const dialNodeWebSocket = webSocketDial((url) => new WebSocket(url, ways) as unknown as AnyWebSocket)
