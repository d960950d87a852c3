/**
 * A connection by a WebSocket: the bytes go in binary messages, whose borders mean nothing.
 *
 * A WebSocket does not say when it has room again; it is looked at from time to time, and whenever something comes.
 */
import type { Dial, Transport, TransportEvents } from './transport.ts'

/** Beyond so many bytes in its queue a WebSocket is full. */
const HIGH_WATER_BYTES = 256 << 10
const LOOK_MS = 5

/**
 * A WebSocket of a browser's, which lets go of a worker that answers nothing in its own time; or one that can be told
 * to.
 */
export type AnyWebSocket = WebSocket & { terminate?(): void }

/** Dials by the WebSockets that `open` makes. */
export function webSocketDial(open: (url: string) => AnyWebSocket): Dial {
  return ({ url }, events) => dialBy(open, url!, events)
}

function dialBy(open: (url: string) => AnyWebSocket, url: string, events: TransportEvents): Transport {
  let socket: AnyWebSocket
  try {
    socket = open(url)
  } catch (error) {
    // A page that came by https may open no ws:, for one.
    const { message } = error as Error
    queueMicrotask(() => events.onEnd(message))
    return lost
  }
  let opened = false
  let blocked = false
  let timer: ReturnType<typeof setTimeout> | null = null
  const look = (): void => {
    if (!blocked) return
    if (socket.bufferedAmount >= HIGH_WATER_BYTES) {
      timer ??= setTimeout(() => {
        timer = null
        look()
      }, LOOK_MS)
      return
    }
    blocked = false
    events.onRoom()
  }
  const letGo = (): void => {
    if (timer !== null) clearTimeout(timer)
    blocked = false
    socket.onopen = socket.onmessage = socket.onclose = null
  }
  socket.binaryType = 'arraybuffer'
  // Its end says it all.
  socket.onerror = () => {}
  socket.onopen = () => {
    opened = true
    events.onOpen()
  }
  socket.onmessage = ({ data }) => {
    // Text is for the parser to refuse.
    events.onBytes(typeof data === 'string' ? Buffer.from(new TextEncoder().encode(data).buffer) : Buffer.from(data))
    look()
  }
  socket.onclose = ({ code, reason }) => {
    letGo()
    // A browser tells its page no more of a dial that failed: nobody there, another path, another site's page.
    const closed = `the WebSocket closed${reason === '' ? '' : `: ${reason}`} (code ${code})`
    events.onEnd(opened ? closed : `nobody takes a WebSocket at ${url}`)
  }
  return {
    write(bytes) {
      if (socket.readyState !== socket.OPEN) return true
      socket.send(bytes as Uint8Array<ArrayBuffer>)
      if (!blocked && socket.bufferedAmount >= HIGH_WATER_BYTES) {
        blocked = true
        queueMicrotask(look)
      }
      return !blocked
    },
    cork() {},
    uncork() {},
    end() {
      letGo()
      socket.close()
    },
    destroy() {
      letGo()
      // A farewell would be waited for, and a worker that has answered nothing does not answer that either.
      if (socket.terminate === undefined) socket.close()
      else socket.terminate()
    },
  }
}

/** A connection that never was. */
const lost: Transport = { write: () => true, cork() {}, uncork() {}, end() {}, destroy() {} }
