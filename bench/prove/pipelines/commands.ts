/**
 * What the proof `commands` runs, under several names: numbers that it makes itself, counted by key, with a row in a
 * file for each. The n-th row of a key can have one number only, so that the rows tell whether one was lost, came twice
 * or overtook another.
 */
import { fileSink, generatorSource, lines, pipeline } from 'potoroo'

const parameters = { folder: 'out', rate: 1000, keys: 50 }

export default pipeline('commands', { parameters }, (p) => {
  const { folder, rate, keys } = p.parameters
  p.source('numbers', generatorSource({ value: (n) => n, rate, splits: 2 }))
    .keyBy('by-rest', (n) => n % keys)
    .mapWithState('count', {
      init: () => ({ records: 0 }),
      step: (state, n) => `${n % keys} ${++state.records} ${n}`,
    })
    .sink('rows', fileSink({ path: `${folder}/rows`, framing: lines(), encode: (text) => text }))
})
