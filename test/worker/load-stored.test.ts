/** Which programs of the store are tried beside the loop before they are loaded there: D1 to D3 of `load-stored.ts`. */
import { beforeEach, expect, test, vi } from 'vitest'
import { fail, type PotorooError } from '../../src/base/errors.ts'
import { defaultLimits } from '../../src/base/limits.ts'
import { emptyCluster } from '../../src/checkpoint/cluster.ts'
import { RealClock } from '../../src/env/real/clock.ts'
import { hashText } from '../../src/worker/loading/load-bundle.ts'
import { tryLoading } from '../../src/worker/loading/load-trial.ts'
import { Submission, type SubmissionSeams } from '../../src/worker/pipelines/submission.ts'
import { newEntry } from '../checkpoint/entry.ts'

// A busy machine lets no thread come to its verdict in time; what a trial finds is tested in `load.test.ts`.
vi.mock('../../src/worker/loading/load-trial.ts', () => ({ tryLoading: vi.fn() }))

const BEGINS = 'globalThis.begunOnLoop++\n'
const begun = globalThis as { begunOnLoop?: number }
const slow = fail('E_PIPELINE_SLOW', { path: 'p', timeout: '1 s', does: 'waits' })

beforeEach(() => {
  begun.begunOnLoop = 0
  vi.mocked(tryLoading).mockReset()
})

/** Loads the program `text` as one that the store has; answers its error. */
function loadStoredText(text: string): Promise<PotorooError | null> {
  const stored = { hash: hashText(text), text, map: '{"version":3,"sources":[],"mappings":""}' }
  const ledger = { program: (_: string, done: (error: null, found: unknown) => void) => done(null, stored) }
  const seams = {
    worker: { ledger, cluster: emptyCluster },
    clock: new RealClock(),
    limits: { ...defaultLimits, loadTimeoutMs: 300 },
    alone: false,
  }
  const submission = new Submission(seams as unknown as SubmissionSeams)
  return new Promise((done) => submission.load('p', { ...newEntry, hash: stored.hash, parameters: {} }, done))
}

test('D1: what waits longer than it may is given up before the loop has begun with it', async () => {
  vi.mocked(tryLoading).mockRejectedValue(slow)
  expect(await loadStoredText(`${BEGINS}await new Promise(() => {})\n`)).toBe(slow)
  expect(begun.begunOnLoop).toBe(0)
})

test('D1: what cannot wait is not tried', async () => {
  expect(await loadStoredText(`${BEGINS}export default 1\n`)).toMatchObject({ code: 'E_PIPELINE_EXPORT' })
  expect(begun.begunOnLoop).toBe(1)
  expect(tryLoading).not.toHaveBeenCalled()
})

test('D2: what has held the loop holds it once', async () => {
  vi.mocked(tryLoading).mockRejectedValue(slow)
  const text = `${BEGINS}for (;;);\n`
  expect(await loadStoredText(text)).toMatchObject({ code: 'E_PIPELINE_SLOW', details: { does: 'computes' } })
  expect(await loadStoredText(text)).toBe(slow)
  expect(begun.begunOnLoop).toBe(1)
})

test('D3: where the machine lets no trial come to an end it is loaded untried', async () => {
  vi.mocked(tryLoading).mockRejectedValue(fail('E_PIPELINE_STARVED', { path: 'p', timeout: '1 s', computed: '0 s' }))
  expect(await loadStoredText(`${BEGINS}await 1\nexport default 1\n`)).toMatchObject({ code: 'E_PIPELINE_EXPORT' })
  expect(begun.begunOnLoop).toBe(1)
})
