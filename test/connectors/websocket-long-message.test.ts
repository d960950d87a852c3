/** A WebSocket source on real sockets, to which a message comes piece by piece. */
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { webSocketSource } from '../../src/connectors/websocket/describe.ts'
import { webSocketSourceConnector } from '../../src/connectors/websocket/source.ts'
import { realEnv } from '../../src/env/real/env.ts'
import { openAtDoor } from './door.ts'

test('a source hears of a long message while it comes', async () => {
  const env = realEnv()
  const { sessions, source, listening } = openAtDoor(
    webSocketSourceConnector,
    webSocketSource({ port: 0, protocol: 'acked', idleMs: 60_000 }),
    env,
  )
  onTestFinished(() => source.close())
  await expect.poll(() => listening.length).toBe(1)
  const socket = new WebSocket(`ws://${listening[0]}/`)
  await once(socket, 'open')
  for (let i = 0; i < 3; i++) {
    socket.send(Buffer.alloc(1000), { fin: false })
    await expect.poll(() => sessions[0]?.parts).toBe(i + 1)
  }
  expect(sessions[0]!.heard).toEqual([])
  socket.send('', { binary: true })
  await expect.poll(() => sessions[0]!.heard.length).toBe(1)
  socket.terminate()
})
