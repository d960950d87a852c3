/** JSON lines of 100 bytes, counted per user, a row per record. Not measured: a network, more than one worker. */
import { bench } from './lib/main.ts'
import { type Load, measureThroughput } from './lib/throughput.ts'
import { visit } from './lib/visits.ts'

function load(records: number): Load {
  const buffers: Buffer[] = []
  let text = ''
  for (let i = 1; i <= records; i++) {
    text += visit()
    if (i === records || text.length > 1 << 16) {
      buffers.push(Buffer.from(text))
      text = ''
    }
  }
  return { lanes: [{ port: 7001, buffers }], records, linesOut: records }
}

await bench('json-count', () =>
  measureThroughput(
    {
      name: 'json-count',
      pipeline: 'bench/pipelines/json-count.ts',
      unit: 'records',
      outPort: 7002,
      warmup: load(500_000),
      measured: load(1_500_000),
      reach: '>= 0.75',
    },
    5,
  ),
)
