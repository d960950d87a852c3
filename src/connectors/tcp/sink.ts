/** Dials a consumer and writes to it. */
import type { ConnectionHandler } from '../../env/network.ts'
import { AckedWriter } from '../acked/writer.ts'
import type { SinkConnector } from '../connector.ts'
import { DiallingWriter } from '../socket/dialling-writer.ts'
import type { TcpSinkSettings } from './describe.ts'

export const tcpSinkConnector: SinkConnector = {
  kind: 'tcp',
  parallel: () => true,
  open: ({ settings }, context) => {
    const { host, port, protocol, tokenFile } = settings as TcpSinkSettings
    const address = { host, port }
    const dial = (handler: ConnectionHandler) => context.env.network.dial(address, handler)
    if (protocol === 'acked') return new AckedWriter(context, { address, tokenFile, dial })
    return new DiallingWriter(address, context, { whole: false, dial })
  },
}
