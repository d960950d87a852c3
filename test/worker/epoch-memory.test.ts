/** What is kept of epochs until nothing asks for it (`src/worker/execution/epochs/epoch-memory.ts`). */
import { expect, test } from 'vitest'
import { EpochMemory } from '../../src/worker/execution/epochs/epoch-memory.ts'

const rows = [['till', '1', 7, 'a', 1, 0, true, '']]

test('rows are kept until they lie below the floor, and places of files are not', () => {
  const memory = new EpochMemory()
  for (const epoch of [1, 2]) {
    memory.source(epoch, 'tills', rows)
    memory.source(epoch, 'files', { 'a.txt': { offset: epoch } })
  }
  expect([...memory.commit(1).sources]).toEqual([['tills', rows]])
  expect([...memory.commit(2).sources]).toEqual([['tills', rows]])
  expect([...memory.floor(2)!]).toEqual([['tills', rows]])
  expect(memory.floor(1)).toBe(null)
})

test('an epoch of files alone has no rows, and is known to have been made here: no manifest is read for its floor', () => {
  const memory = new EpochMemory()
  memory.source(3, 'files', { 'a.txt': { offset: 1 } })
  expect(memory.floor(3)).toEqual(new Map())
  expect(memory.floor(2)).toBe(null)
})
