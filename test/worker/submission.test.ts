/** How a program comes under the name of its pipeline (`src/worker/pipelines/submission.ts`). */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { defaultLimits } from '../../src/base/limits.ts'
import { type Cluster, emptyCluster } from '../../src/checkpoint/cluster.ts'
import { encodeManifest, type Manifest } from '../../src/checkpoint/manifest.ts'
import { RealClock } from '../../src/env/real/clock.ts'
import { generatorSource, nullSink, pipeline } from '../../src/index.ts'
import type { Plan } from '../../src/model/plan.ts'
import { loadPipeline } from '../../src/worker/loading/load.ts'
import type { Resident } from '../../src/worker/pipelines/resident.ts'
import { Submission, type SubmissionSeams } from '../../src/worker/pipelines/submission.ts'
import { newEntry } from '../checkpoint/entry.ts'

const root = mkdtempSync(join(tmpdir(), 'potoroo-submission-'))
afterAll(() => rmSync(root, { recursive: true }))

const words = pipeline('words', (p) => {
  p.source('in', generatorSource({ value: (n) => n, rate: 1 })).sink('out', nullSink())
})
const program = { hash: 'h', text: '', map: '' }
const savepoint = {
  pipeline: 'words',
  keyGroups: 16,
  steps: [],
  packs: [],
  sources: [],
  sinks: [],
} as unknown as Manifest

/** A submission to a member of a cluster; `submit` is what its ledger does. */
function scene(submit: (program: { readonly hash: string }) => void) {
  let cluster: Cluster = emptyCluster
  const all = new Map<string, Resident>()
  const withdrawn: string[] = []
  const stands = (hash: string, submitted: number): void => {
    const entry = { ...newEntry, parameters: {}, hash, submitted }
    cluster = { ...emptyCluster, pipelines: new Map([['words', entry]]) }
  }
  const crowd = (count: number): void => {
    const others = Array.from({ length: count }, (_, n) => [`other${n}`, newEntry] as const)
    cluster = { ...emptyCluster, pipelines: new Map(others) }
  }
  const look = { again: (): void => {} }
  const worker = {
    residents: { all, plans: [], unloaded: new Map(), late: new Map() },
    get cluster() {
      return cluster
    },
    keyGroups: savepoint.keyGroups,
    follow: (done: () => void) => done(),
    storage: { read: (_: string, done: (error: null, bytes: Buffer) => void) => done(null, encodeManifest(savepoint)) },
    ledger: {
      keep: (_: unknown, done: (error: null) => void) => done(null),
      withdraw: (name: string, done: (error: null) => void) => {
        withdrawn.push(name)
        done(null)
      },
      submit: (_: string, what: typeof program, __: unknown, ___: unknown, done: (error: null) => void) => {
        submit(what)
        done(null)
      },
      sweep: () => {},
    },
  }
  const submission = new Submission({
    ...{ worker, limits: defaultLimits, alone: false, stop: async () => {}, requireOpen: () => {} },
    clock: { now: () => 0, monotonic: () => 0, after: () => ({ cancel: () => {} }) },
    inTurn: (_: string, task: () => Promise<unknown>) => task(),
    until: async (holds: () => boolean) => {
      while (!holds()) await new Promise<void>((resolve) => (look.again = resolve))
    },
  } as unknown as SubmissionSeams)
  return { submission, all, withdrawn, stands, crowd, look }
}

test('who has submitted a program of a cluster is answered also where another one has had it loaded here', async () => {
  const { submission, all, stands, look } = scene(({ hash }) => stands(hash, 5))
  const answered = submission.submit(words, program, {}, { fresh: true })
  await new Promise(setImmediate)
  const up = { hash: 'h', submitted: 5, plan: {} as Plan } as Resident
  all.set('words', up)
  look.again()
  expect(await Promise.race([answered, new Promise((resolve) => setImmediate(resolve, 'nobody answers'))])).toBe(up)
})

test('who is to begin with a savepoint is told where somebody else has submitted the pipeline meanwhile, and takes nothing away', async () => {
  const { submission, withdrawn, stands } = scene(() => stands('another', 5))
  const answered = submission.submit(words, program, {}, { savepoint: 'one' })
  await expect(answered).rejects.toMatchObject({ code: 'E_PIPELINE_THERE' })
  expect(withdrawn).toEqual([])
})

test('S7: programs that come from the store at once let others have the loop in between', async () => {
  const [first, ...others] = await Promise.all(
    [1, 2, 3, 4].map(async (n) => {
      const file = join(root, `p${n}.ts`)
      const text = `import { generatorSource, nullSink, pipeline } from 'potoroo'
export default pipeline('p${n}', (p) => { p.source('in', generatorSource({ value: (n) => n, rate: 1 })).sink('out', nullSink()) })`
      writeFileSync(file, text)
      return (await loadPipeline(file, defaultLimits)).bundle
    }),
  )
  const programs = new Map([first!, ...others].map((bundle) => [bundle.hash, bundle]))
  const ledger = {
    program: (hash: string, done: (error: null, found: unknown) => void) => done(null, programs.get(hash)),
  }
  const seams = {
    worker: { ledger, cluster: emptyCluster },
    clock: new RealClock(),
    limits: defaultLimits,
    alone: false,
  }
  const submission = new Submission(seams as unknown as SubmissionSeams)
  let turn = 0
  const count = (): void => {
    turn++
    if (loaded.length < programs.size) setImmediate(count)
  }
  const loaded: number[] = []
  setImmediate(count)
  const load = (hash: string, n: number) =>
    new Promise((done) =>
      submission.load(`p${n + 1}`, { ...newEntry, hash, parameters: {} }, (error) => {
        loaded.push(turn)
        done(error)
      }),
    )
  expect(await Promise.all([...programs.keys()].map(load))).toEqual([null, null, null, null])
  expect(new Set(loaded).size).toBe(programs.size)
})

test('S6: who waits until a program stands here keeps nobody from taking it out', async () => {
  const { submission, stands, look } = scene(({ hash }) => stands(hash, 5))
  const answered = submission.submit(words, program, {}, { fresh: true })
  await new Promise(setImmediate)
  submission.cancelled('other')
  look.again()
  expect(await Promise.race([answered, new Promise((resolve) => setImmediate(resolve, 'waits'))])).toBe('waits')
  submission.cancelled('words')
  look.again()
  await expect(answered).rejects.toMatchObject({ code: 'E_SUBMIT_OVERTAKEN' })
})

test('who submits one pipeline more than workers can name to each other is told so', async () => {
  const { submission, crowd } = scene(() => {})
  crowd(1024)
  await expect(submission.submit(words, program)).rejects.toMatchObject({ code: 'E_PIPELINES_FULL' })
})

test('S8: of pipelines that were taken out nothing stays here', async () => {
  const { submission, all, crowd, stands } = scene(({ hash }) => stands(hash, 5))
  for (let n = 0; n < 50; n++) {
    crowd(0)
    const one = pipeline(`words${n}`, (p) => {
      p.source('in', generatorSource({ value: (k) => k, rate: 1 })).sink('out', nullSink())
    })
    // Somebody takes it out before it stands here.
    await submission.submit(one, program).catch(({ code }) => expect(code).toBe('E_SUBMIT_OVERTAKEN'))
    expect(all.size).toBe(0)
  }
  expect(submission.held).toBeLessThanOrEqual(2)
  expect(submission.held).toBeGreaterThan(0)
})
