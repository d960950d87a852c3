import { expect, test } from 'vitest'
import { TurnsByName } from '../../src/worker/pipelines/turns-by-name.ts'

test('what is asked for one pipeline is done in the order in which it was asked, others do not wait for it', async () => {
  const turns = new TurnsByName()
  const done: string[] = []
  const first = Promise.withResolvers<void>()
  const waits = turns.take('a', async () => {
    await first.promise
    done.push('a1')
  })
  const behind = turns.take('a', async () => void done.push('a2'))
  await turns.take('b', async () => void done.push('b1'))
  expect(done).toEqual(['b1'])
  first.resolve()
  await Promise.all([waits, behind])
  expect(done).toEqual(['b1', 'a1', 'a2'])
})

test('behind something that fails the next thing is done, and only who asked hears of the failure', async () => {
  const turns = new TurnsByName()
  const fails = turns.take('a', async () => {
    throw new Error('no')
  })
  const behind = turns.take('a', async () => 'done')
  await expect(fails).rejects.toThrow('no')
  expect(await behind).toBe('done')
})

test('nothing is kept of names for which nothing is being done', async () => {
  const turns = new TurnsByName()
  await Promise.all(Array.from({ length: 100 }, (_, n) => turns.take(`p${n}`, async () => n)))
  await turns.take('last', async () => {})
  await Promise.resolve()
  expect(turns.size).toBe(0)
})
