/**
 * The demonstration's pipeline: lines by the acknowledged protocol, totals into a file that shows each of them once.
 */
import { fileSink, lines, pipeline, tcpSource } from 'potoroo'

const parameters = { port: 7001, out: 'totals.txt' }

export default pipeline('word-count', { parameters }, (p) => {
  p.source('lines', tcpSource({ port: p.parameters.port, protocol: 'acked', framing: lines() }))
    .flatMap('split', (line) => line.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [])
    .keyBy('by-word', (word) => word)
    .mapWithState('count', {
      init: () => ({ total: 0 }),
      step: (state, word) => ({ word, total: ++state.total }),
    })
    .sink(
      'totals',
      fileSink({
        path: p.parameters.out,
        append: true,
        framing: lines(),
        encode: (row) => `${row.word} ${row.total}`,
      }),
    )
})
