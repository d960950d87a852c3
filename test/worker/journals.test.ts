/** Where journals lie, and their seals in the store. */
import { expect, test } from 'vitest'
import { defaultLimits } from '../../src/base/limits.ts'
import { seal as sealPath } from '../../src/checkpoint/layout.ts'
import type { Store } from '../../src/checkpoint/store.ts'
import type { Disk } from '../../src/env/disk.ts'
import { Journals, sealsOf } from '../../src/worker/seat/journals.ts'

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

test('what else lies in the folder of all journals is nobody’s journal', () => {
  const names = ['.DS_Store', 'README', 'a%2eb', 'a.b', 'lost+found', 'w1', 'x'.repeat(250), '%ff']
  const disk = {
    list: (_: string, done: (error: null, names: string[]) => void) => done(null, names),
  } as unknown as Disk
  const journals = new Journals({ disk, worker: 'w2', data: '/data', shared: '/journals' })
  journals.list(() => {})
  expect(journals.workers).toEqual(['a.b', 'w1'])
  const reach = journals.reach({ incarnations: new Map(), since: 0 })
  expect(reach.map(({ directory }) => directory)).toEqual(['/journals/w2', '/journals/a%2eb', '/journals/w1'])
})
