/** The barrier behind a token, of several members of whom some cannot say. */
import { expect, test } from 'vitest'
import type { AcrossSeams } from '../../src/admin/asking.ts'
import { barrierAcross } from '../../src/admin/behind.ts'
import { fail } from '../../src/base/errors.ts'
import { defaultLimits } from '../../src/base/limits.ts'
import { realEnv } from '../../src/env/real/env.ts'
import { writeToken } from '../../src/protocol/read-token.ts'

const { clock } = realEnv({ log: { level: 'silent' } })
const token = writeToken({ source: 'in', producer: 'p', incarnation: '1', sequence: 1 })
const barrier = { term: '1.1', epoch: 3 }

/** What is found where each of the members answers as is said here, one behind the other. */
function find(answers: readonly (object | null)[]) {
  const members = answers.map((_, i) => ({ worker: `w${i}` }))
  const ask = (worker: string, _path: string, _ms: number, done: (answer: unknown) => void): void => {
    const answer = answers[Number(worker.slice(1))]!
    const isError = answer instanceof Error
    const text = JSON.stringify(isError ? { error: { ...answer, message: answer.message } } : answer)
    setImmediate(done, { status: isError ? 409 : 200, text })
  }
  const plan = { pipeline: 'p', tasks: [{ id: 0, kind: 'source', step: 'in' }], channels: [] }
  const worker = { name: 'other', cluster: { generation: 1, members }, questions: { ask } }
  const pipelines = { worker, find: () => ({ plan }) }
  return barrierAcross({ pipelines, limits: defaultLimits, clock } as unknown as AcrossSeams, 'p', 'step', token, 1000)
}

const failed = fail('E_NOT_RUNNING', { pipeline: 'p' })

test('one who fails does not speak for the others', async () => {
  expect(await find([failed, null, barrier])).toEqual(barrier)
  expect(await find([failed, null])).toBeNull()
  await expect(find([failed, failed])).rejects.toMatchObject({ code: 'E_NOT_RUNNING' })
})
