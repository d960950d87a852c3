/** Dials a consumer and writes to it. */
import type { SinkConnector } from '../connector.ts'
import { DiallingWriter } from '../socket/dialling-writer.ts'
import type { TcpSinkSettings } from './describe.ts'

export const tcpSinkConnector: SinkConnector = {
  kind: 'tcp',
  parallel: () => true,
  open: ({ settings }, context) => {
    const { host, port } = settings as TcpSinkSettings
    return new DiallingWriter({ host, port }, context, {
      whole: false,
      dial: (handler) => context.env.network.dial({ host, port }, handler),
    })
  },
}
