/**
 * The last four numbers of each key from acknowledged producers: `a,2` gives `a => [0,0,1,2]`, so that the last number
 * of a row is the one that its record brought.
 */
import { lines, pipeline, tcpSink, tcpSource } from 'potoroo'

export default pipeline('sequence-window', { parameters: { port: 7001, output: 7002 } }, (p) => {
  p.source('numbers', tcpSource({ port: p.parameters.port, protocol: 'acked', framing: lines() }))
    .map('parse', parse)
    .keyBy('by-key', (item) => item.key)
    .mapWithState('window', {
      init: () => ({ last: [0, 0, 0, 0] }),
      step: ({ last }, item) => {
        last.shift()
        last.push(item.number)
        return `${item.key} => [${last.join(',')}]`
      },
    })
    .sink('windows', tcpSink({ port: p.parameters.output, framing: lines(), encode: (text) => text }))
})

function parse(line: string): { key: string; number: number } {
  const comma = line.lastIndexOf(',')
  return { key: line.slice(0, comma), number: Number(line.slice(comma + 1)) }
}
