/**
 * Development mode names, at the record that does it:
 * - a result that shares an object with the state, however deep
 * - two keys that share an object, by init or by a record
 * - a state that could not be written
 * and lets everything else through.
 */
import { expect, test } from 'vitest'
import { generatorSource, nullSink, pipeline } from '../../src/index.ts'
import { plan } from '../../src/model/planner.ts'
import { stage } from './stage.ts'

type Step = (state: Record<string, unknown>, value: number) => unknown

function run(step: Step, init: () => Record<string, unknown> = () => ({ list: [] })) {
  const planned = plan(
    pipeline('under-test', (p) => {
      p.source('in', generatorSource<number>({ value: (n) => n }))
        .keyBy('by', (n) => n % 2)
        .mapWithState('step', { init, step })
        .sink('out', nullSink({ encode: (row) => `${JSON.stringify(row)} ` }))
    }).build(),
  )
  const under = stage(planned, { in: [0, 1, 2, 3] }, {}, {}, true)
  under.settle()
  const codes = under.failures.map(({ error }) => (error as { code?: string }).code)
  return { codes, text: under.writers.get('out')!.text, failures: under.failures }
}

test('a result that holds a part of the state', () => {
  const { codes, text } = run((state) => ({ deep: [{ list: state.list }] }))
  expect(codes).toEqual(Array(4).fill('E_STATE_SHARED'))
  expect(text).toBe('')
})

test('two keys whose states hold the same object', () => {
  const shared = { hits: 0 }
  const { codes } = run(
    (_state, n) => n,
    () => ({ shared }),
  )
  expect(codes).toEqual(['E_STATE_OF_TWO', 'E_STATE_OF_TWO'])
})

test('a state that cannot be written', () => {
  const { failures } = run((state, n) => {
    state.later = { call: () => n }
    return n
  })
  expect(failures[0]!.error).toMatchObject({ code: 'E_STATE_VALUE', details: { path: '.later.call', key: '0' } })
})

test('copies, and what cannot change, go through', () => {
  const constant = Object.freeze({ name: 'constant' })
  const { codes, text } = run(
    (state, n) => {
      ;(state.list as number[]).push(n)
      return { list: [...(state.list as number[])], constant }
    },
    () => ({ list: [], constant }),
  )
  expect(codes).toEqual([])
  expect(text.split(' ').length).toBe(5)
})
