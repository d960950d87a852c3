/** Listens for subscribers and writes to all of them. */
import type { SinkConnector } from '../connector.ts'
import { ServerWriter } from '../socket/server-writer.ts'
import { TCP_SERVER, type TcpServerSinkSettings } from './describe.ts'

export const tcpServerSinkConnector: SinkConnector = {
  kind: TCP_SERVER,
  // A subscriber of one worker would see a part of the output only.
  parallel: () => false,
  open: ({ settings }, context) => {
    const { host, port } = settings as TcpServerSinkSettings
    return new ServerWriter(settings as TcpServerSinkSettings, context, {
      whole: false,
      listen: (accept, done) => context.env.network.listen({ host, port }, {}, accept, done),
    })
  },
}
