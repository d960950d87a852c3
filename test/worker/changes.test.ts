import { expect, test } from 'vitest'
import { fail } from '../../src/base/errors.ts'
import { Changes } from '../../src/worker/pipelines/changes.ts'

const ended = () => fail('E_WORKER_ENDED', { worker: 'w1' })

test('a condition is looked at again after each change', async () => {
  const changes = new Changes(ended)
  let count = 0
  const waits = changes.until(() => count === 2)
  let over = false
  void waits.then(() => {
    over = true
  })
  for (const expected of [false, true]) {
    count++
    changes.tell()
    await new Promise(setImmediate)
    expect(over).toBe(expected)
  }
})

test('whoever waits when it is closed is told so, and whoever comes later', async () => {
  const changes = new Changes(ended)
  const waits = changes.until(() => false)
  changes.close()
  await expect(waits).rejects.toMatchObject({ code: 'E_WORKER_ENDED' })
  await expect(changes.answered(() => {})).rejects.toMatchObject({ code: 'E_WORKER_ENDED' })
  await changes.until(() => true)
})

test('an answer resolves or rejects, also one that comes at once', async () => {
  const changes = new Changes(ended)
  await changes.answered((done) => done(null))
  await expect(changes.answered((done) => done(ended()))).rejects.toMatchObject({ code: 'E_WORKER_ENDED' })
  let answer: (error: null) => void = () => {}
  const waits = changes.answered((done) => {
    answer = done
  })
  answer(null)
  await waits
})
