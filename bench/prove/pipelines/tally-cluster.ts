/**
 * `tally` for several workers: each writes segments of its own into both folders, and all of one epoch belong together.
 */
import { fileSink, lines, pipeline, tcpSource } from 'potoroo'

const parameters = { host: '127.0.0.1', port: 7001, folder: 'out' }

export default pipeline('tally', { parameters }, (p) => {
  const { host, port, folder } = p.parameters
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
    .sink('totals', fileSink({ path: `${folder}/totals`, framing: lines(), encode: (text) => text }))
})

function parse(line: string): { key: string; number: number; word: string } {
  const [key = '', digits, word = ''] = line.split(',')
  return { key, number: Number(digits), word }
}
