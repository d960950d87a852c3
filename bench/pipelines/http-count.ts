/** Of `bench http`: JSON records that are posted, counted per user. */
import { httpSource, json, nullSink, pipeline } from 'potoroo'

interface Visit {
  readonly user: string
  readonly page: string
  readonly ms: number
}

export default pipeline('http-count', { parameters: { port: 8080, check: true } }, (p) => {
  const { port, check } = p.parameters
  p.source('visits', httpSource({ port, bad: check ? 'refuse' : 'dead-letter', decode: json<Visit>() }))
    .keyBy('by-user', (visit) => visit.user)
    .mapWithState('count', {
      init: () => ({ visits: 0, ms: 0 }),
      step: (state, { user, ms }) => {
        state.ms += ms
        return { user, visits: ++state.visits }
      },
    })
    .sink('out', nullSink())
})
