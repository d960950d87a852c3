/**
 * Counts words. Every word of every line comes out with its total so far.
 *
 *     npx potoroo run pipelines/word-count.ts
 *     printf 'to be or not to be\n' | nc -N 127.0.0.1 7001      and, before that, to see what comes out: nc -lk 7002
 */
import { lines, pipeline, tcpSink, tcpSource } from 'potoroo'

export default pipeline('word-count', { parameters: { port: 7001, output: 7002 } }, (p) => {
  p.source('lines', tcpSource({ port: p.parameters.port, framing: lines() }))
    .flatMap('split', (line) => line.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [])
    .keyBy('by-word', (word) => word)
    .mapWithState('count', {
      init: () => ({ total: 0 }),
      step: (state, word) => ({ word, total: ++state.total }),
    })
    .sink('totals', tcpSink({ port: p.parameters.output, encode: (row) => `${row.word} => ${row.total}\n` }))
})
