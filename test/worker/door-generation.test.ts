import { expect, test } from 'vitest'
import type { DoorMessage } from '../../src/ingest/generation.ts'
import { doorGeneration, isDoorMessage } from '../../src/worker/door-generation.ts'

const members = ['w1', 'w3'].map((worker) => ({ worker, incarnation: 'a', address: '' }))
const placement = { splits: [], heirs: [{ worker: 'w2', heirs: [1] }], leaving: [] }
const generation = { number: 7, coordinator: 'w3', members, self: 0, owners: new Uint16Array(8), placement }

test('the door hears of members, of heirs, and of nobody where nobody is named', () => {
  const sent: [string, DoorMessage][] = []
  const door = doorGeneration(generation, { send: (worker, message) => sent.push([worker, message as DoorMessage]) })
  const stream = { source: 'words#7/lines', producer: 'p', incarnation: '1' }
  expect(['w1', 'w2', 'w9'].map((home) => door.homeOf(home, stream))).toEqual(['w1', 'w3', null])
  expect([door.number, door.coordinator, door.members]).toEqual([7, 'w3', ['w1', 'w3']])
  door.send('w3', { kind: 'homeAsked', ...stream })
  expect(sent).toEqual([['w3', { kind: 'homeAsked', ...stream }]])
})

test('messages about streams are the door’s, others are not', () => {
  expect(isDoorMessage({ kind: 'homeAsked', source: 's', producer: 'p', incarnation: '1' })).toBe(true)
  expect(isDoorMessage({ kind: 'activate', generation: 7 })).toBe(false)
})
