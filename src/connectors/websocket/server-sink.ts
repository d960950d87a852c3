/** Listens for subscribers that speak WebSocket and writes to all of them. */
import { WHOLE_MESSAGES } from '../../model/framing.ts'
import type { SinkConnector } from '../connector.ts'
import { ServerWriter } from '../socket/server-writer.ts'
import { Sparing } from '../sparing.ts'
import { WEBSOCKET_SERVER, type WebSocketServerSinkSettings } from './describe.ts'
import { Reception } from './reception.ts'
import { accepted } from './wire.ts'

export const webSocketServerSinkConnector: SinkConnector = {
  kind: WEBSOCKET_SERVER,
  // A subscriber of one worker would see a part of the output only.
  parallel: () => false,
  open: (description, context) => {
    const settings = description.settings as WebSocketServerSinkSettings
    const { host, port, messages } = settings
    const cut = description.framing?.kind === WHOLE_MESSAGES
    const form = { binary: messages === 'binary', cut, refusesText: false }
    const { limits, env, step } = context
    const reception = new Reception(context, settings)
    const told = new Sparing(env.clock)
    return new ServerWriter(settings, context, {
      whole: true,
      listen: (accept, done) =>
        env.http.serve(
          { host, port },
          { limits },
          {
            onRequest: (call) => reception.explain(call),
            onUpgrade: (head) => {
              const answer = reception.turnAway(head)
              if (answer !== null) return answer
              return (socket) => accepted(form, socket, accept)
            },
            onRefused: () => {},
            onExpelled: (remote, reason) => {
              if (told.isNews(reason)) env.log.info('sink-expelled', { step, remote, reason })
            },
          },
          done,
        ),
    })
  },
}
