import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SourceDescription } from '../../src/model/connector.ts'
import { type Pipeline, pipeline } from '../../src/model/pipeline.ts'
import type { ChainPlan, Plan } from '../../src/model/plan.ts'
import { plan } from '../../src/model/planner.ts'
import type { Stream } from '../../src/model/stream.ts'
import { runGraph, runPlan, testSink, testSource } from './interpret.ts'

const counted = { init: () => ({ n: 0 }), step: (_: { n: number }, value: string) => `${value}.` }

/** A plan's shape in a few characters: `op op → end`. */
function show(chain: ChainPlan): string {
  const ops = chain.ops.map((op) => op.step).join(' ')
  const { end } = chain
  const all = (parts: readonly (ChainPlan | null)[]) =>
    parts.map((part) => (part === null ? '-' : show(part))).join(' | ')
  const to =
    end.kind === 'forward'
      ? `>${end.channel}`
      : end.kind === 'exchange'
        ? `${end.step}=>${end.channel}`
        : end.kind === 'drop'
          ? 'drop'
          : `${end.kind}(${all(end.to)})`
  return ops === '' ? to : `${ops} ${to}`
}

function shape({ tasks, channels }: Plan) {
  return {
    tasks: tasks.map(
      (task) => `${task.id} ${task.kind} ${task.step}${task.kind === 'sink' ? '' : `: ${show(task.chain)}`}`,
    ),
    channels: channels.map(({ id, from, to, kind }) => `${id} ${kind} ${from}>${to}`),
  }
}

const planOf = (built: Pipeline) => shape(plan(built.build()))

describe('cutting', () => {
  test('stateless steps are fused, keys cut, sinks stand alone', () => {
    const words = pipeline('words', (p) => {
      p.source('lines', testSource())
        .flatMap('split', (line) => line.split(' '))
        .filter('long', (word) => word.length > 3)
        .keyBy('by-word', (word) => word)
        .mapWithState('count', counted)
        .map('show', (row) => row)
        .sink('out', testSink())
    })
    expect(planOf(words)).toEqual({
      tasks: ['0 source lines: split long by-word=>0', '1 keyed count: show >1', '2 sink out'],
      channels: ['0 exchange 0>1', '1 forward 1>2'],
    })
  })

  test('a merge leaves no trace: what follows it is copied into each input', () => {
    const merged = pipeline('merged', (p) => {
      const left = p.source('left', testSource()).map('only-left', (value) => value)
      const both = left.merge('both', p.source('right', testSource())).map('upper', (value) => value.toUpperCase())
      both.keyBy('by-value', (value) => value).mapWithState('count', counted)
      both.sink('raw', testSink())
    })
    expect(planOf(merged)).toEqual({
      tasks: [
        '0 source left: only-left upper tee(by-value=>0 | >1)',
        '1 source right: upper tee(by-value=>2 | >3)',
        '2 keyed count: drop',
        '3 sink raw',
      ],
      channels: ['0 exchange 0>2', '1 forward 0>3', '2 exchange 1>2', '3 forward 1>3'],
    })
  })

  test('a branch keeps the places of outputs that nobody uses', () => {
    const parted = pipeline('parted', (p) => {
      const { a, rest } = p.source('in', testSource()).branch('part', { a: (v) => v < 'm', b: (v) => v === 'z' })
      a.sink('first', testSink())
      rest.map('r', (value) => value).sink('others', testSink())
    })
    expect(planOf(parted)).toEqual({
      tasks: ['0 source in: branch(>0 | - | r >1)', '1 sink first', '2 sink others'],
      channels: ['0 forward 0>1', '1 forward 0>2'],
    })
    expect(plan(parted.build()).tasks[0]).toMatchObject({ chain: { end: { outputs: ['a', 'b', 'rest'] } } })
  })

  test('several readers of one key have an exchange each; asyncMap is a task of its own', () => {
    const several = pipeline('several', (p) => {
      const keyed = p.source('in', testSource()).keyBy('by-value', (value) => value)
      keyed
        .mapWithState('one', counted)
        .asyncMap('call', async (value) => value)
        .sink('out', testSink())
      keyed.mapWithState('two', counted).asyncMap('call-too', async (value) => value, { concurrency: 2, timeoutMs: 5 })
    })
    expect(planOf(several)).toEqual({
      tasks: [
        '0 source in: tee(by-value=>0 | by-value=>1)',
        '1 keyed one: >2',
        '2 asyncMap call: >3',
        '3 sink out',
        '4 keyed two: >4',
        '5 asyncMap call-too: drop',
      ],
      channels: ['0 exchange 0>1', '1 exchange 0>4', '2 forward 1>2', '3 forward 2>3', '4 forward 4>5'],
    })
    const { tasks } = plan(several.build())
    expect(tasks[2]).toMatchObject({ concurrency: 16, timeoutMs: 30_000 })
    expect(tasks[5]).toMatchObject({ concurrency: 2, timeoutMs: 5 })
  })

  test('a pipeline that would double with every merge is refused', () => {
    const doubling = pipeline('doubling', (p) => {
      let stream: Stream<string> = p.source('in', testSource())
      for (let i = 0; i < 40; i++)
        stream = stream
          .map(`a${i}`, (v) => v)
          .merge(
            `m${i}`,
            stream.map(`b${i}`, (v) => v),
          )
      stream.sink('out', testSink())
    })
    expect(() => plan(doubling.build())).toThrow(expect.objectContaining({ code: 'E_PLAN_TOO_LARGE' }))
  })

  test('a row of more steps than a stack holds is refused, and one of a thousand is not', () => {
    const row = (steps: number) =>
      pipeline('row', (p) => {
        let stream: Stream<string> = p.source('in', testSource())
        for (let i = 0; i < steps; i++) stream = stream.map(`a${i}`, (v) => v)
        stream.sink('out', testSink())
      }).build()
    expect(plan(row(1000)).tasks).toHaveLength(2)
    expect(() => plan(row(20_000))).toThrow(expect.objectContaining({ code: 'E_PLAN_TOO_LARGE' }))
  })

  test('a pipeline with faults is not planned', () => {
    expect(() => plan(pipeline('empty', () => {}).build())).toThrow(expect.objectContaining({ code: 'E_PIPELINE' }))
  })
})

