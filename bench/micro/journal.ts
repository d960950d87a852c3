/**
 * How fast plain records go through the journal into a pipeline that only counts them, against writing the same bytes
 * to a file of the same disk with nothing around it; alternating, medians of five pairs.
 *
 *     npx node bench/micro/journal.ts [--record 100] [--megabytes 300]
 *
 * Not measured: sockets, framing, decoding. Both sides write to the system's cache and sync nothing, as plain records
 * do.
 */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { makeLimits } from '../../src/base/limits.ts'
import { realEnv } from '../../src/env/real/env.ts'
import { Door } from '../../src/ingest/door.ts'
import { Cuts } from '../../src/model/connector.ts'
import { lines } from '../../src/model/framing.ts'

const PAIRS = 5
const CHUNK_BYTES = 64 << 10

interface Figures {
  readonly megabytesPerSecond: number
  /** Share of the main thread that 100 MB/s take. */
  readonly cpu: number
}

async function journaled(chunk: Buffer, cuts: Cuts, total: number): Promise<Figures> {
  const directory = mkdtempSync(join(tmpdir(), 'potoroo-journal-'))
  const env = realEnv()
  const door = await new Promise<Door>((resolve, reject) => {
    const options = { env, limits: makeLimits(), directory, worker: 'w', incarnation: 'a' }
    Door.open(options, (error, door) => (error === null ? resolve(door!) : reject(error)))
  })
  return new Promise((resolve, reject) => {
    let sent = 0
    let taken = 0
    let flows = true
    let begin = 0
    let cpu = process.threadCpuUsage()
    const source = door.source({
      id: 'bench/lines',
      token: null,
      onLeaving: () => {},
      onReady: () => setImmediate(take),
      report: reject,
    })
    const lane = source.lane('bench')
    const push = (): void => {
      for (let i = 0; i < 4 && flows && sent < total; i++) {
        sent += chunk.length
        flows = lane.push(chunk, cuts)
      }
      if (flows && sent < total) setImmediate(push)
    }
    const take = (): void => {
      for (let batch = source.poll(); batch !== null; batch = source.poll()) {
        taken += batch.count
        batch.taken = batch.count
      }
      if (sent < total || taken < (sent / chunk.length) * cuts.count) return
      const seconds = (performance.now() - begin) / 1000
      const { user, system } = process.threadCpuUsage(cpu)
      const megabytes = sent / 1e6
      door.close(() => {
        rmSync(directory, { recursive: true })
        resolve({ megabytesPerSecond: megabytes / seconds, cpu: (user + system) / 1e6 / (megabytes / 100) })
      })
    }
    lane.onRoom(() => {
      flows = true
      setImmediate(push)
    })
    source.reset([], () => {
      source.release()
      begin = performance.now()
      cpu = process.threadCpuUsage()
      push()
    })
  })
}

function written(chunk: Buffer, total: number): number {
  const directory = mkdtempSync(join(tmpdir(), 'potoroo-journal-'))
  const file = openSync(join(directory, 'file'), 'w')
  const begin = performance.now()
  let sent = 0
  for (; sent < total; sent += chunk.length) writeSync(file, chunk)
  const seconds = (performance.now() - begin) / 1000
  closeSync(file)
  rmSync(directory, { recursive: true })
  return sent / 1e6 / seconds
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}

const { values } = parseArgs({ options: { record: { type: 'string' }, megabytes: { type: 'string' } } })
const record = Number(values.record ?? 100)
const total = Number(values.megabytes ?? 300) * 1e6
const chunk = Buffer.from(`${'x'.repeat(record - 1)}\n`.repeat(Math.floor(CHUNK_BYTES / record)))
const cuts = new Cuts()
lines().scan(chunk, 0, chunk.length, cuts, CHUNK_BYTES)
const ratios: number[] = []
const rates: number[] = []
const shares: number[] = []
for (let pair = 0; pair < PAIRS; pair++) {
  const { megabytesPerSecond, cpu } = await journaled(chunk, cuts, total)
  ratios.push(megabytesPerSecond / written(chunk, total))
  rates.push(megabytesPerSecond)
  shares.push(cpu)
}
const figures = [median(rates).toFixed(0), median(ratios).toFixed(2), (100 * median(shares)).toFixed(1)] as const
process.stdout.write(
  `records of ${record} bytes: ${figures[0]} MB/s, ${figures[1]} of bare writes; ${figures[2]} % of a core per 100 MB/s\n`,
)
