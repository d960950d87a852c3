/**
 * A worker on the real disk, in this process:
 * - goes on where it was closed in the middle, with every key as it should be
 * - refuses an epoch whose state cannot be written, names step, key and field, and holds the sources after too many
 * - counts the epochs abandoned in a row, and says when one is complete again
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { PotorooError } from '../../src/base/errors.ts'
import { hashKey } from '../../src/base/hash.ts'
import { type Limits, makeLimits } from '../../src/base/limits.ts'
import type { LogFields } from '../../src/env/log.ts'
import { realEnv } from '../../src/env/real/env.ts'
import { RealOutput } from '../../src/env/real/output.ts'
import { generatorSource, nullSink, type Pipeline, pipeline } from '../../src/index.ts'
import { plan } from '../../src/model/planner.ts'
import type { Execution } from '../../src/worker/execution/execution.ts'
import { Worker } from '../../src/worker/worker.ts'

let data = ''
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'potoroo-worker-'))
})
afterEach(() => {
  rmSync(data, { recursive: true, force: true })
})

interface Running {
  readonly worker: Worker
  readonly execution: Execution
  readonly warnings: { readonly code: string; readonly fields: LogFields | undefined }[]
  /** Resolves when every source has ended. */
  readonly ended: Promise<void>
}

async function start(program: Pipeline, changes: Partial<Limits>): Promise<Running> {
  const warnings: Running['warnings'] = []
  const env = realEnv({ log: { level: 'error' } })
  const log = { ...env.log, warn: (code: string, fields?: LogFields) => warnings.push({ code, fields }) }
  const limits = makeLimits({ keyGroups: 16, ...changes })
  const options = { worker: 'w1', data, limits, output: new RealOutput(), acceptLoss: false }
  const problem = Promise.withResolvers<never>()
  problem.promise.catch(() => {})
  const failed = (error: PotorooError) => problem.reject(error)
  const running = Promise.withResolvers<Execution>()
  const ended = Promise.withResolvers<void>()
  const ignore = () => {}
  const worker = new Worker({ ...env, log: Object.assign(Object.create(env.log), log) }, options, {
    load: (_, __, done) => env.clock.soon(() => done(null, { plan: plan(program.build()) })),
    wants: () => true,
    running: ({ execution }) => running.resolve(execution),
    ended: () => ended.resolve(),
    failed: (_, error) => failed(error),
    unloaded: (_, error) => failed(error),
    lost: failed,
    ...{ left: ignore, listening: ignore, warned: ignore, letter: ignore, changed: ignore },
  })
  await new Promise<void>((resolve, reject) => worker.open((error) => (error === null ? resolve() : reject(error))))
  await new Promise<void>((resolve) => worker.seated(resolve))
  await new Promise<void>((resolve, reject) => {
    const text = { hash: 'the-program', text: '', map: '' }
    worker.ledger.submit(program.name, text, {}, { from: null, drop: [], places: [] }, (error) =>
      error === null ? resolve() : reject(error),
    )
  })
  const execution = await Promise.race([running.promise, problem.promise])
  return { worker, execution, warnings, ended: Promise.race([ended.promise, problem.promise]) }
}

const close = (worker: Worker) => new Promise<void>((resolve) => worker.close(resolve))

/** Resolves when `holds` does, looked at between turns of the loop. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve))
}

const KEYS = 100
const COUNT = 200_000

const sums = pipeline('sums', (p) => {
  p.source('numbers', generatorSource<number>({ value: (n) => n, count: COUNT, rate: 400_000 }))
    .keyBy('by', (n) => n % KEYS)
    .mapWithState('sum', {
      init: () => ({ sum: 0, count: 0 }),
      step: (state, n) => {
        state.sum += n
        state.count++
        return state.sum
      },
    })
    .sink('nowhere', nullSink())
})

test('a worker that is closed in the middle goes on exactly', async () => {
  const limits = { checkpointIntervalMs: 50 }
  const first = await start(sums, limits)
  await until(() => (first.execution.status.figures?.epoch ?? 0) >= 2)
  await close(first.worker)
  const second = await start(sums, limits)
  await second.ended
  const store = second.execution.stores.get('sum')!
  for (let key = 0; key < KEYS; key++) {
    const table = store.table(hashKey(key))
    const count = COUNT / KEYS
    const sum = count * key + (KEYS * count * (count - 1)) / 2
    expect(table.state(table.find(hashKey(key), key))).toEqual({ sum, count })
  }
  await close(second.worker)
})

/** Keeps what `keep` makes of the last number. */
const keeping = (name: string, keep: (n: number) => unknown) =>
  pipeline(name, (p) => {
    p.source('numbers', generatorSource<number>({ value: (n) => n, rate: 1000 }))
      .keyBy('by', (n) => n % 3)
      .mapWithState('keep', {
        init: () => ({ last: null as unknown }),
        step: (state, n) => {
          state.last = keep(n)
        },
      })
      .sink('nowhere', nullSink())
  })

const leaky = keeping('leaky', (n) => () => n)

test('state that cannot be written is named, and stops the sources', async () => {
  const under = await start(leaky, { checkpointIntervalMs: 20, checkpointTimeoutMs: 1000, maxAbandoned: 2 })
  await until(() => under.warnings.filter(({ code }) => code === 'checkpoint.abandoned').length >= 3)
  const [warning] = under.warnings.filter(({ code }) => code === 'checkpoint.abandoned')
  expect(String(warning!.fields?.reason)).toMatch(/keep.*\.last.*function.*keep plain data/)
  await close(under.worker)
})

const mended = keeping('mended', (n) => (n % 400 < 200 ? () => n : n))

test('epochs abandoned in a row are counted, and the next complete one ends the row', async () => {
  const under = await start(mended, { checkpointIntervalMs: 20, checkpointTimeoutMs: 1000, maxAbandoned: 1000 })
  const recovered = () => under.warnings.filter(({ code }) => code === 'checkpoint.recovered')
  // On a slow machine a row may be over after one.
  const long = () => recovered().filter(({ fields }) => Number(fields?.after) > 1)
  await until(() => recovered().length >= 2 && long().length >= 1)
  let row = 0
  for (const { code, fields } of under.warnings) {
    if (code === 'checkpoint.abandoned') expect(fields).toMatchObject({ inARow: ++row })
    if (code !== 'checkpoint.recovered') continue
    expect(fields).toMatchObject({ pipeline: 'mended', after: row })
    row = 0
  }
  await close(under.worker)
})
