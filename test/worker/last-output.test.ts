/**
 * What a drained pipeline has promised with its last epoch is shown by whoever comes next, where the worker died
 * between that epoch's record and the commit: on the real disk, and by members of a cluster that is told.
 */
import { readdirSync, renameSync } from 'node:fs'
import { expect, test } from 'vitest'
import { fail } from '../../src/base/errors.ts'
import { makeLimits } from '../../src/base/limits.ts'
import { emptyCluster } from '../../src/checkpoint/cluster.ts'
import { encodeManifest, type Manifest } from '../../src/checkpoint/manifest.ts'
import { isMark } from '../../src/connectors/file/owner.ts'
import { fileSink } from '../../src/index.ts'
import type { Generation } from '../../src/worker/execution/generation.ts'
import { LastOutput, type LastOutputSeams } from '../../src/worker/pipelines/last-output.ts'
import { Roster } from '../../src/worker/pipelines/roster.ts'
import { newEntry } from '../checkpoint/entry.ts'
import { sendLines, Workshop } from './workshop.ts'

test('output of a drained pipeline that was not committed is shown when a worker starts', async () => {
  const shop = new Workshop()
  const out = `${shop.folder}/out`
  const lines = (name: string): string => `import { fileSink, lines, pipeline, tcpSource } from 'potoroo'
export default pipeline('${name}', (p) => {
  p.source('in', tcpSource({ port: 0 })).sink('out', fileSink({ path: '${out}/rows', framing: lines(), encode: String }))
})`
  const first = await shop.start({ checkpointIntervalMs: 50_000 })
  const resident = await shop.runText(first, lines('lines'))
  await sendLines(resident, 'row\n'.repeat(100))
  await first.drain('lines')
  await shop.stop(first)
  const shown = () => readdirSync(out).filter((name) => !isMark(name))
  const [name, ...others] = shown()
  expect(others).toEqual([])
  // As it is where the worker dies before it has given the segment its name.
  renameSync(`${out}/${name}`, `${out}/${name}.pending`)

  await shop.start({})
  await expect.poll(shown).toEqual([name])
  expect(shop.failed).toEqual([])
})

/** A member `b` of a, b and c; a sink of the pipeline `words` has something of each worker of `parts`. */
function scene(parts: readonly string[], members = ['a', 'b', 'c']) {
  /** What the next reads of the store answer. */
  const broken: Error[] = []
  const later: (() => void)[] = []
  const looked: string[] = []
  const taken: string[] = []
  const sinks = parts.map((worker) => ({ step: 'out', worker, snapshot: { length: 0, segments: [segmentOf(worker)] } }))
  const epochs = [{ epoch: 7, generation: 1, manifest: 'm7' }]
  const entry = { ...newEntry, drained: true, epochs }
  const cluster = { ...emptyCluster, pipelines: new Map([['words', entry]]) }
  const renamed = (from: string, _: string, done: (error: null) => void): void => {
    taken.push(from)
    done(null)
  }
  const disk = { rename: renamed, syncDirectory: (_: string, done: (error: null) => void) => done(null) }
  const sink = fileSink<unknown>({ path: 'out/rows', encode: String })
  const plan = { tasks: [{ kind: 'sink', step: 'out', sink: { kind: 'file', settings: sink.settings } }] }
  const seams = {
    env: {
      clock: { soon: (fn: () => void) => fn(), after: (_: number, fn: () => void) => later.push(fn) },
      ...{ disk, log: { info: () => {}, warn: () => {} } },
    },
    limits: makeLimits,
    load: (name: string, _: unknown, done: (error: null, loaded: unknown) => void) => {
      looked.push(name)
      done(null, { plan })
    },
    cluster: () => cluster,
    store: () => ({
      read: (_: string, done: (error: Error | null, bytes: Buffer) => void) =>
        done(broken.pop() ?? null, encodeManifest({ sinks } as unknown as Manifest)),
    }),
  } as unknown as LastOutputSeams
  const roster = new Roster()
  const lastOutput = new LastOutput(seams, roster)
  const self = members.indexOf('b')
  const generation = { number: 2, members: members.map((worker) => ({ worker })), self } as unknown as Generation
  return { lastOutput, roster, generation, looked, taken, cluster, entry, broken, later }
}

function segmentOf(worker: string) {
  return { name: `rows.000001-0000000007-${worker}`, bytes: 4, crc: 1 }
}

const pendingOf = (worker: string): string => `out/${segmentOf(worker).name}.pending`

test('a member shows what it has saved itself in an earlier life, and leaves others theirs', () => {
  const { lastOutput, generation, taken } = scene(['a', 'b', 'c'])
  lastOutput.begin(generation)
  expect(taken).toEqual([pendingOf('b')])
})

test('a store that does not answer is asked again for as long as output of a drained pipeline is to be shown', () => {
  for (const drops of [false, true]) {
    const { lastOutput, generation, taken, broken, later } = scene(['b'])
    broken.push(fail('E_STORE', { operation: 'read', path: 'm7', reason: 'it is away' }))
    lastOutput.begin(generation)
    expect([taken, later.length]).toEqual([[], 1])
    if (drops) lastOutput.drop('words')
    later.shift()!()
    expect(taken).toEqual(drops ? [] : [pendingOf('b')])
  }
})

test('output of a drained pipeline that a worker still has is shown by its own writer', () => {
  const { lastOutput, generation, roster, looked, entry } = scene(['b'])
  roster.all.set('words', { name: 'words', run: entry.run } as never)
  lastOutput.begin(generation)
  expect(looked).toEqual([])
})

test('what a worker has left that is no member any more one of the others shows, once', () => {
  const { lastOutput, generation, taken } = scene(['gone'], ['b'])
  lastOutput.begin(generation)
  lastOutput.begin(generation)
  expect(taken).toEqual([pendingOf('gone')])
})

test('pipelines of which nothing is left to show are passed over, however many there are', () => {
  const { lastOutput, generation, taken, cluster, entry } = scene(['b'])
  const never = { ...entry, epochs: [] }
  for (let n = 0; n < 50_000; n++) cluster.pipelines.set(`never ${n}`, never)
  lastOutput.begin(generation)
  expect(taken).toEqual([pendingOf('b')])
})
