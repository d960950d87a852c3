import { beforeEach, expect, test } from 'vitest'
import type { Answered } from '../../src/worker/execution/epochs/epoch-requests.ts'
import { NextEpoch } from '../../src/worker/execution/epochs/next-epoch.ts'

let asked: Answered[]
let heard: string[]
let next: NextEpoch
const wait = (name: string) => next.wait((failure) => heard.push(`${name} ${failure}`))

beforeEach(() => {
  asked = []
  heard = []
  next = new NextEpoch((done) => asked.push(done))
})

test('N1: all who come before the next barrier share a request, also where no epoch becomes complete', () => {
  for (let i = 0; i < 1000; i++) wait('early')()
  wait('a')
  wait('b')
  expect(asked.length).toBe(1)
  next.barrier()
  wait('c')
  expect(asked.length).toBe(2)
  asked[0]!(null)
  expect(heard).toEqual(['a null', 'b null'])
  next.barrier()
  asked[1]!('no')
  expect(heard.slice(2)).toEqual(['c no'])
})

test('who comes behind an answer asks anew, and who waits no more hears nothing', () => {
  wait('a')
  const leave = wait('b')
  leave()
  asked[0]!(null)
  wait('c')
  asked[1]!(null)
  expect(heard).toEqual(['a null', 'c null'])
})

test('where nothing runs the answer comes at once', () => {
  next = new NextEpoch((done) => done('it is not running'))
  wait('a')()
  wait('b')
  expect(heard).toEqual(['a it is not running', 'b it is not running'])
})
