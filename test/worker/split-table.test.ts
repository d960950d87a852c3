/** Numbers of splits: they are used again, and never for another split as long as a record has them. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SplitTable } from '../../src/worker/execution/sources/split-table.ts'

/** Complete epochs after which a number that nobody uses is free for sure. */
const LONG = 32

interface Carried {
  readonly number: number
  readonly name: string
  /** Epochs that had begun when it was made. */
  readonly madeAt: number
}

test('a number stands for the split that a record took it for, until an epoch has passed that found no such record (X3)', () => {
  const acts = fc.array(
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ kind: fc.constant('record' as const), split: fc.nat(40), held: fc.boolean() }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('epoch' as const), completes: fc.boolean() }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('emit' as const) }) },
    ),
    { maxLength: 200 },
  )
  fc.assert(
    fc.property(acts, (acts) => {
      const table = new SplitTable()
      let begun = 0
      let onTheWay: Carried[] = []
      let held: Carried[] = []
      for (const act of acts) {
        if (act.kind === 'record') {
          const name = `split ${act.split}`
          const carried = { number: table.numberOf(name), name, madeAt: begun }
          if (act.held) held.push(carried)
          else onTheWay.push(carried)
        } else if (act.kind === 'emit') {
          onTheWay.push(...held)
          held = []
        } else {
          table.begin()
          begun++
          // The barrier passes everything that is on its way; what steps hold is written where the epoch is saved.
          onTheWay = []
          if (act.completes) {
            for (const { number, name } of held) expect(table.keep(number)).toBe(name)
            table.complete()
          }
        }
        for (const { number, name } of [...onTheWay, ...held]) expect(table.nameOf(number)).toBe(name)
      }
    }),
  )
})

test('splits that come and go leave nothing behind', () => {
  const table = new SplitTable()
  const always = table.of('always there')
  for (let epoch = 0; epoch < 2000; epoch++) {
    always.use()
    for (let n = 0; n < 10; n++) expect(table.numberOf(`page ${epoch}/${n}`)).toBeLessThan(10 * LONG)
    table.begin()
    table.complete()
  }
  expect(always.number).toBe(0)
  expect(table.size).toBeLessThan(10 * LONG)
  for (let epoch = 0; epoch < LONG; epoch++) {
    table.begin()
    table.complete()
  }
  expect(table.size).toBe(0)
})

test('who keeps a split whose number was set free gets it a number again, the same as others who know its name', () => {
  const table = new SplitTable()
  const kept = table.of('a')
  kept.use()
  for (let epoch = 0; epoch < LONG; epoch++) {
    table.begin()
    table.complete()
  }
  expect([table.size, table.numberOf('b')]).toEqual([0, 0])
  const number = table.numberOf('a')
  expect([number, kept.use(), table.nameOf(number)]).toEqual([1, 1, 'a'])
})
