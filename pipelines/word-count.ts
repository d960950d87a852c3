/**
 * Counts the words of every line that is sent to port 7001, and tells each new total to whoever listens on port 7002.
 */
import { lines, pipeline, tcpSink, tcpSource } from 'potoroo'

export default pipeline('word-count', (p) => {
  p.source('lines', tcpSource({ port: 7001, framing: lines() }))
    .flatMap('split', (line) => line.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [])
    .keyBy('by-word', (word) => word)
    .mapWithState('count', {
      init: () => ({ total: 0 }),
      step: (state, word) => ({ word, total: ++state.total }),
    })
    .sink('totals', tcpSink({ port: 7002, encode: (row) => `${row.word} => ${row.total}\n` }))
})
