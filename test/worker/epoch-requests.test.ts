import { beforeEach, expect, test } from 'vitest'
import type { Purpose } from '../../src/checkpoint/barrier.ts'
import { EpochRequests } from '../../src/worker/execution/epochs/epoch-requests.ts'

const periodic: Purpose = { kind: 'periodic' }
const drain: Purpose = { kind: 'drain', stays: false }
const savepoint = (name: string): Purpose => ({ kind: 'savepoint', name })

let requests: EpochRequests
let heard: string[]
const ask = (name: string, purpose: Purpose) => requests.add(purpose, (failure) => heard.push(`${name} ${failure}`))

beforeEach(() => {
  requests = new EpochRequests()
  heard = []
})

test('R1: the epoch that is under way answers nobody who asks now', () => {
  requests.send(1)
  expect(ask('a', periodic)).toBe(true)
  requests.complete(periodic, 1)
  expect(heard).toEqual([])
  requests.send(2)
  requests.complete(periodic, 2)
  requests.complete(periodic, 2)
  expect(heard).toEqual(['a null'])
})

test('R2: who asks for any checkpoint is served by the next one, whatever it is for', () => {
  expect(ask('s', savepoint('x'))).toBe(true)
  expect(ask('a', periodic)).toBe(false)
  requests.send(1)
  requests.complete(periodic, 1)
  expect(heard).toEqual(['a null'])
  requests.complete(savepoint('y'), 1)
  expect(heard).toEqual(['a null'])
  requests.complete(savepoint('x'), 1)
  expect(heard).toEqual(['a null', 's null'])
})

test('an epoch with a purpose is asked for, also where another one comes', () => {
  expect(ask('a', periodic)).toBe(true)
  expect(ask('d', drain)).toBe(true)
  requests.send(1)
  expect(ask('b', periodic)).toBe(true)
})

test('R3: a refusal is for the one that asked last, and the end is for everyone', () => {
  ask('a', savepoint('x'))
  ask('b', savepoint('x'))
  ask('c', periodic)
  requests.refuse(savepoint('x'), 'another request is waiting')
  expect(heard).toEqual(['b another request is waiting'])
  requests.end('the pipeline has ended')
  expect(heard.slice(1)).toEqual(['a the pipeline has ended', 'c the pipeline has ended'])
  requests.send(1)
  requests.complete(savepoint('x'), 1)
  expect(heard).toHaveLength(3)
})

test('a drain for good and one behind which the pipeline runs again are two requests', () => {
  const forGood: Purpose = { kind: 'drain', stays: true }
  ask('for good', forGood)
  requests.send(1)
  ask('for now', drain)
  // The epoch of the first is abandoned, and that of the second follows.
  requests.refuse(forGood, 'late')
  expect(heard).toEqual(['for good late'])
  ask('for good again', forGood)
  requests.send(2)
  requests.complete(drain, 2)
  expect(heard.slice(1)).toEqual(['for now null'])
  requests.end('the pipeline has ended')
  expect(heard.slice(2)).toEqual(['for good again the pipeline has ended'])
})

test('R4: who asks for an end that is on its way, or has come, has it with that one', () => {
  expect([ask('a', drain), ask('b', drain)]).toEqual([true, false])
  requests.send(1)
  // Nothing comes behind its barrier.
  expect(ask('c', drain)).toBe(false)
  requests.refuse(drain, 'late')
  expect(heard.splice(0)).toEqual(['a late', 'b late', 'c late'])
  expect(ask('d', drain)).toBe(true)
  requests.send(2)
  expect([ask('e', drain), ask('p', periodic)]).toEqual([false, true])
  requests.complete(drain, 2)
  expect(heard.splice(0)).toEqual(['d null', 'e null'])
  expect(ask('f', drain)).toBe(false)
  expect(heard).toEqual(['f null'])
})
