/**
 * A key table:
 * - holds what a `Map` holds, through collisions, removals and growth, however much room it was given before
 * - keeps none of the texts alive that its keys were cut from
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { KEYS_MAX, KeyTable } from '../../src/state/key-table.ts'
import { ownText } from '../../src/state/own-text.ts'

test('a key table holds what a map holds', () => {
  // Few hashes, some alike in their low bits or in their tags only: everything collides.
  const hash = fc.constantFrom(0, 1, 2, 15, 16, 0x1000f, 0x10000, 0x1f0000, -1, -16)
  const keys = fc.tuple(hash, fc.nat(6)).map(([h, n]) => ({ hash: h, key: `${h} ${n}` }))
  const commands = fc.array(fc.record({ at: keys, remove: fc.boolean() }), { maxLength: 200, size: 'max' })
  fc.assert(
    fc.property(commands, fc.nat(100), (run, room) => {
      const table = new KeyTable(0, true)
      table.reserve(room)
      const model = new Map<string, { hash: number; state: object }>()
      for (const { at, remove } of run) {
        const entry = table.find(at.hash, at.key)
        expect(entry >= 0 ? table.state(entry) : undefined).toBe(model.get(at.key)?.state)
        if (remove && entry >= 0) {
          table.erase(entry)
          model.delete(at.key)
        } else if (entry < 0) {
          const state = {}
          table.insert(at.hash, at.key, state, 1)
          model.set(at.key, { hash: at.hash, state })
        }
      }
      expect(table.size).toBe(model.size)
      for (const [key, { hash: h, state }] of model) expect(table.state(table.find(h, key))).toBe(state)
    }),
    { numRuns: 500 },
  )
})

test('a key table uses the place of a removed key again', () => {
  const table = new KeyTable(0, false)
  for (let round = 0; round < 1000; round++) table.erase(table.insert(round, `key ${round}`, {}, 1))
  expect(table.top).toBe(1)
})

test('keys keep no other text alive', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const heap = () => {
    collect()
    collect()
    return process.memoryUsage().heapUsed
  }
  const kept: string[] = new Array<string>(500).fill('')
  const before = heap()
  for (let i = 0; i < kept.length; i++) {
    const block = Buffer.alloc(32_768, `${i} `).toString('latin1')
    kept[i] = ownText(block.substring(100, 140))
  }
  expect((heap() - before) / kept.length).toBeLessThan(1000)
})

test('an own text equals its original, whatever its units', () => {
  const units = fc.array(fc.nat(0xffff), { maxLength: 40 }).map((codes) => String.fromCharCode(...codes))
  fc.assert(fc.property(units, (text) => ownText(text) === text))
})

test('a key table has room for as many keys as a key group may have', () => {
  const table = new KeyTable(0, false)
  table.reserve(KEYS_MAX)
  expect(table.insert(7, 'key', {}, 1)).toBe(0)
  expect(table.find(7, 'key')).toBe(0)
})
