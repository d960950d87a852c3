/**
 * What a link costs beside the bare connection under it: frames, checksums, credit, what is kept until it has arrived.
 * Two switchboards of one process talk over loopback; the reference writes the same bytes into a bare connection and
 * looks at none of them. CPU time of both ends together, per batch, in turn, in one run.
 *
 *     npx node bench/link.ts [--json]
 *
 * Not measured: the codec of batches (`bench/exchange.ts`), two processes at once, a real network.
 */
import { makeLimits } from '../src/base/limits.ts'
import type { Connection } from '../src/env/network.ts'
import { realEnv } from '../src/env/real/env.ts'
import type { Inlet } from '../src/transport/inlet.ts'
import { Switchboard } from '../src/transport/switchboard.ts'
import { type Measure, paired, print, single } from './lib/report.ts'

const PAIRS = 5
const SIZES: readonly [bytes: number, batches: number][] = [
  [256, 40_000],
  [4 << 10, 40_000],
  [32 << 10, 10_000],
]

const env = realEnv({ log: { level: 'warn' } })
const here = { host: '127.0.0.1', port: 0 }
const payload = Buffer.alloc(32 << 10, 0x5a)

/** CPU microseconds of this process. */
function cpu(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** Sends `count` batches of `bytes` and answers with the CPU time and the wall time of all. */
type Way = (bytes: number, count: number, done: (cpuUs: number, wallMs: number) => void) => void

function board(worker: string): Switchboard {
  const identity = { cluster: 'bench', token: '', worker, incarnation: worker, build: 'bench' }
  const lost = (_: string, error: Error): void => {
    throw error
  }
  const quiet = (): void => {}
  const events = {
    control: quiet,
    interrupted: quiet,
    lost,
    refused: lost,
    newer: quiet,
    knocked: quiet,
    damaged: quiet,
  }
  return new Switchboard(env, identity, makeLimits(), events)
}

function linked(ready: (way: Way) => void): void {
  const [a, b] = [board('a'), board('b')]
  b.listen(here, (_, address) => {
    const members = ['a', 'b'].map((worker) => ({ worker, incarnation: worker, address: address! }))
    for (const one of [a, b]) one.activate(1, members, [])
    let left = 0
    let finish = (): void => {}
    const inlet: Inlet = b.inlet(
      'a',
      { pipeline: 1, channel: 0 },
      {
        batch: (_, bytes) => {
          inlet.taken(bytes)
          if (--left === 0) finish()
        },
        mark: () => {},
      },
    )
    let bytes = 0
    let unsent = 0
    const outlet = a.outlet<null>('b', { pipeline: 1, channel: 0 }, (writer) =>
      writer.bytes(payload.subarray(0, bytes)),
    )
    const send = (): void => {
      for (; unsent > 0 && outlet.room; unsent--) outlet.push(null)
    }
    outlet.onRoom = send
    ready((size, count, done) => {
      const [begun, before] = [performance.now(), cpu()]
      bytes = size
      left = unsent = count
      finish = () => done(cpu() - before, performance.now() - begun)
      send()
    })
  })
}

function bare(ready: (way: Way) => void): void {
  let left = 0
  let finish = (): void => {}
  const nothing = { onOpen: () => {}, onEnd: () => {}, onDrain: () => {}, onClosed: () => {}, onBytes: () => {} }
  const taking = {
    ...nothing,
    onBytes: (chunk: Buffer) => {
      left -= chunk.length
      if (left === 0) finish()
    },
  }
  env.network.listen(
    here,
    {},
    () => taking,
    (_, listener) => {
      let send = (): void => {}
      const connection: Connection = env.network.dial(listener!.address, {
        ...nothing,
        onOpen: () =>
          ready((size, count, done) => {
            const [begun, before] = [performance.now(), cpu()]
            let unsent = count
            left = size * count
            finish = () => done(cpu() - before, performance.now() - begun)
            send = () => {
              while (unsent-- > 0) if (!connection.write(Buffer.from(payload.subarray(0, size)))) return
            }
            send()
          }),
        onDrain: () => send(),
      })
    },
  )
}

function measure(link: Way, reference: Way, report: (measures: Measure[]) => void): void {
  const measures: Measure[] = []
  const next = (index: number): void => {
    const [bytes, batches] = SIZES[index] ?? [0, 0]
    if (bytes === 0) return report(measures)
    const [ours, theirs, rates]: number[][] = [[], [], []]
    const pair = (left: number): void => {
      if (left === 0) {
        measures.push(
          paired(`${bytes} B a batch`, 'ns', ours!.slice(1), theirs!.slice(1), null),
          single(`${bytes} B a batch, link`, 'MB/s', rates!.slice(1), null),
        )
        return next(index + 1)
      }
      link(bytes, batches, (us, ms) => {
        ours!.push((us * 1000) / batches)
        rates!.push((bytes * batches) / 1000 / ms)
        reference(bytes, batches, (referenceUs) => {
          theirs!.push((referenceUs * 1000) / batches)
          pair(left - 1)
        })
      })
    }
    // The first pair warms up.
    pair(PAIRS + 1)
  }
  next(0)
}

linked((link) =>
  bare((reference) =>
    measure(link, reference, (measures) => {
      print('link', measures, process.argv.includes('--json'))
      process.exit(0)
    }),
  ),
)
