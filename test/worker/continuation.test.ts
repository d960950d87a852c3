import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { fail } from '../../src/base/errors.ts'
import type { Clock } from '../../src/env/clock.ts'
import type { Plan } from '../../src/model/plan.ts'
import { requireContinuation } from '../../src/worker/pipelines/continuation.ts'
import type { Worker } from '../../src/worker/worker.ts'

test('who asks for a program while the one before comes up hears that the worker ends', async () => {
  const worker = { residents: { late: new Map([['one', 'starting']]) } } as unknown as Worker
  const clock = { monotonic: () => 0, after: () => ({ cancel() {} }) } as unknown as Clock
  const end = Promise.withResolvers<void>()
  const asked = { worker, clock, timeoutMs: 1000, until: () => end.promise }
  const answered = requireContinuation(asked, { pipeline: 'one' } as Plan, { from: null, fresh: false, drop: [] })
  const heard = expect(answered).rejects.toMatchObject({ code: 'E_WORKER_ENDED' })
  await turn()
  end.reject(fail('E_WORKER_ENDED', { worker: 'w1' }))
  await heard
})
