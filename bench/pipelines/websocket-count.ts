/** Counts records per user: messages of JSON lines in, a row per record out. */
import { json, lines, pipeline, tcpSink, webSocketSource } from 'potoroo'

interface Visit {
  readonly user: string
  readonly page: string
}

export default pipeline('websocket-count', { parameters: { port: 7001, output: 7002 } }, (p) => {
  p.source('visits', webSocketSource({ port: p.parameters.port, framing: lines(), decode: json<Visit>() }))
    .keyBy('by-user', (visit) => visit.user)
    .mapWithState('count', {
      init: () => ({ visits: 0 }),
      step: (state, visit) => ({ user: visit.user, page: visit.page, visits: ++state.visits }),
    })
    .sink(
      'totals',
      tcpSink({ port: p.parameters.output, framing: lines(), encode: (row) => `${row.user} ${row.visits}` }),
    )
})
