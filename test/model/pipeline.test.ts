import { expect, test } from 'vitest'
import { isPipeline, type PipelineBuilder, pipeline } from '../../src/model/pipeline.ts'
import type { Stream } from '../../src/model/stream.ts'
import { testSink, testSource } from './interpret.ts'

// biome-ignore lint/suspicious/noExplicitAny: as plain JavaScript sees it
const source = (p: any) => p.source('in', testSource())
// biome-ignore lint/suspicious/noExplicitAny: the same
const keyed = (p: any) => source(p).keyBy('k', String)

const withParameters = pipeline('p', { parameters: { port: 7001, host: 'a', loud: false } }, (p) => {
  p.source('in', testSource({ settings: { ...p.parameters } })).sink('out', testSink())
})

test('what is left behind is a list of named steps', () => {
  const graph = pipeline('words', (p) => {
    const { long } = p.source('in', testSource()).branch('part', { long: (value) => value.length > 9 })
    long
      .keyBy('k', (value) => value)
      .reduce('all', (sum, value) => sum + value)
      .sink('out', testSink())
  }).build()
  expect(graph.steps.map(({ name, kind, inputs }) => ({ name, kind, inputs }))).toEqual([
    { name: 'in', kind: 'source', inputs: [] },
    { name: 'part', kind: 'branch', inputs: [{ step: 0 }] },
    { name: 'k', kind: 'keyBy', inputs: [{ step: 1, output: 'long' }] },
    { name: 'all', kind: 'reduce', inputs: [{ step: 2 }] },
    { name: 'out', kind: 'sink', inputs: [{ step: 3 }] },
  ])
})

test('parameters have defaults, and texts become what the default is', () => {
  const built = (given?: Record<string, string | number | boolean>) => withParameters.build(given).parameters
  expect(withParameters.parameters).toEqual({ port: 7001, host: 'a', loud: false })
  expect(built()).toEqual({ port: 7001, host: 'a', loud: false })
  expect(built({ port: '8000', host: '1', loud: 'true' })).toEqual({ port: 8000, host: '1', loud: true })
  expect(built({ port: 1, loud: true })).toEqual({ port: 1, host: 'a', loud: true })
  const source = withParameters.build({ port: '5' }).steps[0]!
  expect(source.kind === 'source' && source.source.settings).toEqual({ port: 5, host: 'a', loud: false })
})

test.each([
  [{ port: 'x' }, 'parameter port is a number, and "x" is none'],
  [{ port: '' }, 'parameter port is a number, and "" is none'],
  [{ port: 'Infinity' }, 'parameter port is a number'],
  [{ loud: 'yes' }, 'parameter loud is a boolean, and "yes" is none'],
  [{ host: 3 }, 'parameter host is a string, and 3 is none'],
  [{ prot: '1' }, 'there is no parameter prot; did you mean port?'],
  [{ colour: '1' }, 'there is no parameter colour; it has port, host, loud'],
  [{ toString: '1' }, 'there is no parameter toString'],
])('parameters %j are refused', (given, reason) => {
  expect(() => withParameters.build(given as Record<string, string>)).toThrow(reason)
})

test('a parameter whose default is no parameter is refused', () => {
  for (const value of [undefined, null, [1], Number.NaN, 5n, Symbol('a')]) {
    const make = () => pipeline('p', { parameters: { a: value as never } }, () => {})
    expect(make).toThrow(
      expect.objectContaining({ code: 'E_SETTING', message: expect.stringContaining('parameter a') }),
    )
  }
})

test('every build is a graph of its own', () => {
  expect(withParameters.build({ port: 1 }).steps).not.toBe(withParameters.build({ port: 1 }).steps)
})

test('steps cannot be added once the function has returned', () => {
  let kept: Stream<string> | null = null
  pipeline('late', (p) => {
    kept = p.source('in', testSource())
  }).build()
  expect(() => kept!.map('more', (value) => value)).toThrow(expect.objectContaining({ code: 'E_BUILD_OVER' }))
})

test('a function that is async is refused', () => {
  const late = pipeline('late', async (p: PipelineBuilder<Record<never, never>>) => {
    p.source('in', testSource())
  })
  expect(() => late.build()).toThrow('returns a promise')
})

test('what becomes of a function that is async ends nobody', async () => {
  const stray: unknown[] = []
  const onStray = (reason: unknown): void => void stray.push(reason)
  process.on('unhandledRejection', onStray)
  const late = pipeline('late', async (p: PipelineBuilder<Record<never, never>>) => {
    await Promise.resolve()
    p.source('in', testSource())
  })
  expect(() => late.build()).toThrow('returns a promise')
  await new Promise(setImmediate)
  process.off('unhandledRejection', onStray)
  expect(stray).toEqual([])
})

test('a pipeline needs a function', () => {
  expect(() => pipeline('none', undefined as never)).toThrow('has no function')
  expect(() => pipeline('none', {}, undefined as never)).toThrow('has no function')
  expect(() => pipeline(Symbol('none') as never, undefined as never)).toThrow('has no function')
})

test('an option that a pipeline does not have is refused', () => {
  const odd = [null, 7, { parameter: { port: 7001 } }]
  for (const options of odd) {
    const made = () => pipeline('odd', options as never, () => {})
    expect(made).toThrow(expect.objectContaining({ code: 'E_SETTING', message: expect.stringContaining('option') }))
  }
})

test('pipelines are told from all else', () => {
  expect(isPipeline(withParameters)).toBe(true)
  for (const other of [null, undefined, {}, { name: 'x', build() {} }, () => {}, 'x'])
    expect(isPipeline(other)).toBe(false)
})

// What types refuse: plain JavaScript would say that it is no function.
// biome-ignore lint/suspicious/noExplicitAny: the same
test.each<[string, (p: any) => void, string]>([
  ['a sink on a stream with keys', (p) => keyed(p).sink('out', testSink()), 'a stream with keys has mapWithState'],
  ['a second key', (p) => keyed(p).keyBy('again', String), 'and no keyBy: it belongs in front of keyBy'],
  ['a state without keys', (p) => source(p).mapWithState('s', {}), "mapWithState needs keys: keyBy('name'"],
  ['a step without a source', (p) => p.map('m', String), "map follows a source: p.source('name', …).map(…)"],
  ['a window', (p) => keyed(p).window('w'), 'flatMapWithState keeps windows'],
  ['a join', (p) => source(p).join(source(p)), 'merge both streams'],
])('%s is refused, with what to write', (_, build, reason) => {
  const error = { code: 'E_STEP_ABSENT', message: expect.stringContaining(reason) }
  expect(() => pipeline('odd', build).build()).toThrow(expect.objectContaining(error))
})
