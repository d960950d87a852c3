/**
 * JSON lines of 100 bytes, 100 to a WebSocket message, counted per user, a row per record; the reference is a bare
 * server of the library `ws`. The messages are made and masked beforehand, so that the feeder only writes them. Not
 * measured: a network, compression, more than one connection.
 */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { bench } from './lib/main.ts'
import { type Load, measureThroughput } from './lib/throughput.ts'
import { visit } from './lib/visits.ts'

const PER_MESSAGE = 100
const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d])

/** A text message as a client sends it (RFC 6455, section 5). */
function frame(text: string): Buffer {
  const payload = Buffer.from(text)
  for (let i = 0; i < payload.length; i++) payload[i]! ^= MASK[i & 3]!
  const head = Buffer.from([0x81, 0x80 | 126, payload.length >> 8, payload.length & 0xff])
  return Buffer.concat([head, MASK, payload])
}

function load(records: number): Load {
  const buffers: Buffer[] = []
  let gathered: Buffer[] = []
  for (let i = 0; i < records; i += PER_MESSAGE) {
    let text = ''
    for (let k = 0; k < PER_MESSAGE; k++) text += visit()
    gathered.push(frame(text))
    if (gathered.length === 6 || i + PER_MESSAGE >= records) {
      buffers.push(Buffer.concat(gathered))
      gathered = []
    }
  }
  return { lanes: [{ port: 7001, buffers }], records, linesOut: records }
}

async function greet(socket: Socket): Promise<void> {
  const key = Buffer.from('potoroo-bench-00').toString('base64')
  const head = `Host: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13`
  socket.write(`GET / HTTP/1.1\r\n${head}\r\nSec-WebSocket-Key: ${key}\r\n\r\n`)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  if (!answer.toString('latin1').startsWith('HTTP/1.1 101 ')) throw new Error(`no WebSocket: ${answer}`)
}

await bench('websocket', () =>
  measureThroughput(
    {
      name: 'websocket',
      pipeline: 'bench/pipelines/websocket-count.ts',
      unit: 'records',
      outPort: 7002,
      warmup: load(500_000),
      measured: load(1_500_000),
      greet,
      reach: '>= 0.70',
    },
    5,
  ),
)
