/**
 * Words counted by `aggregate`, whose accumulators may be added up before they cross to the worker that owns their
 * word.
 */
import { nullSink, pipeline } from 'potoroo'
import { Lines } from '../../pipelines/data/words.ts'
import { cycling, SPLITS } from './lib/generated.ts'

const LINES = 20_000

const text = new Lines(1)
const lines = Array.from({ length: LINES }, () => text.next())

export default pipeline('word-sums', (p) => {
  p.source('lines', cycling(SPLITS, lines))
    .flatMap('split', (line) => line.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [])
    .keyBy('by-word', (word) => word)
    .aggregate('count', {
      init: () => ({ total: 0 }),
      add: (sum) => {
        sum.total++
      },
      combine: (sum, other) => {
        sum.total += other.total
      },
      result: ({ total }, word) => ({ word, total }),
    })
    .sink('totals', nullSink())
})
