/**
 * A worker whose last checkpoint is damaged, on the real disk, in this process:
 * - the pipeline goes back, and a further generation record names its base; the epochs between are void for good
 * - the other pipelines of the worker run anew in that generation, and all are exact
 * - where the journal lacks what came after the base, the pipeline refuses, until the loss is accepted
 */
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { PotorooError } from '../../src/base/errors.ts'
import { hashKey } from '../../src/base/hash.ts'
import { type Limits, makeLimits } from '../../src/base/limits.ts'
import { realEnv } from '../../src/env/real/env.ts'
import { RealOutput } from '../../src/env/real/output.ts'
import { loadPipeline } from '../../src/worker/load.ts'
import { Pipelines, type Resident } from '../../src/worker/pipelines.ts'

const KEYS = 50
const COUNT = 100_000

let folder = ''
const open: Pipelines[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'potoroo-going-back-'))
})
afterEach(async () => {
  for (const pipelines of open.splice(0)) await stop(pipelines)
  rmSync(folder, { recursive: true, force: true })
})

interface Heard {
  readonly failed: PotorooError[]
  readonly warned: string[]
}

async function start(changes: Partial<Limits>, heard: Heard, acceptLoss = false): Promise<Pipelines> {
  const limits = makeLimits({ keyGroups: 16, ...changes })
  const options = { worker: 'w1', data: `${folder}/data`, limits, output: new RealOutput(), acceptLoss }
  const pipelines = new Pipelines(realEnv({ log: { level: 'silent' } }), options, {
    running: () => {},
    listening: () => {},
    ended: () => {},
    failed: (_, error) => heard.failed.push(error),
    warned: (_, error) => heard.warned.push(error.code),
    lost: (error) => heard.failed.push(error),
  })
  await pipelines.open()
  open.push(pipelines)
  return pipelines
}

/** Ends a worker in the middle: without a last checkpoint. */
async function stop(pipelines: Pipelines): Promise<void> {
  open.splice(open.indexOf(pipelines) >>> 0, 1)
  await new Promise<void>((resolve) => pipelines.worker.close(resolve))
}

async function submit(pipelines: Pipelines, name: string, source: string, rest: string): Promise<Resident> {
  const file = `${folder}/${name}.ts`
  const text = `import { generatorSource, nullSink, pipeline, tcpSource } from 'potoroo'
export default pipeline('${name}', (p) => {
  p.source('in', ${source})${rest}
    .mapWithState('sum', { init: () => ({ sum: 0 }), step: (state, n: number) => { state.sum += n } })
    .sink('nowhere', nullSink())
})`
  await writeFile(file, text)
  const { bundle, pipeline } = await loadPipeline(file)
  return pipelines.submit(pipeline, bundle)
}

const generated = `generatorSource<number>({ value: (n) => n, count: ${COUNT}, rate: 100_000 })`

function epochsOf(pipelines: Pipelines, name: string): readonly number[] {
  return pipelines.worker.cluster.pipelines.get(name)!.epochs.map(({ epoch }) => epoch)
}

function sumOf({ execution }: Resident, key: number): number {
  const store = execution.stores.get('sum')!
  return (store.peek(hashKey(key), key) as { readonly sum: number }).sum
}

/** Writes noise over `bytes` of a file, at `share` of its length. */
function damage(path: string, share: number, bytes: number): void {
  const file = openSync(path, 'r+')
  writeSync(file, Buffer.alloc(bytes, 0x55), 0, bytes, Math.floor(statSync(path).size * share))
  closeSync(file)
}

function newestManifest(pipelines: Pipelines, name: string): string {
  return `${folder}/data/store/${pipelines.worker.cluster.pipelines.get(name)!.epochs.at(-1)!.manifest}`
}

test('a pipeline goes back to an older epoch by name, and the others run anew', async () => {
  const limits = { checkpointIntervalMs: 50 }
  const heard: Heard = { failed: [], warned: [] }
  const first = await start(limits, heard)
  for (const name of ['one', 'two']) await submit(first, name, generated, `.keyBy('by', (n) => n % ${KEYS})`)
  await expect.poll(() => ['one', 'two'].every((name) => epochsOf(first, name).length >= 4)).toBe(true)
  await stop(first)
  const before = epochsOf(first, 'one')
  const { generation } = first.worker.cluster
  damage(newestManifest(first, 'one'), 0.5, 8)

  const second = await start(limits, heard)
  expect(await second.resume()).toEqual([])
  await expect.poll(() => [...second.residents.values()].every(({ phase }) => phase === 'ended')).toBe(true)
  expect(heard).toEqual({ failed: [], warned: ['E_STORE_DAMAGED'] })
  expect(second.worker.cluster.generation).toBe(generation + 2)
  const after = epochsOf(second, 'one')
  expect(after).toContain(before.at(-2))
  expect(after).not.toContain(before.at(-1))
  for (const name of ['one', 'two']) {
    const resident = second.find(name)
    await second.checkpoint(name)
    expect(second.worker.cluster.pipelines.get(name)!.epochs.at(-1)!.generation, name).toBe(generation + 2)
    for (let key = 0; key < KEYS; key++) {
      const count = COUNT / KEYS
      expect(sumOf(resident, key), `${name} ${key}`).toBe(count * key + (KEYS * count * (count - 1)) / 2)
    }
  }
})

test('going back over a hole in the journal is refused by name, until the loss is accepted', async () => {
  const limits = { checkpointIntervalMs: 50_000 }
  const heard: Heard = { failed: [], warned: [] }
  const first = await start(limits, heard)
  const rest = ".map('parse', Number).keyBy('by', () => 0)"
  const resident = await submit(first, 'sums', 'tcpSource({ port: 0 })', rest)
  for (const lines of ['1\n'.repeat(100), '10\n'.repeat(100)]) {
    await send(resident, lines)
    await first.checkpoint('sums')
  }
  const manifest = newestManifest(first, 'sums')
  await stop(first)
  const [segment] = readdirSync(`${folder}/data/journal`)
  const journal = `${folder}/data/journal/${segment}`
  damage(manifest, 0.5, 8)
  const second = readFileSync(journal).indexOf('10\n10\n')
  damage(journal, second / statSync(journal).size, 8)

  const refused = await start(limits, heard)
  await refused.resume()
  await expect.poll(() => heard.failed.length).toBe(1)
  const { code, message, remedy } = heard.failed[0]!
  expect(code).toBe('E_RESTORE')
  expect(message).toContain(manifest.slice(manifest.indexOf('pipelines/')))
  expect(message).toContain(segment)
  expect(remedy).toContain('--accept-loss')
  await stop(refused)

  const accepted = await start(limits, heard, true)
  await accepted.resume()
  const back = accepted.find('sums')
  await expect.poll(() => back.phase).toBe('running')
  expect(sumOf(back, 0)).toBe(100)
})

async function send(resident: Resident, text: string): Promise<void> {
  await expect.poll(() => resident.addresses.get('in')).toBeDefined()
  const before = resident.execution.sourceFigures[0]!.records
  const [host, port] = resident.addresses.get('in')!.split(':')
  await new Promise<void>((resolve) => {
    const socket = connect(Number(port), host, () => socket.end(text))
    socket.resume().on('close', () => resolve())
  })
  await expect.poll(() => resident.execution.sourceFigures[0]!.records).toBe(before + 100)
  await expect.poll(() => resident.execution.tookAll('in')).toBe(true)
}
