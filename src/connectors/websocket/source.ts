/**
 * Listens for producers that speak WebSocket: plain ones, whose messages are records or hold some, and acknowledged
 * ones, whose binary messages are one stream of bytes to a session.
 */
import type { HttpHandler } from '../../env/http.ts'
import type { SourceDescription } from '../../model/connector.ts'
import type { Door, JournaledSource, Listening, SourceContext } from '../connector.ts'
import { AckedPeer } from '../socket/peer.ts'
import { PeerRoom } from '../socket/peer-room.ts'
import { WEBSOCKET, type WebSocketSourceSettings } from './describe.ts'
import { MessagePeer } from './peer.ts'
import { Reception } from './reception.ts'
import { accepted } from './wire.ts'

export const webSocketSourceConnector: JournaledSource = {
  family: 'journaled',
  kind: WEBSOCKET,
  at: ({ settings }) => settings as WebSocketSourceSettings,
  open,
}

function open(description: SourceDescription<unknown>, door: Door, context: SourceContext): Listening {
  const settings = description.settings as WebSocketSourceSettings
  const { host, port, idleMs } = settings
  const acked = settings.protocol === 'acked'
  const room = new PeerRoom(description, idleMs, context)
  const reception = new Reception(context, settings)
  const handler: HttpHandler = {
    onRequest: (call) => reception.explain(call),
    onUpgrade: (head) => {
      const answer = reception.turnAway(head)
      if (answer !== null) {
        room.status.expelled++
        return answer
      }
      return (socket) =>
        accepted({ binary: true, cut: false, refusesText: acked }, socket, (wire) =>
          room.accept((now) =>
            acked ? new AckedPeer(room, wire, now, door) : new MessagePeer(room, wire, now, door.lane(wire.remote)),
          ),
        )
    },
    onRefused: () => room.refuse(),
    onExpelled: (remote, reason) => room.expelled({ remote }, reason),
  }
  const { limits, env } = context
  room.open({ host, port }, acked, (at, { reusePort }, done) =>
    env.http.serve(at, { limits, reusePort }, handler, done),
  )
  return room
}
