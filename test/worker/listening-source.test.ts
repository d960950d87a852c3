/**
 * Connections of plain senders outlive the generations in which their worker goes on, and nothing of what they send is
 * lost.
 */
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { defaultLimits } from '../../src/base/limits.ts'
import { loadPipeline } from '../../src/worker/loading/load.ts'
import type { Pipelines, Resident } from '../../src/worker/pipelines/pipelines.ts'
import { lookUp } from '../../src/worker/pipelines/query.ts'
import { Pair } from './pair.ts'
import { Workshop } from './workshop.ts'

vi.setConfig({ testTimeout: 120_000 })

/** Keeps all lines under one key, and throws behind half of the change that a bad one makes. */
const list = `.keyBy('one', () => 'k').mapWithState('list', {
  init: () => ({ items: [] as string[] }),
  step: (state, item: string) => {
    state.items.push(item)
    if (item.startsWith('bad')) throw new Error('a bad one')
  },
})`

async function connected(resident: Resident): Promise<Socket> {
  await expect.poll(() => resident.addresses.get('in')).toBeDefined()
  const [host, port] = resident.addresses.get('in')!.split(':')
  const socket = connect(Number(port), host)
  await once(socket.resume(), 'connect')
  return socket
}

const itemsOf = (resident: Resident): readonly string[] => {
  const store = resident.execution.stores.get('list')
  return (store && (lookUp(store, 'k')?.state as { items: string[] } | undefined)?.items) ?? []
}

/**
 * Sends numbered lines until `over`, cut anywhere, and waits until the last of them is in the state. Answers how many.
 */
async function sendUntil(socket: Socket, resident: Resident, over: () => boolean): Promise<number> {
  let n = 0
  let rest = Buffer.alloc(0)
  while (!over()) {
    const lines = Buffer.from(Array.from({ length: 100 }, () => `${n++}\n`).join(''))
    const all = Buffer.concat([rest, lines])
    rest = all.subarray(all.length - 2)
    if (!socket.write(all.subarray(0, -2))) await once(socket, 'drain')
    await new Promise(setImmediate)
  }
  socket.write(rest)
  await expect.poll(() => itemsOf(resident).at(-1)).toBe(String(n - 1))
  return n
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i))

test('a worker alone that goes back to its last checkpoint closes no connection', async () => {
  const shop = new Workshop()
  const pipelines = await shop.start({ checkpointIntervalMs: 50 })
  const resident = await shop.runLines(pipelines, list)
  const generation = () => pipelines.worker.cluster.generation
  const before = generation()
  const [steady, other] = [await connected(resident), await connected(resident)]
  let after = Infinity
  const sent = await sendUntil(steady, resident, () => {
    const length = itemsOf(resident).length
    if (length > 2000 && after === Infinity) {
      other.write('bad\n')
      after = length
    }
    return generation() > before && length > after + 1000
  })
  expect(itemsOf(resident)).toEqual(numbers(sent))
  expect(generation()).toBe(before + 1)
  expect([steady.closed, other.closed]).toEqual([false, false])
  expect(resident.execution.status.sources[0]).toMatchObject({ connections: 2, accepted: 2 })
  other.write('last\n')
  await expect.poll(() => itemsOf(resident).at(-1)).toBe('last')
})

test('the program that takes its place opens its sources anew', async () => {
  const shop = new Workshop()
  const pipelines = await shop.start({ checkpointIntervalMs: 50 })
  const socket = await connected(await shop.runLines(pipelines, list))
  const closed = once(socket, 'close')
  const resident = await shop.runLines(pipelines, `.filter('all', () => true)${list}`)
  await closed
  let rounds = 0
  const sent = await sendUntil(await connected(resident), resident, () => rounds++ > 0)
  expect(itemsOf(resident)).toEqual(numbers(sent))
})

/** Runs the lines pipeline on both workers, and answers what it is on `a`. */
async function pairOfLines(): Promise<{ pair: Pair; resident: Resident }> {
  const pair = new Pair()
  onTestFinished(() => pair.close())
  await pair.open()
  const file = `${pair.folder}/lines.ts`
  writeFileSync(
    file,
    `import { nullSink, pipeline, tcpSource } from 'potoroo'
export default pipeline('lines', (p) => {
  p.source('in', tcpSource({ port: 0 }))${list}.sink('out', nullSink())
})`,
  )
  const { bundle, pipeline } = await loadPipeline(file, defaultLimits)
  const resident = await pair.a.submit(pipeline, bundle)
  await expect.poll(() => resident.phase).toBe('running')
  return { pair, resident }
}

test('a member that goes on without another closes no connection', async () => {
  const { pair, resident } = await pairOfLines()
  const socket = await connected(resident)
  const members = ({ worker }: Pipelines) => worker.cluster.members.length
  let closing: Promise<unknown> | null = null
  let alone = Infinity
  let n = 0
  const sent = await sendUntil(socket, resident, () => {
    n++
    if (n > 20) closing ??= pair.b.close()
    if (members(pair.a) === 1 && resident.phase === 'running') alone = Math.min(alone, n)
    return n > alone + 20
  })
  await closing
  expect(itemsOf(resident)).toEqual(numbers(sent))
  expect(socket.closed).toBe(false)
  expect(pair.failed).toEqual([])
})
