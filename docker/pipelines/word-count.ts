/** Counts words in containers: listens on every network of its container, and writes to the log of the worker. */
import { lines, pipeline, stdoutSink, tcpSource } from 'potoroo'

export default pipeline('word-count', (p) => {
  p.source('lines', tcpSource({ host: '0.0.0.0', port: 7001, framing: lines() }))
    .flatMap('split', (line) => line.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [])
    .keyBy('by-word', (word) => word)
    .mapWithState('count', {
      init: () => ({ total: 0 }),
      step: (state, word) => ({ word, total: ++state.total }),
    })
    .sink('totals', stdoutSink())
})
