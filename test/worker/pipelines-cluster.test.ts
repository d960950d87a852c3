/**
 * Pipelines of a cluster, as people handle them: two workers in this process, on real sockets and a folder that both
 * reach. Whatever is asked of one happens on both.
 */
import { once } from 'node:events'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { freePort } from '../../bench/workers/free-port.ts'
import { defaultLimits } from '../../src/base/limits.ts'
import { isMark } from '../../src/connectors/file/owner.ts'
import { isPending } from '../../src/connectors/file/segment.ts'
import { loadPipeline } from '../../src/worker/loading/load.ts'
import type { Pipelines } from '../../src/worker/pipelines/pipelines.ts'
import { Pair } from './pair.ts'

vi.setConfig({ testTimeout: 120_000 })

const pair = new Pair()
beforeAll(() => pair.open())
afterAll(() => pair.close())

const epochOf = (pipelines: Pipelines, name: string) => pipelines.worker.cluster.pipelines.get(name)?.highest ?? 0

test('both workers come to one generation', () => {
  const [a, b] = pair.all.map(({ worker }) => worker.cluster)
  expect(a!.members.map(({ worker }) => worker).toSorted()).toEqual(['a', 'b'])
  expect(b!.generation).toBe(a!.generation)
})

test('a pipeline that is submitted to one worker runs on both', async () => {
  await pair.submit(pair.b, 'one', 1)
  await expect.poll(() => pair.phases('one')).toBe('running running')
  await expect.poll(() => epochOf(pair.a, 'one')).toBeGreaterThan(2)
  for (const pipelines of pair.all) expect(pipelines.find('one').execution.status.keys).toBeGreaterThan(5)
  const keys = pair.all.reduce((sum, one) => sum + one.find('one').execution.status.keys, 0)
  expect(keys).toBe(50)
  for (const pipelines of pair.all) {
    const { sent, recordsOut } = pipelines.find('one').execution.status.tasks.find(({ step }) => step === 'in')!
    expect(sent.encodeMs).toBeGreaterThan(0)
    expect(sent.records).toBeGreaterThan(0)
    expect(sent.records).toBeLessThan(recordsOut)
  }
})

test('any worker makes a checkpoint and a savepoint', async () => {
  for (const [i, pipelines] of pair.all.entries()) {
    const before = epochOf(pipelines, 'one')
    expect(await pipelines.checkpoint('one')).toBeGreaterThan(before)
    await pipelines.savepoint('one', `kept${i}`)
    for (const name of ['', 'É'.repeat(100)])
      await expect(pipelines.savepoint('one', name)).rejects.toMatchObject({ code: 'E_STORE_NAME' })
    const there = { code: 'E_SAVEPOINT_THERE', details: { pipeline: 'one', savepoint: 'kept0' } }
    await expect(pipelines.savepoint('one', 'kept0')).rejects.toMatchObject(there)
  }
})

test('another program takes the place of one on both, in a generation of its own, with the state', async () => {
  const { generation } = pair.a.worker.cluster
  const before = epochOf(pair.a, 'one')
  const resident = await pair.submit(pair.b, 'one', 2)
  await expect.poll(() => pair.phases('one')).toBe('running running')
  expect(pair.hashes('one')).toEqual(new Set([resident.hash]))
  expect(pair.a.worker.cluster.generation).toBe(generation + 1)
  await expect.poll(() => epochOf(pair.a, 'one')).toBeGreaterThan(before + 3)
  for (const pipelines of pair.all) expect(pipelines.find('one').base!.epoch).toBeGreaterThanOrEqual(before)
})

test('of two programs that come at once to different members one runs on both, and both are answered', async () => {
  const answers = await Promise.allSettled([pair.submit(pair.a, 'one', 3), pair.submit(pair.b, 'one', 4)])
  await expect.poll(() => pair.hashes('one').size).toBe(1)
  const [runs] = pair.hashes('one')
  for (const answer of answers) {
    if (answer.status === 'rejected') expect(answer.reason).toMatchObject({ code: 'E_SUBMIT_OVERTAKEN' })
  }
  expect(answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value.hash : []))).toContain(runs)
  // The next ones know the one with this factor.
  await pair.submit(pair.b, 'one', 2)
  await expect.poll(() => pair.phases('one')).toBe('running running')
})

