/** JSON lines of 100 bytes, counted per user, a row per record. Not measured: a network, more than one worker. */
import { Random } from '../pipelines/data/random.ts'
import { bench } from './lib/main.ts'
import { type Load, measureThroughput } from './lib/throughput.ts'

const USERS = 50_000
const random = new Random(7)

function record(): string {
  const user = `user-${random.below(USERS).toString(36).padStart(4, '0')}`
  const head = `{"user":"${user}","page":"/shop/${random.below(1e6)}","ms":${random.below(10_000)},"ok":true,"note":"`
  return `${head}${'x'.repeat(Math.max(0, 97 - head.length))}"}\n`
}

function load(records: number): Load {
  const buffers: Buffer[] = []
  let text = ''
  for (let i = 1; i <= records; i++) {
    text += record()
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
