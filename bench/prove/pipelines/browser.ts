/** What the proof `browser` runs: words that a page sends by the acked protocol over WebSocket, counted. */
import { pipeline, stdoutSink, webSocketSource } from 'potoroo'

export default pipeline('browser', { parameters: { port: 7001 } }, (p) => {
  p.source('words', webSocketSource({ port: p.parameters.port, path: '/words', protocol: 'acked' }))
    .keyBy('by-word', (word) => word)
    .mapWithState('count', {
      init: () => ({ total: 0 }),
      step: (state, word) => `${word} ${++state.total}\n`,
    })
    .sink('totals', stdoutSink({ encode: (row) => row }))
})
