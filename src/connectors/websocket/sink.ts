/** Dials a WebSocket and writes to it. */
import { addressOfUrl } from '../../base/address.ts'
import type { ConnectionHandler } from '../../env/network.ts'
import { WHOLE_MESSAGES } from '../../model/framing.ts'
import { AckedWriter } from '../acked/writer.ts'
import type { SinkConnector } from '../connector.ts'
import { DIAL_MS, DiallingWriter } from '../socket/dialling-writer.ts'
import { WEBSOCKET, type WebSocketSinkSettings } from './describe.ts'
import { dialled } from './wire.ts'

export const webSocketSinkConnector: SinkConnector = {
  kind: WEBSOCKET,
  parallel: () => true,
  open: ({ settings, framing }, context) => {
    const { url, messages, protocol: spoken, tokenFile } = settings as WebSocketSinkSettings
    const address = addressOfUrl(new URL(url))
    const acked = spoken === 'acked'
    const form = {
      binary: acked || messages === 'binary',
      cut: framing?.kind === WHOLE_MESSAGES,
      refusesText: acked,
    }
    const dial = (handler: ConnectionHandler) =>
      dialled(form, handler, (wire) =>
        context.env.http.dialWebSocket({ url, limits: context.limits, timeoutMs: DIAL_MS }, wire),
      )
    if (acked) return new AckedWriter(context, { address, tokenFile, dial })
    return new DiallingWriter(address, context, { whole: true, dial })
  },
}
