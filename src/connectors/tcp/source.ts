/**
 * Listens for producers: plain ones, whose records go to a lane each, and acknowledged ones, whose bytes go to a
 * session.
 */
import type { Connection } from '../../env/network.ts'
import type { SourceDescription } from '../../model/connector.ts'
import type { Door, JournaledSource, Listening, SourceContext } from '../connector.ts'
import { AckedPeer, type Peer, PlainPeer } from '../socket/peer.ts'
import { PeerRoom } from '../socket/peer-room.ts'
import type { TcpSourceSettings } from './describe.ts'

export const tcpSourceConnector: JournaledSource = {
  family: 'journaled',
  kind: 'tcp',
  at: ({ settings }) => settings as TcpSourceSettings,
  open,
}

function open(description: SourceDescription<unknown>, door: Door, context: SourceContext): Listening {
  const { host, port, protocol, idleMs } = description.settings as TcpSourceSettings
  const room = new PeerRoom(description, idleMs, context)
  const acked = protocol === 'acked'
  const accept = (connection: Connection): Peer | null =>
    room.accept((now) =>
      acked
        ? new AckedPeer(room, connection, now, door)
        : new PlainPeer(room, connection, now, door.lane(connection.remote)),
    )
  room.open({ host, port }, acked, (at, options, done) => context.env.network.listen(at, options, accept, done))
  return room
}
