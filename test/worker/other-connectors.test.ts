/** A program whose connectors are others than before, under the names that they had. */
import { readdirSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Pipelines, Resident, SubmitOptions } from '../../src/worker/pipelines/pipelines.ts'
import { sendLines, Workshop } from './workshop.ts'

const limits = { checkpointIntervalMs: 50_000 }

const sources = {
  generator: 'generatorSource({ value: (n: number) => String(n), rate: 1000 })',
  generators: 'generatorSource({ value: (n: number) => String(n), rate: 1000, splits: 3 })',
  tcp: 'tcpSource({ port: 0 })',
  http: "httpSource({ port: 0, decode: decoder((bytes, start, end) => bytes.toString('utf8', start, end)) })",
  file: "fileSource({ path: 'FOLDER/in', follow: true })",
}
const sinks = {
  null: 'nullSink()',
  tcp: 'tcpSink({ port: 9, encode: String })',
  webhook: "webhookSink({ url: 'http://127.0.0.1:9/' })",
  file: "fileSink({ path: 'FOLDER/out/lines', encode: String })",
  elsewhere: "fileSink({ path: 'FOLDER/elsewhere/lines', encode: String })",
  append: "fileSink({ path: 'FOLDER/out/all', append: true, encode: String })",
}

class Desk extends Workshop {
  async run(
    worker: Pipelines,
    source: keyof typeof sources,
    sink: keyof typeof sinks,
    options: SubmitOptions = {},
    names = { source: 'in', sink: 'out' },
  ): Promise<Resident> {
    writeFileSync(`${this.folder}/in`, 'a\n')
    const text = `import * as potoroo from 'potoroo'
const { decoder, fileSink, fileSource, generatorSource, httpSource, nullSink, pipeline, tcpSink, tcpSource, webhookSink } = potoroo
export default pipeline('lines', (p) => {
  p.source<unknown>('${names.source}', ${sources[source]}).sink('${names.sink}', ${sinks[sink]})
})`
    return this.runText(worker, text.replaceAll('FOLDER', this.folder), options)
  }
}

async function begun(source: keyof typeof sources, sink: keyof typeof sinks): Promise<[Desk, Pipelines]> {
  const desk = new Desk()
  const worker = await desk.start(limits)
  const resident = await desk.run(worker, source, sink)
  if (source === 'generator') {
    await expect.poll(() => resident.execution.status.sources[0]!.records).toBeGreaterThan(0)
  }
  if (source === 'tcp') await sendLines(resident, 'a\n'.repeat(100))
  await worker.checkpoint('lines')
  return [desk, worker]
}

test.each([
  ['null', 'file'],
  ['null', 'webhook'],
  ['null', 'append'],
] as const)('a sink that has left nothing may become another one (%s, %s)', async (before, now) => {
  const [desk, worker] = await begun('generator', before)
  await desk.run(worker, 'generator', now)
  expect(desk.failed).toEqual([])
})

test.each([
  ['file', 'tcp', 'a file sink (FOLDER/out/lines)', 'a tcp sink'],
  ['file', 'elsewhere', 'a file sink (FOLDER/out/lines)', 'a file sink (FOLDER/elsewhere/lines)'],
  ['append', 'file', 'a file sink (FOLDER/out/all, one writer)', 'a file sink (FOLDER/out/lines)'],
  ['tcp', 'webhook', 'a tcp sink', 'a webhook sink'],
  ['webhook', 'file', 'a webhook sink', 'a file sink (FOLDER/out/lines)'],
] as const)('what a sink has left is for that sink, or is dropped (%s, %s)', async (before, now, was, is) => {
  const [desk, worker] = await begun('generator', before)
  const details = { step: 'out', before: was.replace('FOLDER', desk.folder), now: is.replace('FOLDER', desk.folder) }
  await expect(desk.run(worker, 'generator', now)).rejects.toMatchObject({ code: 'E_STEP_CHANGED', details })
  expect(worker.residents.get('lines')!.phase).toBe('running')
  await desk.run(worker, 'generator', now, { drop: ['out'] })
  expect([desk.failed, desk.warned]).toEqual([[], expect.not.arrayContaining(['E_NO_STEP'])])
})

test.each([
  ['file', 'tcp', 'a file source', 'a source with a journal'],
  ['tcp', 'file', 'a source with a journal', 'a file source'],
  ['generator', 'file', 'a generator source', 'a file source'],
] as const)('where a source stands is for that source, or is dropped (%s, %s)', async (before, now, was, is) => {
  const [desk, worker] = await begun(before, 'null')
  const details = { step: 'in', before: was, now: is }
  await expect(desk.run(worker, now, 'null')).rejects.toMatchObject({ code: 'E_STEP_CHANGED', details })
  await desk.run(worker, now, 'null', { drop: ['in'] })
  expect(desk.failed).toEqual([])
})

test.each([
  ['a source', 'in', { source: 'lines', sink: 'out' }],
  ['a sink', 'out', { source: 'in', sink: 'rows' }],
] as const)('%s with another name begins anew only where the one before is dropped', async (_, step, names) => {
  const [desk, worker] = await begun('generator', 'file')
  const run = desk.run(worker, 'generator', 'file', {}, names)
  await expect(run).rejects.toMatchObject({ code: 'E_STEP_GONE', details: { step } })
  expect(worker.residents.get('lines')!.phase).toBe('running')
  await desk.run(worker, 'generator', 'file', { drop: [step] }, names)
  expect(desk.failed).toEqual([])
})

test('a sink with another name begins where the one before has left nothing', async () => {
  const [desk, worker] = await begun('generator', 'null')
  await desk.run(worker, 'generator', 'null', {}, { source: 'in', sink: 'nowhere' })
  expect(desk.failed).toEqual([])
})

test('a generator whose splits are others is refused before anything is stopped for it, or dropped', async () => {
  const [desk, worker] = await begun('generator', 'null')
  const details = { step: 'in', before: 1, now: 3 }
  await expect(desk.run(worker, 'generators', 'null')).rejects.toMatchObject({ code: 'E_SPLITS_CHANGED', details })
  expect(worker.residents.get('lines')!.phase).toBe('running')
  await desk.run(worker, 'generators', 'null', { drop: ['in'] })
  expect(desk.failed).toEqual([])
})

test('streams go on whichever connector brings them', async () => {
  const [desk, worker] = await begun('tcp', 'null')
  await desk.run(worker, 'http', 'null')
  expect(desk.failed).toEqual([])
})

test('a file sink that was dropped has its files, and the next one begins its own', async () => {
  const [desk, worker] = await begun('generator', 'file')
  await expect.poll(() => readdirSync(`${desk.folder}/out`)).toContainEqual(expect.stringMatching(/-w1$/))
  await desk.run(worker, 'generator', 'elsewhere', { drop: ['out'] })
  await worker.checkpoint('lines')
  await expect.poll(() => readdirSync(`${desk.folder}/elsewhere`)).toContainEqual(expect.stringMatching(/-w1$/))
  expect(readdirSync(`${desk.folder}/out`)).toContainEqual(expect.stringMatching(/-w1$/))
})
