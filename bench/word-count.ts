/** Words of Zipf-distributed text, counted, a row per word. Not measured: a network, more than one worker. */
import { Lines } from '../pipelines/data/words.ts'
import { bench } from './lib/main.ts'
import { type Load, measureThroughput } from './lib/throughput.ts'

const lines = new Lines(1)

function load(count: number): Load {
  const buffers: Buffer[] = []
  let words = 0
  for (let text = ''; count > 0; ) {
    const line = lines.next()
    words += line.match(/[\p{L}\p{N}']+/gu)?.length ?? 0
    text += `${line}\n`
    if (--count === 0 || text.length > 1 << 16) {
      buffers.push(Buffer.from(text))
      text = ''
    }
  }
  return { lanes: [{ port: 7001, buffers }], records: words, linesOut: words }
}

await bench('word-count', () =>
  measureThroughput(
    {
      name: 'word-count',
      pipeline: 'pipelines/word-count.ts',
      unit: 'words',
      outPort: 7002,
      warmup: load(200_000),
      measured: load(500_000),
      reach: '>= 0.6',
    },
    5,
  ),
)
