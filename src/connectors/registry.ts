/** Which implementation serves which kind of connector. A new connector is one row here and one in `index.ts`. */
import { fail } from '../base/errors.ts'
import type { SinkConnector, SourceConnector } from './connector.ts'
import { fileSinkConnector } from './file/sink.ts'
import { fileSourceConnector } from './file/source.ts'
import { generatorConnector } from './generator/source.ts'
import { httpSourceConnector } from './http/source.ts'
import { nullSinkConnector } from './null/sink.ts'
import { scriptedSinkConnector, scriptedSourceConnector } from './scripted/connector.ts'
import { standardInputConnector } from './standard-input/source.ts'
import { stdoutSinkConnector } from './standard-output/sink.ts'
import { tcpServerSinkConnector } from './tcp/server-sink.ts'
import { tcpSinkConnector } from './tcp/sink.ts'
import { tcpSourceConnector } from './tcp/source.ts'
import { webhookSinkConnector } from './webhook/sink.ts'
import { webSocketServerSinkConnector } from './websocket/server-sink.ts'
import { webSocketSinkConnector } from './websocket/sink.ts'
import { webSocketSourceConnector } from './websocket/source.ts'

const sources: readonly SourceConnector[] = [
  tcpSourceConnector,
  httpSourceConnector,
  webSocketSourceConnector,
  fileSourceConnector,
  generatorConnector,
  standardInputConnector,
  scriptedSourceConnector,
]

const sinks: readonly SinkConnector[] = [
  tcpSinkConnector,
  tcpServerSinkConnector,
  webSocketSinkConnector,
  webSocketServerSinkConnector,
  fileSinkConnector,
  webhookSinkConnector,
  stdoutSinkConnector,
  nullSinkConnector,
  scriptedSinkConnector,
]

/** The source of `kind`; throws `E_CONNECTOR` when there is none. */
export function sourceConnector(kind: string, step: string): SourceConnector {
  return find(sources, 'source', kind, step)
}

/** The sink of `kind`; throws `E_CONNECTOR` when there is none. */
export function sinkConnector(kind: string, step: string): SinkConnector {
  return find(sinks, 'sink', kind, step)
}

function find<C extends { readonly kind: string }>(all: readonly C[], role: string, kind: string, step: string): C {
  const found = all.find((connector) => connector.kind === kind)
  if (found !== undefined) return found
  throw fail('E_CONNECTOR', { step, role, connector: kind, known: all.map((connector) => connector.kind).join(', ') })
}
