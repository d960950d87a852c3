/**
 * What checkpoints cost: a million keys of which about a tenth changes between two of them, saved each second, against
 * a worker that saves nothing while it is measured.
 *
 * Both are fed as fast as they take it, over plain TCP, in turn. `longest checkpoint work` is what the checkpoint
 * itself did on the loop in one go, timed inside the worker; `longest pause` is how late the loop came back to its
 * timers, with everything else that holds it up, collections and other processes among it.
 *
 * Not measured: large states; a slow disk; the pack's bytes against the network's.
 */
import type { Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { findWorker } from '../src/cli/control-client.ts'
import { keyOf, nowMicros } from './lib/latency.ts'
import { bench } from './lib/main.ts'
import { type Measure, paired, single } from './lib/report.ts'
import { Stage, say, secondsGiven } from './lib/stage.ts'
import { reach } from './lib/throughput.ts'
import { longestMs, tell } from './lib/watch.ts'

const KEYS = 1_000_000
/** Every second the records go to the next part; a checkpoint falls between, so that it finds parts of two: a tenth. */
const PARTS = 20
const PAIRS = 3
const WARMUP_MS = secondsGiven('warmup', 3)
const MEASURED_MS = secondsGiven('seconds', 8)
/** No checkpoint within the run. */
const NEVER = ['--limit', 'checkpointIntervalMs=3600000', '--limit', 'checkpointTimeoutMs=7200000']

/** A record for each key of one part, in an order that jumps through it. */
function part(number: number): readonly Buffer[] {
  const size = KEYS / PARTS
  const buffers: Buffer[] = []
  let text = ''
  for (let i = 0; i < size; i++) {
    // 61,953 and the size have no common divisor: each key comes once.
    text += `${keyOf(number * size + ((i * 61_953) % size))},${i}\n`
    if (i === size - 1 || text.length > 1 << 16) {
      buffers.push(Buffer.from(text))
      text = ''
    }
  }
  return buffers
}

const parts = Array.from({ length: PARTS }, (_, number) => part(number))

interface Cost {
  readonly perSecond: number
  readonly cpuNs: number
  readonly workMs: number
  readonly pauseMs: number
}

async function runOnce(more: readonly string[]): Promise<Cost> {
  const stage = await Stage.open('pipelines/sequence-window.ts')
  const subject = await stage.start({ watch: true, more })
  try {
    const { receiver } = stage
    const socket = await reach(stage.port)
    for (const buffers of parts) await send(socket, buffers)
    await receiver.until(KEYS)
    const feeding = feed(socket)
    await pause(WARMUP_MS)
    const [rows, from, cpu] = [receiver.rows, nowMicros(), subject.cpuMs()]
    await pause(MEASURED_MS)
    const [records, to, cpuMs] = [receiver.rows - rows, nowMicros(), subject.cpuMs() - cpu]
    const worker = await findWorker({ data: stage.data })
    const { checkpoint } = await worker.get<CheckpointView>('/v1/pipelines/sequence-window')
    socket.destroy()
    await feeding
    const events = await stage.events(from, to)
    const longest = events.filter(({ kind }) => kind === 'away').toSorted((a, b) => b.ms - a.ms)[0]
    if (longest !== undefined) {
      const { durationMs, completed } = checkpoint
      const last = `${completed} checkpoints, the last in ${Math.round(durationMs)} ms`
      say(`${last}; longest pause: ${tell(events, longest.atMs, longest.atMs + longest.ms)}`)
    }
    return {
      perSecond: (records * 1e6) / (to - from),
      cpuNs: (cpuMs * 1e6) / records,
      workMs: longestMs(events, 'slice', 'freeze', 'complete', 'control'),
      pauseMs: longestMs(events, 'away'),
    }
  } finally {
    await subject.stop()
    stage.close()
  }
}

interface CheckpointView {
  readonly checkpoint: { readonly completed: number; readonly durationMs: number }
}

async function send(socket: Socket, buffers: readonly Buffer[]): Promise<void> {
  for (const buffer of buffers) {
    if (socket.destroyed) return
    if (socket.write(buffer)) continue
    await new Promise<void>((resolve) => {
      const go = (): void => {
        socket.off('drain', go).off('close', go)
        resolve()
      }
      socket.on('drain', go).on('close', go)
    })
  }
}

/** Sends without pause, each second to another part of the keys, until the socket is closed. */
async function feed(socket: Socket): Promise<void> {
  while (!socket.destroyed) await send(socket, parts[Math.floor(performance.now() / 1000) % PARTS]!)
}

async function run(): Promise<Measure[]> {
  const saved: Cost[] = []
  const unsaved: Cost[] = []
  for (let i = 0; i < PAIRS; i++) {
    saved.push(await runOnce([]))
    unsaved.push(await runOnce(NEVER))
    say(`pair ${i + 1} of ${PAIRS}: ${(saved.at(-1)!.perSecond / unsaved.at(-1)!.perSecond).toFixed(3)}`)
  }
  const both = (name: string, unit: string, of: (cost: Cost) => number, wanted: string | null): Measure =>
    paired(name, unit, saved.map(of), unsaved.map(of), wanted)
  return [
    both('with checkpoints', 'records/s', (cost) => cost.perSecond, '>= 0.92'),
    both('with checkpoints: CPU', 'ns/record', (cost) => cost.cpuNs, null),
    single(
      'longest checkpoint work',
      'ms',
      saved.map((cost) => cost.workMs),
      '<= 15',
    ),
    both('longest pause', 'ms', (cost) => cost.pauseMs, null),
  ]
}

await bench('checkpoint', run)
