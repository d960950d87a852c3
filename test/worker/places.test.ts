/** Sinks that write to one place. */
import { readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { freePort } from '../../bench/workers/free-port.ts'
import { defaultLimits } from '../../src/base/limits.ts'
import { fileSink } from '../../src/connectors/file/describe.ts'
import { generatorSource } from '../../src/connectors/generator/describe.ts'
import { httpSource } from '../../src/connectors/http/describe.ts'
import { nullSink } from '../../src/connectors/null/describe.ts'
import { tcpSource } from '../../src/connectors/tcp/describe.ts'
import { webSocketSource } from '../../src/connectors/websocket/describe.ts'
import type { SinkDescription, SourceDescription } from '../../src/model/connector.ts'
import { utf8 } from '../../src/model/decoder.ts'
import { pipeline } from '../../src/model/pipeline.ts'
import type { Plan } from '../../src/model/plan.ts'
import { plan } from '../../src/model/planner.ts'
import { loadPipeline } from '../../src/worker/loading/load.ts'
import { requirePlaces } from '../../src/worker/pipelines/places.ts'
import { Workshop } from './workshop.ts'

function writing(name: string, ...sinks: readonly SinkDescription<number>[]): Plan {
  const written = pipeline(name, (p) => {
    const source = p.source('numbers', generatorSource<number>({ value: (n) => n }))
    for (const [i, sink] of sinks.entries()) source.sink(`out ${i}`, sink)
  })
  return plan(written.build())
}

function listening(name: string, ...sources: readonly SourceDescription<string>[]): Plan {
  const written = pipeline(name, (p) => {
    for (const [i, source] of sources.entries()) p.source(`in ${i}`, source).sink(`out ${i}`, nullSink())
  })
  return plan(written.build())
}

const file = (path: string, append = false) => fileSink<number>({ path, append, encode: String })

test('no two sinks of a pipeline write the same files', () => {
  expect(() => requirePlaces(writing('p', file('a'), file('b'), nullSink(), nullSink()), [])).not.toThrow()
  const details = { own: 'step "out 1" of pipeline "p"', before: 'step "out 0" of pipeline "p"', place: 'a' }
  expect(() => requirePlaces(writing('p', file('a'), file('a', true)), [])).toThrow(
    expect.objectContaining({ code: 'E_SINK_PLACE', details }),
  )
})

test.each(['./a', './/a', '././a'])(
  'a sink that names the path as %s writes to the same place as one that names it a',
  (path) => {
    const same = expect.objectContaining({ code: 'E_SINK_PLACE' })
    expect(() => requirePlaces(writing('p', file('a'), file(path)), [])).toThrow(same)
    expect(() => requirePlaces(writing('p', file('/a'), file('a/'), file(path)), [])).not.toThrow()
  },
)

test('no sinks of two pipelines write the same files, whatever others have among themselves', () => {
  const others = [writing('old', file('a'), file('a')), writing('other', file('b'))]
  expect(() => requirePlaces(writing('p', file('c')), others)).not.toThrow()
  expect(() => requirePlaces(writing('p', file('b')), others)).toThrow(/"out 0" of pipeline "other"/)
})

const at = (port: number, host?: string) => ({ port, ...(host === undefined ? {} : { host }), decode: utf8 })

test.each([
  [tcpSource(at(7001)), tcpSource(at(7001))],
  [tcpSource(at(7001)), webSocketSource(at(7001))],
  [tcpSource(at(7001)), httpSource(at(7001, '0.0.0.0'))],
  [tcpSource(at(7001, 'localhost')), tcpSource(at(7001, '127.0.0.1'))],
])('no two sources listen at one place (%#)', (one, other) => {
  const fault = expect.objectContaining({ code: 'E_SOURCE_PLACE' })
  expect(() => requirePlaces(listening('p', one, other), [])).toThrow(fault)
  for (const [before, now] of [
    [one, other],
    [other, one],
  ] as const) {
    expect(() => requirePlaces(listening('p', now), [listening('q', before)])).toThrow(/"in 0" of pipeline "q"/)
    expect(() => requirePlaces(listening('p', now), [listening('q', before)], [])).not.toThrow()
  }
})

test.each([
  [tcpSource(at(0)), tcpSource(at(0))],
  [tcpSource(at(7001)), tcpSource(at(7002))],
  [tcpSource(at(7001, '10.0.0.1')), tcpSource(at(7001, '10.0.0.2'))],
])("sources that listen elsewhere are in nobody's way (%#)", (one, other) => {
  expect(() => requirePlaces(listening('p', one, other), [listening('q', one)], [])).not.toThrow()
})

test('of two programs that would write the same files, submitted at once, one is refused', async () => {
  const desk = new Workshop()
  const worker = await desk.start({})
  const submit = async (name: string) => {
    const text = `import { fileSink, generatorSource, pipeline } from 'potoroo'
export default pipeline('${name}', (p) => {
  p.source('numbers', generatorSource({ value: (n: number) => n, count: 1 }))
    .sink('out', fileSink({ path: '${desk.folder}/out', encode: String }))
})`
    writeFileSync(`${desk.folder}/${name}.ts`, text)
    const { bundle, pipeline } = await loadPipeline(`${desk.folder}/${name}.ts`, defaultLimits)
    return () => worker.submit(pipeline, bundle)
  }
  const both = [await submit('p'), await submit('q')]
  const [first, second] = await Promise.allSettled(both.map((one) => one()))
  expect(first).toMatchObject({ status: 'fulfilled' })
  expect(second).toMatchObject({ status: 'rejected', reason: { code: 'E_SINK_PLACE' } })
  expect([...worker.worker.cluster.pipelines.keys()]).toEqual(['p'])
})

test('the files of a drained pipeline are its own, also for a worker that has started since', async () => {
  const desk = new Workshop()
  let worker = await desk.start({})
  const path = `${desk.folder}/out`
  const submit = async (name: string, count: number) => {
    const text = `import { fileSink, generatorSource, lines, pipeline } from 'potoroo'
export default pipeline('${name}', (p) => {
  p.source('numbers', generatorSource({ value: (n: number) => n, count: ${count} }))
    .sink('out', fileSink({ path: '${path}', append: true, framing: lines(), encode: String }))
})`
    writeFileSync(`${desk.folder}/${name}.ts`, text)
    const { bundle, pipeline } = await loadPipeline(`${desk.folder}/${name}.ts`, defaultLimits)
    return worker.submit(pipeline, bundle)
  }
  const shown = () => readFileSync(path, 'utf8').split('\n').slice(0, -1).join()
  const p = await submit('p', 3)
  await expect.poll(() => p.phase).toBe('ended')
  await worker.drain('p')
  expect(shown()).toBe('0,1,2')
  await desk.stop(worker)
  worker = await desk.start({})
  expect(worker.residents.size).toBe(0)
  const details = { own: 'step "out" of pipeline "q"', before: 'step "out" of pipeline "p"', place: path }
  await expect(submit('q', 9)).rejects.toMatchObject({ code: 'E_SINK_PLACE', details })
  expect([...worker.worker.cluster.pipelines.keys()]).toEqual(['p'])
  expect(shown()).toBe('0,1,2')

  // By its own name it goes on.
  await submit('p', 5)
  await expect.poll(shown).toBe('0,1,2,3,4')
  await worker.cancel('p')
  const q = await submit('q', 2)
  await expect.poll(() => q.phase).toBe('ended')
})

test("a program that would write another's files is refused before it is in the chain", async () => {
  const desk = new Workshop()
  const worker = await desk.start({})
  const text = `import { fileSink, generatorSource, pipeline } from 'potoroo'
export default pipeline('p', (p) => {
  const source = p.source('numbers', generatorSource({ value: (n: number) => n }))
  for (const name of ['one', 'two']) source.sink(name, fileSink({ path: '${desk.folder}/out', encode: String }))
})`
  writeFileSync(`${desk.folder}/p.ts`, text)
  const { bundle, pipeline } = await loadPipeline(`${desk.folder}/p.ts`, defaultLimits)
  await expect(worker.submit(pipeline, bundle)).rejects.toMatchObject({ code: 'E_SINK_PLACE' })
  expect(worker.worker.cluster.pipelines.size).toBe(0)
})

test('of two pipelines whose sources have one port the second is refused, until the first one is drained', async () => {
  const desk = new Workshop()
  const worker = await desk.start({})
  const port = await freePort()
  const run = (name: string) =>
    desk.submit(worker, name, `tcpSource({ port: ${port} })`, '.map("n", Number).keyBy("by", (n) => n)')
  const p = await run('p')
  await expect(run('q')).rejects.toMatchObject({ code: 'E_SOURCE_PLACE', details: { place: `127.0.0.1:${port}` } })
  expect([...worker.worker.cluster.pipelines.keys()]).toEqual(['p'])
  await expect.poll(() => p.phase).toBe('running')
  await worker.drain('p')
  const q = await run('q')
  await expect.poll(() => q.phase).toBe('running')
  await expect(run('p')).rejects.toMatchObject({ code: 'E_SOURCE_PLACE' })
})
