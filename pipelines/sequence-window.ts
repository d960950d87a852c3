/**
 * Keeps the last four numbers of each key: `a,1` `a,2` gives `a => [0,0,0,1]` `a => [0,0,1,2]`.
 *
 * Made to be checked: when the numbers of a key are sent in order, every window tells at a glance whether a record was
 * lost, came twice or overtook another.
 */
import { lines, pipeline, tcpSink, tcpSource } from 'potoroo'

export default pipeline('sequence-window', { parameters: { port: 7001, output: 7002 } }, (p) => {
  p.source('numbers', tcpSource({ port: p.parameters.port, framing: lines() }))
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

/** `key,number`. A line that is anything else goes to the dead letters. */
function parse(line: string): { key: string; number: number } {
  const comma = line.lastIndexOf(',')
  const digits = line.slice(comma + 1)
  if (comma < 1 || !/^\d{1,15}$/.test(digits)) throw new Error(`${JSON.stringify(line)} is not key,number`)
  return { key: line.slice(0, comma), number: Number(digits) }
}
