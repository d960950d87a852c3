/** Dials a WebSocket and writes to it. */
import { WHOLE_MESSAGES } from '../../model/framing.ts'
import type { SinkConnector } from '../connector.ts'
import { DIAL_MS, DiallingWriter } from '../socket/dialling-writer.ts'
import { WEBSOCKET, type WebSocketSinkSettings } from './describe.ts'
import { dialled } from './wire.ts'

export const webSocketSinkConnector: SinkConnector = {
  kind: WEBSOCKET,
  parallel: () => true,
  open: ({ settings, framing }, context) => {
    const { url, messages } = settings as WebSocketSinkSettings
    const { hostname: host, port, protocol } = new URL(url)
    const standard = protocol === 'wss:' ? 443 : 80
    const form = { binary: messages === 'binary', cut: framing?.kind === WHOLE_MESSAGES, refusesText: false }
    return new DiallingWriter({ host, port: port === '' ? standard : Number(port) }, context, {
      whole: true,
      dial: (handler) =>
        dialled(form, handler, (wire) =>
          context.env.http.dialWebSocket({ url, limits: context.limits, timeoutMs: DIAL_MS }, wire),
        ),
    })
  },
}
