/**
 * What a worker that leaves waits for where a pipeline does not run, and what its journal has is in reach of nobody else: two
 * workers in this process.
 */
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { viewCluster } from '../../src/admin/cluster-view.ts'
import { loadPipeline } from '../../src/worker/pipelines/load.ts'
import type { Pipelines } from '../../src/worker/pipelines/pipelines.ts'
import { Pair, patient } from './pair.ts'

vi.setConfig({ testTimeout: 120_000 })

async function send(to: Pipelines, ...lines: string[]): Promise<void> {
  const resident = to.find('rows')
  await expect.poll(() => resident.addresses.get('in'), patient).toBeDefined()
  const before = resident.execution.sourceFigures[0]!.records
  const [host, port] = resident.addresses.get('in')!.split(':')
  const socket = connect(Number(port), host, () => socket.end(lines.map((line) => `${line}\n`).join('')))
  await once(socket.resume(), 'close')
  await expect.poll(() => resident.execution.sourceFigures[0]!.records, patient).toBe(before + lines.length)
}

/** Two workers on which a pipeline has failed, with records in both journals that no epoch covers. */
async function failedPair(): Promise<{
  pair: Pair
  rows: () => string[]
  submit: (to: Pipelines) => Promise<unknown>
}> {
  const pair = new Pair()
  onTestFinished(() => pair.close())
  await pair.open()
  const out = `${pair.folder}/out`
  const file = `${pair.folder}/rows.ts`
  writeFileSync(
    file,
    `import { fileSink, lines, pipeline, tcpSource } from 'potoroo'
export default pipeline('rows', (p) => {
  p.source('in', tcpSource({ port: 0 })).sink('rows', fileSink({ path: '${out}/rows', framing: lines(), encode: String }))
})`,
  )
  const { bundle, pipeline } = await loadPipeline(file)
  const submit = (to: Pipelines) => to.submit(pipeline, bundle)
  const rows = (): string[] =>
    readdirSync(out)
      .filter((name) => !name.endsWith('.pending'))
      .flatMap((name) => readFileSync(`${out}/${name}`, 'utf8').split('\n').filter(Boolean))
      .toSorted()
  mkdirSync(out)
  await submit(pair.a)
  await expect.poll(() => pair.phases('rows'), patient).toBe('running running')
  for (const [i, one] of pair.all.entries()) await send(one, `before ${i}`)
  await expect.poll(rows, patient).toEqual(['before 0', 'before 1'])
  renameSync(out, `${out}.away`)
  writeFileSync(out, 'no folder')
  for (const [i, one] of pair.all.entries()) await send(one, `after ${i}`)
  await expect.poll(() => pair.phases('rows'), patient).toBe('failed failed')
  rmSync(out)
  renameSync(`${out}.away`, out)
  return { pair, rows, submit }
}

const stays = (pair: Pair) => viewCluster(pair.a, 0)

test('it stays until a pipeline that has failed everywhere runs again, and its records are in an epoch', async () => {
  const { pair, rows, submit } = await failedPair()
  // Its journal has nothing of this one.
  await pair.submit(pair.b, 'other', 1)
  await expect.poll(() => pair.phases('other'), patient).toBe('running running')
  await pair.b.drain('other')
  pair.a.worker.leave()
  const waitsFor = await new Promise((resolve) => pair.a.worker.leaving.askWaitsFor(resolve))
  expect(waitsFor).toEqual(['rows'])
  await expect.poll(() => stays(pair), patient).toMatchObject({ mode: 'leaving', waitsFor: ['rows'] })
  const { generation } = pair.a.worker.cluster
  await submit(pair.b)
  await expect.poll(() => pair.a.worker.phase, patient).toBe('gone')
  await expect.poll(() => pair.b.worker.cluster.generation, patient).toBe(generation + 2)
  await expect.poll(rows, patient).toEqual(['after 0', 'after 1', 'before 0', 'before 1'])
})

test('it goes once that pipeline is cancelled', async () => {
  const { pair } = await failedPair()
  pair.a.worker.leave()
  await expect.poll(() => stays(pair).waitsFor, patient).toEqual(['rows'])
  await pair.b.cancel('rows')
  await expect.poll(() => pair.a.worker.phase, patient).toBe('gone')
})

test('it does not wait for one of which its journal has nothing that is in no epoch', async () => {
  const { pair, rows, submit } = await failedPair()
  await submit(pair.b)
  await expect.poll(() => pair.phases('rows'), patient).toBe('running running')
  await expect.poll(() => rows().length, patient).toBe(4)
  await pair.b.drain('rows')
  await expect.poll(() => pair.phases('rows'), patient).toBe('drained drained')
  pair.a.worker.leave()
  await expect.poll(() => pair.a.worker.phase, patient).toBe('gone')
})