test('of two pipelines that come at once to different members, and would write to one file, one has it', async () => {
  const path = `${pair.folder}/shared.txt`
  const submit = async (to: Pipelines, name: string) => {
    const file = `${pair.folder}/${name}.ts`
    writeFileSync(
      file,
      `import { fileSink, generatorSource, lines, pipeline } from 'potoroo'
export default pipeline('${name}', (p) => {
  p.source('in', generatorSource({ value: (n) => n, rate: 1000, count: 500 }))
    .sink('out', fileSink({ path: '${path}', append: true, framing: lines(), encode: (n) => '${name} ' + n }))
})`,
    )
    const { bundle, pipeline } = await loadPipeline(file, defaultLimits)
    return to.submit(pipeline, bundle)
  }
  const answers = await Promise.allSettled([submit(pair.a, 'left'), submit(pair.b, 'right')])
  const runOf = (name: string) => pair.a.worker.cluster.pipelines.get(name)?.run ?? Infinity
  const [first, second] = ['left', 'right'].toSorted((x, y) => runOf(x) - runOf(y))
  const shown = (name: string) => Array.from({ length: 500 }, (_, n) => `${name} ${n}`)
  const linesOf = () => readFileSync(path, 'utf8').split('\n').slice(0, -1)
  await expect.poll(() => linesOf()).toEqual(shown(first!))
  const refused = { status: 'rejected', reason: expect.objectContaining({ code: 'E_SINK_PLACE' }) }
  expect(answers).toContainEqual(refused)
  // It is not in the chain, and comes up with no generation.
  expect(runOf(second!)).toBe(Infinity)
  await pair.a.cancel(first!)
  await submit(pair.b, second!)
  await expect.poll(() => linesOf()).toEqual([...shown(first!), ...shown(second!)])
  await pair.a.cancel(second!)
  await expect.poll(() => pair.phases(second!)).toBe('none none')
  expect(pair.failed).toEqual([])
})

test('the same program goes on where it runs, and begins anew where it has failed', async () => {
  const { generation } = pair.a.worker.cluster
  const { execution } = pair.b.find('one')
  expect((await pair.submit(pair.b, 'one', 2)).execution).toBe(execution)
  expect(pair.a.worker.cluster.generation).toBe(generation)

  const port = await freePort()
  const other = createServer().listen(port, '127.0.0.1')
  await once(other, 'listening')
  const file = `${pair.folder}/late.ts`
  writeFileSync(
    file,
    `import { nullSink, pipeline, tcpSource } from 'potoroo'
export default pipeline('late', (p) => {
  p.source('in', tcpSource({ port: ${port} })).sink('nowhere', nullSink())
})`,
  )
  const { bundle, pipeline } = await loadPipeline(file, defaultLimits)
  await pair.a.submit(pipeline, bundle)
  await expect.poll(() => pair.phases('late')).toBe('failed failed')
  other.close()
  await once(other, 'close')
  await pair.a.submit(pipeline, bundle)
  // The two share a machine: who comes second finds the port taken.
  await expect.poll(() => pair.phases('late')).toMatch(/running failed|failed running/)
  expect(pair.failed.splice(0)).toContain('a late E_PORT_IN_USE')
  await pair.a.cancel('late')
})

test('a program that the state does not fit is refused, and what runs goes on', async () => {
  const before = pair.a.find('one')
  const { generation } = pair.a.worker.cluster
  const gone = { code: 'E_STEP_GONE', details: expect.objectContaining({ step: 'sum' }) }
  await expect(pair.submit(pair.b, 'one', 2, { step: 'total' })).rejects.toMatchObject(gone)
  const epoch = epochOf(pair.a, 'one')
  await expect.poll(() => epochOf(pair.a, 'one')).toBeGreaterThan(epoch + 2)
  expect(pair.a.find('one')).toBe(before)
  expect(pair.a.worker.cluster.generation).toBe(generation)
  expect(pair.failed).toEqual([])
  // A savepoint, too, is looked at before anything begins with it.
  await pair.a.savepoint('one', 'sums')
  const begin = { savepoint: 'sums', fresh: true, step: 'total' }
  await expect(pair.submit(pair.a, 'one', 2, begin)).rejects.toMatchObject(gone)
  expect(pair.a.find('one')).toBe(before)
})

test('a program that one of them cannot load is told, and the others run', async () => {
  const file = `${pair.folder}/marked.ts`
  writeFileSync(
    file,
    `import { generatorSource, nullSink, pipeline } from 'potoroo'
let times = (globalThis as { times?: number }).times ?? 0;
(globalThis as { times?: number }).times = ++times
if (times === 2) throw new Error('not here')
export default pipeline('marked', (p) => {
  p.source('in', generatorSource({ value: (n) => n, rate: 10 })).sink('nowhere', nullSink())
})`,
  )
  const { bundle, pipeline } = await loadPipeline(file, defaultLimits)
  await pair.a.submit(pipeline, bundle)
  await expect.poll(() => pair.failed).toEqual([expect.stringMatching(/^b marked E_/)])
  pair.failed.length = 0
  const before = epochOf(pair.a, 'one')
  await expect.poll(() => epochOf(pair.a, 'one')).toBeGreaterThan(before + 2)
  await pair.a.cancel('marked')
  await expect.poll(() => pair.phases('marked')).toBe('none none')
})

