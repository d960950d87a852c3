/**
 * What the proof `garbage` runs: a source of each kind that listens, and a count of what its healthy producers sent.
 * What else comes may be records too, of which nobody knows the meaning: they are passed over.
 */
import { decoder, httpSource, json, lengthPrefix, nullSink, pipeline, tcpSource, webSocketSource } from 'potoroo'

const parameters = { lines: 7001, prefixed: 7002, acked: 7003, http: 8080, socket: 8081, ackedSocket: 8082 }
const latin1 = decoder((bytes, start, end) => bytes.toString('latin1', start, Math.min(end, start + 100)), 'latin1')

export default pipeline('garbage', { parameters }, (p) => {
  const { lines, prefixed, acked, http, socket, ackedSocket } = p.parameters
  const posted = p.source('http', httpSource({ port: http, path: '/in', decode: json() }))
  p.source('lines', tcpSource({ port: lines, decode: latin1 }))
    .merge(
      'all',
      p.source('prefixed', tcpSource({ port: prefixed, framing: lengthPrefix(), decode: latin1 })),
      p.source('acked', tcpSource({ port: acked, protocol: 'acked', decode: latin1 })),
      p.source('socket', webSocketSource({ port: socket, path: '/ws', decode: latin1 })),
      p.source('acked-socket', webSocketSource({ port: ackedSocket, path: '/ws', protocol: 'acked', decode: latin1 })),
      posted.map('text', String),
    )
    .filter('healthy', (text) => /^healthy-\w+$/.test(text))
    .keyBy('by-producer', (text) => text)
    .mapWithState('count', { init: () => ({ records: 0 }), step: (state) => ++state.records })
    .sink('out', nullSink())
})