describe('lowering', () => {
  const keyedOf = (build: (source: Stream<string>) => void) => {
    const { tasks } = plan(pipeline('x', (p) => build(p.source('in', testSource()))).build())
    const task = tasks.find((one) => one.kind === 'keyed')
    if (task?.kind !== 'keyed' || task.keyed.kind !== 'aggregate') throw new Error('no aggregate')
    return task.keyed
  }

  test('reduce adds up its values, and grouping changes nothing', () => {
    const keyed = keyedOf((s) => {
      s.keyBy('k', (v) => v).reduce('all', (sum, value) => sum + value, { every: 7, ttl: 9 })
    })
    expect(keyed).toMatchObject({ everyMs: 7, ttlMs: 9, schema: { version: 1 } })
    fc.assert(
      fc.property(fc.array(fc.array(fc.string(), { maxLength: 4 }), { minLength: 1, maxLength: 5 }), (groups) => {
        fc.pre(groups.flat().length > 0)
        const total = keyed.init('k')
        for (const group of groups) {
          const part = keyed.init('k')
          for (const value of group) keyed.add(part, value)
          keyed.combine!(total, part)
        }
        expect(keyed.result(total, 'k')).toBe(groups.flat().join(''))
      }),
    )
  })

  test('aggregate may combine only where it says how', () => {
    const options = {
      init: () => ({ n: 0 }),
      add: (sum: { n: number }) => void sum.n++,
      result: (sum: { n: number }) => sum.n,
    }
    const combine = (sum: { n: number }, other: { n: number }) => void (sum.n += other.n)
    expect(keyedOf((s) => void s.keyBy('k', (v) => v).aggregate('a', options))).toMatchObject({
      combine: null,
      everyMs: 1000,
    })
    expect(keyedOf((s) => void s.keyBy('k', (v) => v).aggregate('a', { ...options, combine }))).toMatchObject({
      combine,
    })
  })
})

/** One step to add to a random graph; the numbers choose among the streams there are. */
const additions = fc.array(
  fc.record({
    kind: fc.constantFrom('map', 'filter', 'flatMap', 'inspect', 'merge', 'branch', 'key', 'async', 'sink', 'source'),
    from: fc.nat(),
    other: fc.nat(),
  }),
  { minLength: 3, maxLength: 16 },
)

/** Builds what `steps` say. Step functions mark the records, so that every path is told apart. */
function randomPipeline(steps: typeof additions extends fc.Arbitrary<infer A> ? A : never): Pipeline {
  const source = (): SourceDescription<string> => testSource()
  return pipeline('random', (p) => {
    const streams: Stream<string>[] = [p.source('s', source())]
    for (const [i, { kind, from, other }] of steps.entries()) {
      const stream = streams[from % streams.length]!
      const name = `${kind}${i}`
      if (kind === 'map') streams.push(stream.map(name, (value) => value + i))
      else if (kind === 'filter') streams.push(stream.filter(name, (value) => value.length % 3 !== i % 3))
      else if (kind === 'flatMap')
        streams.push(stream.flatMap(name, (value) => [value, `${value}f`].slice(0, value.length % 3)))
      else if (kind === 'inspect') streams.push(stream.inspect(name, () => {}))
      else if (kind === 'merge') streams.push(stream.merge(name, streams[other % streams.length]!))
      else if (kind === 'async') streams.push(stream.asyncMap(name, async (value) => value))
      else if (kind === 'source') streams.push(p.source(name, source()))
      else if (kind === 'key') streams.push(stream.keyBy(name, (v) => v).mapWithState(`${name}s`, counted))
      else if (kind === 'sink') stream.sink(name, testSink())
      else {
        const parts = stream.branch(name, { odd: (v) => v.length % 2 === 1, two: (v) => v.length === 2 })
        streams.push(parts.two, parts.rest, parts.odd)
      }
    }
  })
}

test('a plan brings to every sink what its graph says, by P1, P2 and P3', () => {
  fc.assert(
    fc.property(additions, fc.array(fc.string({ maxLength: 4 }), { maxLength: 5 }), (steps, records) => {
      const graph = randomPipeline(steps).build()
      const made = plan(graph)
      const inputs = Object.fromEntries(graph.steps.map(({ name }) => [name, records]))
      expect(runPlan(made, inputs)).toEqual(runGraph(graph, inputs))
      expect(made.tasks.map((task) => task.id)).toEqual([...made.tasks.keys()])
      expect(made.channels.map((channel) => channel.id)).toEqual([...made.channels.keys()])
      for (const { id, from, to, kind } of made.channels) {
        expect(from).toBeLessThan(to)
        const receiver = made.tasks[to]!
        expect(receiver.kind !== 'source' && receiver.inputs.filter((input) => input === id)).toHaveLength(1)
        expect(receiver.kind === 'keyed').toBe(kind === 'exchange')
      }
      expect(JSON.stringify(plan(graph))).toBe(JSON.stringify(made))
    }),
    { numRuns: 400 },
  )
})
