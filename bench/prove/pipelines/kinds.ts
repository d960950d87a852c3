/** What the proofs of sinks run: numbered records through a keyed step to a sink of the kind that is asked for. */
import {
  fileSink,
  lines,
  pipeline,
  stdoutSink,
  tcpServerSink,
  tcpSink,
  tcpSource,
  webhookSink,
  webSocketServerSink,
  webSocketSink,
} from 'potoroo'

const KEYS = 100
const PADDING = 'x'.repeat(200)

export default pipeline(
  'kinds',
  { parameters: { kind: 'tcp', port: 7001, output: 7002, folder: 'out', records: 1 } },
  (p) => {
    const { kind, port, output, folder, records } = p.parameters
    const encode = (n: number): string => `${n} ${PADDING}`
    const framing = lines()
    const sinks = {
      tcp: () => tcpSink({ port: output, framing, encode }),
      'tcp-server': () => tcpServerSink({ port: output, framing, encode, slow: 'wait' }),
      websocket: () => webSocketSink({ url: `ws://127.0.0.1:${output}/`, framing, encode }),
      'websocket-server': () => webSocketServerSink({ port: output, framing, encode, slow: 'wait' }),
      acked: () => tcpSink({ port: output, protocol: 'acked', encode }),
      'acked-websocket': () => webSocketSink({ url: `ws://127.0.0.1:${output}/`, protocol: 'acked', encode }),
      webhook: () => webhookSink({ url: `http://127.0.0.1:${output}/`, records, encode }),
      stdout: () => stdoutSink({ framing, encode }),
      file: () => fileSink({ path: `${folder}/rows`, append: true, framing, encode }),
    }
    p.source('numbers', tcpSource({ port, protocol: 'acked' }))
      .map('read', Number)
      .keyBy('by-rest', (n) => n % KEYS)
      .mapWithState('count', {
        init: () => ({ records: 0 }),
        step: (state, n) => {
          state.records++
          return n
        },
      })
      .sink('out', sinks[kind as keyof typeof sinks]())
  },
)
