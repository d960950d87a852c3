/** A connection by TCP. */
import { createConnection } from 'node:net'
import { reasonOf } from '../base/reason.ts'
import { CLOSING_MS, type Dial } from './transport.ts'

export const dialTcp: Dial = ({ host, port }, events) => {
  const socket = createConnection({ host, port, noDelay: true })
  socket.on('connect', () => events.onOpen())
  socket.on('data', (chunk: Buffer) => events.onBytes(chunk))
  socket.on('drain', () => events.onRoom())
  socket.on('error', (error) => events.onEnd(reasonOf(error)))
  socket.on('close', () => events.onEnd('the worker closed the connection'))
  return {
    write: (bytes) => socket.write(bytes),
    cork: () => socket.cork(),
    uncork: () => socket.uncork(),
    end() {
      socket.end()
      socket.unref()
      setTimeout(() => socket.destroy(), CLOSING_MS).unref()
    },
    destroy: () => socket.destroy(),
  }
}
