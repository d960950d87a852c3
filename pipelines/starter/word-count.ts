/** Counts the words of every line that is sent to port 7001, and writes each new total to standard output. */
import { lines, pipeline, stdoutSink, tcpSource } from 'potoroo'

export default pipeline('word-count', (p) => {
  p.source('lines', tcpSource({ port: 7001, framing: lines() }))
    .flatMap('split', (line) => line.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [])
    .keyBy('by-word', (word) => word)
    .mapWithState('count', {
      init: () => ({ total: 0 }),
      step: (state, word) => ({ word, total: ++state.total }),
    })
    .sink('totals', stdoutSink())
})
