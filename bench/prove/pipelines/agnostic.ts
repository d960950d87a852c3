/**
 * What must come out the same on any number of workers. `fold` depends on the order of each key's records and answers
 * every one of them, `sum` on none and answers when there is time.
 */
import { fileSink, lines, pipeline, tcpSource } from 'potoroo'

const parameters = { port: 7001, folder: 'out' }

export default pipeline('agnostic', { parameters }, (p) => {
  const { port, folder } = p.parameters
  const items = p.source('items', tcpSource({ port, protocol: 'acked', framing: lines() })).map('parse', (line) => {
    const comma = line.indexOf(',')
    return { key: line.slice(0, comma), value: Number(line.slice(comma + 1)) }
  })
  items
    .keyBy('by-key', (item) => item.key)
    .mapWithState('fold', {
      init: () => ({ count: 0, hash: 0 }),
      step: (state, { key, value }) => {
        state.count++
        state.hash = (Math.imul(state.hash, 31) + value) | 0
        return `${key} ${state.count} ${state.hash}`
      },
    })
    .sink('folded', fileSink({ path: `${folder}/folded`, framing: lines(), encode: (text) => text }))
  items
    .keyBy('by-value', (item) => item.value % 1000)
    .aggregate('sum', {
      init: () => ({ sum: 0 }),
      add: (total, item) => {
        total.sum += item.value
      },
      combine: (total, other) => {
        total.sum += other.sum
      },
      result: (total, key) => `${key} ${total.sum}`,
      every: 200,
    })
    .sink('sums', fileSink({ path: `${folder}/sums`, framing: lines(), encode: (text) => text }))
})
