/** Asking all workers of a cluster about a pipeline of which some have no part. */
import { expect, test } from 'vitest'
import { fail } from '../../src/base/errors.ts'
import type { ControlClient } from '../../src/cli/control-client.ts'
import { askAll, askOneOf } from '../../src/cli/each-worker.ts'

const absences = [
  fail('E_PIPELINE_UNLOADED', { pipeline: 'p', worker: 'w1', reason: 'no table' }),
  fail('E_PIPELINE_NOT_UP', { pipeline: 'p', worker: 'w2' }),
  fail('E_NOT_RUNNING', { pipeline: 'p', phase: 'drained' }),
]
const notParked = fail('E_STREAM_NOT_PARKED', { producer: 'a', source: 's' })
const workers = (...answers: (string | Error)[]) =>
  answers.map((answer) => ({ address: answer }) as never as ControlClient)
const ask = async ({ address }: ControlClient): Promise<string> => {
  const answer = address as unknown
  if (answer instanceof Error) throw answer
  return answer as string
}

test('those that have no part of it keep nobody from the answers of the others', async () => {
  expect(await askAll(workers(...absences, 'a', 'b'), ask)).toEqual(['a', 'b'])
  expect(await askOneOf(workers(...absences, notParked, 'a', 'b'), 'E_STREAM_NOT_PARKED', ask)).toBe('a')
})

test('where none has a part of it, or one fails, that is said', async () => {
  await expect(askAll(workers(...absences), ask)).rejects.toBe(absences[2])
  await expect(askAll(workers('a', notParked), ask)).rejects.toBe(notParked)
  await expect(askOneOf(workers(absences[0]!, notParked, absences[1]!), 'E_STREAM_NOT_PARKED', ask)).rejects.toBe(
    notParked,
  )
  await expect(askOneOf(workers(absences[0]!), 'E_STREAM_NOT_PARKED', ask)).rejects.toBe(absences[0])
})
