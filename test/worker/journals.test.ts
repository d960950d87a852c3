/** Seals of journals in the store. */
import { expect, test } from 'vitest'
import { defaultLimits } from '../../src/base/limits.ts'
import { seal as sealPath } from '../../src/checkpoint/layout.ts'
import type { Store } from '../../src/checkpoint/store.ts'
import { sealsOf } from '../../src/worker/seat/journals.ts'

/** A store of which `found` stands where a seal is to be. */
function storeWith(found: Buffer | null): { store: Store; made: string[]; durable: string[] } {
  const made: string[] = []
  const durable: string[] = []
  const store = {
    createExclusive: (path: string, _: Buffer, done: (outcome: string, error: null) => void) => {
      if (found === null) made.push(path)
      done(found === null ? 'created' : 'exists', null)
    },
    read: (_: string, done: (error: null, bytes: Buffer | null) => void) => done(null, found),
    makeDurable: (folder: string, done: (error: null) => void) => {
      durable.push(folder)
      done(null)
    },
  } as unknown as Store
  return { store, made, durable }
}

test('a journal is sealed by what has the name of its seal, whatever has become of that', () => {
  for (const found of [null, Buffer.from('potoroo-seal 1 2 damaged')]) {
    const { store, made, durable } = storeWith(found)
    const answers: unknown[] = []
    sealsOf({ store, clock: null as never, limits: defaultLimits }, 'w1', 'b').seal('w2', 'a', (error) =>
      answers.push(error),
    )
    expect(answers).toEqual([null])
    expect(made).toEqual(found === null ? [sealPath('w2', 'a')] : [])
    expect(durable).toEqual(found === null ? [] : ['sealed/w2'])
  }
})
