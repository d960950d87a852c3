/**
 * Pipelines that have failed, on all members or on one: what becomes of the records that the journals have of them, who
 * waits for that, and how they begin anew. Two workers in this process, whose journals are in reach of nobody else.
 */
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { viewCluster } from '../../src/admin/cluster-view.ts'
import { defaultLimits } from '../../src/base/limits.ts'
import { loadPipeline } from '../../src/worker/loading/load.ts'
import type { Pipelines, SubmitOptions } from '../../src/worker/pipelines/pipelines.ts'
import { Pair } from './pair.ts'

vi.setConfig({ testTimeout: 120_000 })

/** Connects to the source of `rows` there; answers how to send a line, and wait until it has come in. */
async function connected(to: Pipelines): Promise<(line: string) => Promise<void>> {
  const resident = to.find('rows')
  await expect.poll(() => resident.addresses.get('in')).toBeDefined()
  const [host, port] = resident.addresses.get('in')!.split(':')
  const socket = connect(Number(port), host)
  await once(socket.resume(), 'connect')
  const records = () => resident.execution.status.sources[0]!.records
  return async (line) => {
    const before = records()
    // A pipeline that fails may reset the connection.
    socket.on('error', () => {}).end(`${line}\n`)
    await expect.poll(records).toBe(before + 1)
  }
}

interface Scene {
  readonly pair: Pair
  /** What has come out for good. */
  rows(): string[]
  submit(to: Pipelines, options?: SubmitOptions): Promise<unknown>
}

/**
 * Two workers, on some of `which` a pipeline has failed, with records in the journals of those that no epoch covers.
 */
async function failed(which: (pair: Pair) => readonly Pipelines[] = ({ all }) => all): Promise<Scene> {
  // No floor rises: what sweeps a sink's folder would find that it is gone, also where nothing is to be written.
  const pair = new Pair({ horizonEpochs: 10_000 })
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
  const { bundle, pipeline } = await loadPipeline(file, defaultLimits)
  const submit = (to: Pipelines, options?: SubmitOptions) => to.submit(pipeline, bundle, {}, options)
  const rows = (): string[] =>
    readdirSync(out)
      .filter((name) => !name.endsWith('.pending'))
      .flatMap((name) => readFileSync(`${out}/${name}`, 'utf8').split('\n').filter(Boolean))
      .toSorted()
  mkdirSync(out)
  await submit(pair.a)
  await expect.poll(() => pair.phases('rows')).toBe('running running')
  for (const [i, one] of pair.all.entries()) await (await connected(one))(`before ${i}`)
  // Made durable, not only visible: who still syncs the folder would find that it is gone.
  const written = (one: Pipelines) => one.find('rows').execution.writers.get('rows')!.status.writtenBytes
  await expect.poll(() => pair.all.map(written)).toEqual(['before 0\n'.length, 'before 1\n'.length])
  expect(rows()).toEqual(['before 0', 'before 1'])
  const some = which(pair)
  const sends = await Promise.all(some.map(connected))
  renameSync(out, `${out}.away`)
  writeFileSync(out, 'no folder')
  await Promise.all(sends.map((send, i) => send(`after ${pair.all.indexOf(some[i]!)}`)))
  // Where one fails, the sources of all are held: what has come in to another may wait there.
  const stands = (one: Pipelines) =>
    one.find('rows').phase === 'failed' || one.find('rows').execution.status.heldBy !== null
  await expect.poll(() => some.every(stands)).toBe(true)
  const failing = pair.all.filter((one) => one.find('rows').phase === 'failed')
  expect(failing.length).toBeGreaterThan(0)
  for (const one of failing) expect(some).toContain(one)
  rmSync(out)
  renameSync(`${out}.away`, out)
  return { pair, rows, submit }
}

const stays = (pair: Pair) => viewCluster(pair.a, 0)