test('a drain by one worker ends a pipeline on both, also in later generations', async () => {
  await pair.submit(pair.a, 'other', 1)
  await expect.poll(() => pair.phases('other')).toBe('running running')
  await pair.a.drain('one')
  await expect.poll(() => pair.phases('one')).toBe('drained drained')
  const before = epochOf(pair.a, 'one')
  const { generation } = pair.a.worker.cluster
  await pair.submit(pair.a, 'other', 2)
  await expect.poll(() => pair.b.worker.cluster.generation).toBe(generation + 1)
  await expect.poll(() => pair.phases('other')).toBe('running running')
  expect(pair.phases('one')).toBe('drained drained')
  expect(epochOf(pair.b, 'one')).toBe(before)
})

test('a drained pipeline that is submitted again goes on from there, on both workers', async () => {
  const before = epochOf(pair.a, 'one')
  await pair.submit(pair.b, 'one', 2)
  await expect.poll(() => pair.phases('one')).toBe('running running')
  for (const pipelines of pair.all) expect(pipelines.find('one').base).toMatchObject({ epoch: before })
  // In the generation in which it ran its channels are used: the next one brings it up.
  await pair.b.drain('one')
  await pair.submit(pair.a, 'one', 2)
  await expect.poll(() => pair.phases('one')).toBe('running running')
  for (const pipelines of pair.all) expect(pipelines.find('one').base!.epoch).toBeGreaterThan(before)
})

test('a step that is dropped is dropped on both workers, and once', async () => {
  await pair.submit(pair.b, 'one', 2, { drop: ['sum'] })
  await expect.poll(() => pair.all.map((one) => one.residents.get('one')?.base?.steps)).toEqual([[], []])
  await expect.poll(() => pair.phases('one')).toBe('running running')
  const before = epochOf(pair.a, 'one')
  await expect.poll(() => epochOf(pair.a, 'one')).toBeGreaterThan(before + 2)
  await pair.submit(pair.a, 'one', 3)
  const steps = () => pair.all.map((one) => one.residents.get('one')?.base?.steps.map(({ step }) => step))
  await expect.poll(steps).toEqual([['sum'], ['sum']])
})

test('a pipeline that one worker cancels is gone on both', async () => {
  await pair.submit(pair.a, 'two', 1)
  await expect.poll(() => pair.phases('two')).toBe('running running')
  await pair.b.cancel('two')
  await expect.poll(() => pair.phases('two')).toBe('none none')
  expect(pair.failed).toEqual([])
})

test.each([0, 20, 100])('where all end in order, %i ms apart, everything that came in is visible', async (ms) => {
  const pair = new Pair()
  onTestFinished(() => rmSync(pair.folder, { recursive: true, force: true }))
  await pair.open()
  const file = `${pair.folder}/rows.ts`
  const out = `${pair.folder}/out`
  writeFileSync(
    file,
    `import { fileSink, generatorSource, lines, pipeline } from 'potoroo'
export default pipeline('rows', (p) => {
  p.source('in', generatorSource({ value: (n) => n, rate: 5000, splits: 2 }))
    .keyBy('by', (n) => n % 50)
    .mapWithState('count', { init: () => ({ count: 0 }), step: (state, n: number) => { state.count++; return n } })
    .sink('rows', fileSink({ path: '${out}/rows', framing: lines(), encode: String }))
})`,
  )
  const { bundle, pipeline } = await loadPipeline(file, defaultLimits)
  await pair.a.submit(pipeline, bundle)
  await expect.poll(() => epochOf(pair.a, 'rows')).toBeGreaterThan(3)
  const ended = pair.all.map(async (pipelines, i) => {
    await new Promise((resolve) => setTimeout(resolve, i * ms))
    await pipelines.close()
  })
  await Promise.all(ended)
  const names = readdirSync(out).filter((name) => !isMark(name))
  expect(names.filter(isPending)).toEqual([])
  const rowsOf = (some: readonly string[]) =>
    some.flatMap((name) => readFileSync(`${out}/${name}`, 'utf8').split('\n').filter(Boolean).map(Number))
  const rows = rowsOf(names)
  // One that ends late goes on alone, in another generation: what came in since it began is there, too.
  const executions = pair.all.map((one) => one.residents.get('rows')!.execution)
  const last = Math.max(...executions.map(({ generation }) => generation.number))
  const came = executions.flatMap(({ status, generation }) => (generation.number === last ? status.tasks : []))
  const own = names.filter((name) => name.startsWith(`rows.${String(last).padStart(6, '0')}-`))
  expect(rowsOf(own).length).toBe(came.reduce((sum, { step, recordsOut }) => sum + (step === 'in' ? recordsOut : 0), 0))
  expect(new Set(rows).size).toBe(rows.length)
  // Each split without a gap.
  for (const split of [0, 1]) {
    const numbers = rows.filter((n) => n % 2 === split).toSorted((x, y) => x - y)
    expect(numbers).toEqual(numbers.map((_, i) => 2 * i + split))
  }
})
