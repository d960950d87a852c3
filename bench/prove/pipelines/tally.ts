/**
 * What the proofs run: records `key,number,word` from acknowledged producers, seen by two keyed steps with a file each.
 *
 * `window` keeps the last four numbers of each key, so that its output tells at a glance whether a record was lost,
 * came twice or overtook another; every key belongs to one producer, which counts it up from 1. `count` counts the
 * words, which all producers share. One file has a segment for each epoch, the other grows; with `grow=false`, for
 * several workers that write segments of their own beside each other, both have.
 */
import { fileSink, lines, pipeline, tcpSource } from 'potoroo'

const parameters = { host: '127.0.0.1', port: 7001, folder: 'out', grow: true }

export default pipeline('tally', { parameters }, (p) => {
  const { host, port, folder, grow } = p.parameters
  const items = p.source('items', tcpSource({ host, port, protocol: 'acked', framing: lines() })).map('parse', parse)
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
    .sink('totals', fileSink({ path: `${folder}/totals`, append: grow, framing: lines(), encode: (text) => text }))
})

function parse(line: string): { key: string; number: number; word: string } {
  const [key = '', digits, word = ''] = line.split(',')
  return { key, number: Number(digits), word }
}