test('a worker that leaves stays until a failed pipeline runs again, and its records are in an epoch', async () => {
  const { pair, rows, submit } = await failed()
  // Its journal has nothing of this one.
  await pair.submit(pair.b, 'other', 1)
  await expect.poll(() => pair.phases('other')).toBe('running running')
  await pair.b.drain('other')
  pair.a.worker.leave()
  const waitsFor = await new Promise((resolve) => pair.a.worker.leaving.askWaitsFor(resolve))
  expect(waitsFor).toEqual(['rows'])
  await expect.poll(() => stays(pair)).toMatchObject({ mode: 'leaving', waitsFor: ['rows'] })
  const { generation } = pair.a.worker.cluster
  await submit(pair.b, { again: true })
  await expect.poll(() => pair.a.worker.phase).toBe('gone')
  await expect.poll(() => pair.b.worker.cluster.generation).toBe(generation + 2)
  await expect.poll(rows).toEqual(['after 0', 'after 1', 'before 0', 'before 1'])
})

test('a worker that leaves goes once a failed pipeline is cancelled', async () => {
  const { pair } = await failed()
  pair.a.worker.leave()
  await expect.poll(() => stays(pair).waitsFor).toEqual(['rows'])
  await pair.b.cancel('rows')
  await expect.poll(() => pair.a.worker.phase).toBe('gone')
})

test('a worker that leaves does not wait for a failed pipeline whose records are all in epochs', async () => {
  const { pair, rows, submit } = await failed()
  await submit(pair.b, { again: true })
  await expect.poll(() => pair.phases('rows')).toBe('running running')
  await expect.poll(() => rows().length).toBe(4)
  await pair.b.drain('rows')
  await expect.poll(() => pair.phases('rows')).toBe('drained drained')
  pair.a.worker.leave()
  await expect.poll(() => pair.a.worker.phase).toBe('gone')
})

const others = ({ all }: Pair) => all.filter(({ worker }) => worker.name !== worker.cluster.coordinator)

test('a pipeline that has failed on one member makes no epoch, says so, and begins anew at once', async () => {
  const { pair, rows, submit } = await failed(others)
  const [failing] = others(pair)
  const coordinator = pair.all.find((one) => one !== failing)!
  await expect.poll(() => coordinator.find('rows').execution.status.heldBy).toMatch(/^it has failed on [ab]: /)
  await expect(coordinator.checkpoint('rows')).rejects.toMatchObject({ code: 'E_CHECKPOINT' })
  const began = performance.now()
  await submit(coordinator, { again: true })
  await expect.poll(() => pair.phases('rows')).toBe('running running')
  // As long as that a change of owners would have waited for the pipeline.
  expect(performance.now() - began).toBeLessThan(defaultLimits.moveHoldMs)
  await expect.poll(rows).toEqual([`after ${pair.all.indexOf(failing!)}`, 'before 0', 'before 1'])
})

test('where one has failed on the coordinator, the others hold their sources, and whoever asks for an epoch hears so', async () => {
  const { pair } = await failed(({ all }) => all.filter(({ worker }) => worker.name === worker.cluster.coordinator))
  const other = pair.all.find(({ worker }) => worker.name !== worker.cluster.coordinator)!
  const reason = expect.stringMatching(/^it has failed on the coordinator: /)
  const told = { code: 'E_CHECKPOINT', details: expect.objectContaining({ reason }) }
  await expect(other.checkpoint('rows')).rejects.toMatchObject(told)
  // No epoch will come: what it let in would be done again some day.
  await expect.poll(() => other.find('rows').execution.status.heldBy).toMatch(/^it has failed on the coordinator: /)
})

test('a change of owners does not wait for a failed pipeline, and brings it up again', async () => {
  const { pair } = await failed(others)
  const coordinator = pair.all.find(({ worker }) => worker.name === worker.cluster.coordinator)!
  const { generation, owners } = coordinator.worker.cluster
  const load = Float64Array.from(owners, (owner) => 1 + owner)
  const answers: string[] = []
  coordinator.worker.rebalance(load, 4, (answer, reason) => answers.push(`${answer} ${reason}`))
  await expect.poll(() => coordinator.worker.cluster.generation).toBe(generation + 1)
  // What is still asked for when the next generation begins is answered once more.
  expect(answers[0]).toBe('accepted ')
  await expect.poll(() => pair.phases('rows')).toBe('running running')
})
