/**
 * What the proofs run: records `key,number,word` from acknowledged producers, seen by two keyed steps with a file each.
 *
 * `window` keeps the last four numbers of each key, so that its output tells at a glance whether a record was lost, came
 * twice or overtook another; every key belongs to one producer, which counts it up from 1. `count` counts the words,
 * which all producers share. One file has a segment for each epoch, the other grows.
 */
import { fileSink, lines, pipeline, tcpSource } from 'potoroo'

const parameters = { port: 7001, folder: 'out' }

export default pipeline('tally', { parameters }, (p) => {
  const { port, folder } = p.parameters
  const items = p.source('items', tcpSource({ port, protocol: 'acked', framing: lines() })).map('parse', parse)
  items
    .keyBy('by-key', (item) => item.key)
    .mapWithState('window', {
      init: () => ({ last: [0, 0, 0, 0] }),
      step: ({ last }, item) => {
        last.shift()
        last.push(item.number)
        return `${item.key} ${last.join(' ')}`
      },
    })
    .sink('windows', fileSink({ path: `${folder}/windows`, framing: lines(), encode: (text) => text }))
  items
    .keyBy('by-word', (item) => item.word)
    .mapWithState('count', {
      init: () => ({ total: 0 }),
      step: (state, item) => `${item.word} ${++state.total}`,
    })
    .sink('totals', fileSink({ path: `${folder}/totals`, append: true, framing: lines(), encode: (text) => text }))
})

function parse(line: string): { key: string; number: number; word: string } {
  const [key = '', digits, word = ''] = line.split(',')
  return { key, number: Number(digits), word }
}
