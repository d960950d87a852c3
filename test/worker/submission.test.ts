/** How a program comes under the name of its pipeline (`src/worker/pipelines/submission.ts`). */
import { expect, test } from 'vitest'
import { defaultLimits } from '../../src/base/limits.ts'
import { type Cluster, emptyCluster, type PipelineEntry } from '../../src/checkpoint/cluster.ts'
import { generatorSource, nullSink, pipeline } from '../../src/index.ts'
import type { Plan } from '../../src/model/plan.ts'
import type { Resident } from '../../src/worker/pipelines/resident.ts'
import { Submission, type SubmissionSeams } from '../../src/worker/pipelines/submission.ts'

const words = pipeline('words', (p) => {
  p.source('in', generatorSource({ value: (n) => n, rate: 1 })).sink('out', nullSink())
})
const program = { hash: 'h', text: '', map: '' }

test('who has submitted a program of a cluster is answered also where another one has had it loaded here', async () => {
  let cluster: Cluster = emptyCluster
  const all = new Map<string, Resident>()
  const stands = (hash: string, submitted: number): void => {
    const entry = { hash, parameters: {}, run: 1, submitted, drained: false } as unknown as PipelineEntry
    cluster = { ...emptyCluster, pipelines: new Map([['words', entry]]) }
  }
  let look = (): void => {}
  const worker = {
    residents: { all, unloaded: new Map() },
    get cluster() {
      return cluster
    },
    follow: (done: () => void) => done(),
    ledger: {
      keep: (_: unknown, done: (error: null) => void) => done(null),
      withdraw: (_: unknown, done: (error: null) => void) => done(null),
      submit: (_: string, { hash }: typeof program, __: unknown, ___: unknown, done: (error: null) => void) => {
        stands(hash, 5)
        done(null)
      },
      sweep: () => {},
    },
  }
  const submission = new Submission({
    ...{ worker, limits: defaultLimits, alone: false, stop: async () => {} },
    clock: { after: () => ({ cancel: () => {} }) },
    inTurn: (_: string, task: () => Promise<unknown>) => task(),
    until: async (holds: () => boolean) => {
      while (!holds()) await new Promise<void>((resolve) => (look = resolve))
    },
  } as unknown as SubmissionSeams)
  const answered = submission.submit(words, program, {}, { fresh: true })
  await new Promise(setImmediate)
  const up = { hash: 'h', submitted: 5, plan: {} as Plan } as Resident
  all.set('words', up)
  look()
  expect(await Promise.race([answered, new Promise((resolve) => setImmediate(resolve, 'nobody answers'))])).toBe(up)
})
