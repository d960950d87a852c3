/**
 * The reference of the throughput benches: the pipeline's own decoder, steps and encoder, joined by a plain loop over
 * sockets and one Map. No journal, no checkpoints, no recovery, no ownership: what is left is what any program would
 * do.
 *
 *     node plain-loop.ts PIPELINE-FILE [name=value …]
 */
import { connect, createServer } from 'node:net'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { WebSocketServer } from 'ws'
import type { Key } from '../../src/base/hash.ts'
import { Cuts } from '../../src/model/connector.ts'
import type { Pipeline } from '../../src/model/pipeline.ts'
import type { ChainOp, TaskPlan } from '../../src/model/plan.ts'
import { plan } from '../../src/model/planner.ts'

const [file, ...pairs] = process.argv.slice(2)
const { default: pipeline } = (await import(pathToFileURL(resolve(file!)).href)) as { default: Pipeline }
const planned = plan(pipeline.build(Object.fromEntries(pairs.map((pair) => pair.split('=')))))

const keyed = planned.tasks.find((task) => task.kind === 'keyed')!
const sink = planned.tasks.find((task) => task.kind === 'sink')!
const logic = keyed.keyed
if (logic.kind !== 'mapWithState') throw new Error('the plain loop knows one stateful step, mapWithState')
const { init, step } = logic
const { encode, framing, settings } = sink.sink
const suffix = framing?.suffix ?? ''

const states = new Map<Key, object>()
const context = { key: '' as Key, time: 0, position: 0, forget() {}, replace() {} }
const out = connect(Number(settings.port), '127.0.0.1')
let text = ''

/** One record at the stateful step. */
function take(value: unknown, key: Key): void {
  let state = states.get(key)
  if (state === undefined) {
    state = init(key)
    states.set(key, state)
  }
  context.key = key
  const row = step(state, value, context)
  if (row !== undefined) text += (encode(row) as string) + suffix
}

/** What stands between a source and the key: at most one step, as in every pipeline that is measured. */
function stepOf(ops: readonly ChainOp[]): ChainOp | null {
  if (ops.length > 1) throw new Error('the plain loop knows one stateless step')
  return ops[0] ?? null
}

/** Takes the records of a chunk or a message, and answers where the last one ends. */
type TakeBytes = (bytes: Buffer) => number

function takerOf({ source, chain }: TaskPlan & { kind: 'source' }): TakeBytes {
  const { end } = chain
  if (end.kind !== 'exchange') throw new Error('the plain loop knows one key')
  const op = stepOf(chain.ops)
  const { key } = end
  const cuts = new Cuts()
  return (bytes) => {
    cuts.count = 0
    const used = source.framing.scan(bytes, 0, bytes.length, cuts, 1 << 20)
    for (let i = 0; i < cuts.count; i++) {
      const value = source.decoder.decode(bytes, cuts.starts[i]!, cuts.ends[i]!)
      if (op === null) take(value, key(value))
      else if (op.kind === 'map') {
        const mapped = op.fn(value)
        take(mapped, key(mapped))
      } else if (op.kind === 'flatMap') for (const one of op.fn(value)) take(one, key(one))
    }
    return used
  }
}

/** Writes what has come out; stops `input` while nobody takes it. */
function flush(input: { pause(): void; resume(): void }): void {
  if (text === '') return
  if (!out.write(text)) {
    input.pause()
    out.once('drain', () => input.resume())
  }
  text = ''
}

function serve(task: TaskPlan & { kind: 'source' }): void {
  const takeBytes = takerOf(task)
  const at = { host: '127.0.0.1', port: Number(task.source.settings.port) }
  const ready = (): boolean => process.stderr.write('ready\n')
  if (task.source.kind === 'websocket') {
    const server = new WebSocketServer({ ...at, perMessageDeflate: false }, ready)
    server.on('connection', (socket) => {
      socket.on('message', (message) => {
        takeBytes(message as Buffer)
        flush(socket)
      })
    })
    return
  }
  createServer((socket) => {
    let rest: Buffer = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      rest = bytes.subarray(takeBytes(bytes))
      flush(socket)
    })
    socket.on('error', () => {})
  }).listen(at.port, at.host, ready)
}

for (const task of planned.tasks) if (task.kind === 'source') serve(task)
