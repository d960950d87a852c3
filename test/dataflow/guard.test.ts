/**
 * Development mode names, at the record that does it:
 * - a result that shares an object with the state, however deep
 * - two keys that share an object, by init or by a record
 * - a state that could not be written
 * and lets everything else through. What a step puts in the place of its state is the state then, and what is forgotten
 * is none.
 */
import { expect, test } from 'vitest'
import { generatorSource, nullSink, pipeline } from '../../src/index.ts'
import type { StepContext } from '../../src/model/plan.ts'
import { plan } from '../../src/model/planner.ts'
import { stage } from './stage.ts'

type Step = (state: Record<string, unknown>, value: number, context: StepContext) => unknown

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

test.for<readonly [code: string, step: Step]>([
  ['E_STATE_VALUE', (_state, _n, context) => context.replace({ later: () => 1 })],
  [
    'E_STATE_SHARED',
    (_state, _n, context) => {
      const list = [1]
      context.replace({ list })
      return { list }
    },
  ],
])('a state that is put in the place of another one: %s', ([code, step]) => {
  expect(run(step).codes).toEqual(Array(4).fill(code))
})

test('what is the state no more is whoever has it', () => {
  const { codes, text } = run((state, n, context) => {
    state.later = () => n
    if (n > 1) context.forget()
    else context.replace({ list: [] })
    return { list: state.list }
  })
  expect(codes).toEqual([])
  expect(text).toBe('{"list":[]} '.repeat(4))
})
