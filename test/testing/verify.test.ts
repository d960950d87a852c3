/** `verifyPipeline` and `potoroo verify`: steps that depend on more than their input are named, and no others. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { defaultLimits } from '../../src/base/limits.ts'
import { json, nullSink, type Pipeline, pipeline, type StepContext, seconds, tcpSource } from '../../src/index.ts'
import { plan } from '../../src/model/planner.ts'
import { Purity } from '../../src/sim/purity.ts'
import { verifyPipeline } from '../../src/testing.ts'
import { folder, launcher, Program } from '../process/fixture.ts'

interface Reading {
  readonly id: string
  readonly n: number
}

type Parts = Partial<{
  readonly map: (reading: Reading) => unknown
  readonly keep: () => (reading: Reading) => boolean
  readonly step: (state: { sum: number }, reading: Reading, context: StepContext) => unknown
}>

/** A pipeline without a fault, but for the part that is given. */
function withPart({ map = (one) => one, keep = () => () => true, step = add }: Parts): Pipeline {
  return pipeline('readings', (p) => {
    p.source('in', tcpSource({ port: 7001, decode: json<Reading>() }))
      .map('map', (one) => map(one) as Reading)
      .filter('keep', keep())
      .keyBy('by-id', (one) => one.id)
      .mapWithState('sum', { init: () => ({ sum: 0 }), step })
      .sink('out', nullSink())
  })
}

function add(state: { sum: number }, { id, n }: Reading): unknown {
  state.sum += n
  return { id, sum: state.sum }
}

const readings = Array.from({ length: 60 }, (_, n) => ({ id: `k${n % 5}`, n: n % 6 }))
const verdictOf = (parts: Parts) => verifyPipeline(withPart(parts), { inputs: { in: readings }, runs: 4 })

test('a pipeline whose steps depend on their input alone', async () => {
  const { impurities, compared, restarts } = await verdictOf({
    step: (state, one, { time, position }) => ({ ...(add(state, one) as object), time, position }),
  })
  expect(impurities).toEqual([])
  expect(compared).toBeGreaterThan(500)
  expect(restarts).toBeGreaterThan(0)
})

describe('what is found, by name', () => {
  let shared = 0
  const seen = new Map<string, number>()

  test.each<[string, string, Parts]>([
    ['chance', 'map', { map: (one) => ({ ...one, n: Math.random() }) }],
    ['the year', 'map', { map: (one) => ({ ...one, n: new Date().getFullYear() }) }],
    ['a clock, in the answer', 'sum', { step: (state, one) => [add(state, one), Date.now()] }],
    ['a counter of the module', 'sum', { step: (state, one) => ({ ...(add(state, one) as object), n: ++shared }) }],
    [
      'state beside the state',
      'sum',
      {
        step: (state, { id, n }) => {
          seen.set(id, (seen.get(id) ?? 0) + n)
          state.sum = seen.get(id)!
        },
      },
    ],
    [
      'memory of one life',
      'keep',
      {
        keep: () => {
          const known = new Set<string>()
          return ({ id, n }) => known.size < known.add(`${id} ${n}`).size
        },
      },
    ],
    [
      'an error now and then',
      'map',
      {
        map: (one) => {
          if (++shared % 7 === 0) throw new Error('now and then')
          return one
        },
      },
    ],
  ])('%s', async (_what, step, parts) => {
    const { impurities } = await verdictOf(parts)
    expect(impurities.map((impurity) => impurity.step)).toEqual([step])
    expect(impurities[0]!.first).not.toBe(impurities[0]!.second)
  })

  test('a key that is drawn, an accumulator, an encoder', async () => {
    const faulty = pipeline('faulty', (p) => {
      p.source('in', tcpSource({ port: 7001, decode: json<Reading>() }))
        .keyBy('by-chance', () => Math.floor(Math.random() * 5))
        .aggregate('total', {
          init: () => ({ sum: 0 }),
          add: (total, { n }) => {
            total.sum += n * (++shared % 2)
          },
          result: ({ sum }) => sum,
          every: seconds(1),
        })
        .sink('out', nullSink({ encode: (sum) => `${sum} ${++shared}` }))
    })
    const { impurities } = await verifyPipeline(faulty, { inputs: { in: readings }, runs: 4 })
    expect(impurities.map(({ step, fn }) => `${step} ${fn}`).sort()).toEqual([
      'by-chance key',
      'out encode',
      'total add',
    ])
  })
})

test('outputs without an end are a dead letter, as they are in earnest, and are not waited for', async () => {
  function* forever({ n }: Reading): Generator<number> {
    while (n >= 0) yield n
  }
  const endless = pipeline('endless', (p) => {
    const all = p.source('in', tcpSource({ port: 7001, decode: json<Reading>() }))
    all.flatMap('spread', forever).sink('out', nullSink())
    all
      .keyBy('by-id', ({ id }) => id)
      .flatMapWithState('unfold', { init: () => ({}), step: (_, reading) => forever(reading) })
      .sink('more', nullSink())
  })
  const limits = { maxOutputsPerRecord: 10 }
  const { impurities } = await verifyPipeline(endless, { inputs: { in: readings.slice(0, 3) }, runs: 2, limits })
  expect(impurities).toEqual([])
})

test('outputs that come one by one are compared', async () => {
  let shared = 0
  const chance = pipeline('chance', (p) => {
    p.source('in', tcpSource({ port: 7001, decode: json<Reading>() }))
      .flatMap('spread', function* ({ n }) {
        yield n
        yield ++shared
      })
      .sink('out', nullSink())
  })
  const { impurities } = await verifyPipeline(chance, { inputs: { in: readings.slice(0, 3) }, runs: 2 })
  expect(impurities).toMatchObject([{ step: 'spread', fn: 'flatMap' }])
})

test('a short input is long enough to be killed in', async () => {
  const { impurities, restarts } = await verifyPipeline(withPart({}), { inputs: { in: readings.slice(0, 1) }, runs: 9 })
  expect(impurities).toEqual([])
  expect(restarts).toBeGreaterThan(6)
})

test('as many bytes of calls are remembered as there is room for', () => {
  const purity = new Purity(defaultLimits, 1000)
  const [source] = purity.watch(plan(withPart({}).build({}))).tasks
  if (source?.kind !== 'source') throw new Error('a plan begins with its source')
  const [map] = source.chain.ops as unknown as [{ fn: (reading: unknown) => unknown }]
  for (let time = 0; time < 2; time++) for (let n = 0; n < 10; n++) map.fn({ id: 'x'.repeat(200), n })
  expect(purity).toMatchObject({ compared: 2, unknown: 16 })
})

test('the time of day is the right one again, also behind a run that fails', async () => {
  const { Date: date } = globalThis
  const now = performance.now()
  await expect(verifyPipeline(withPart({}), { inputs: { nothing: [] } })).rejects.toThrow('no source')
  expect(globalThis.Date).toBe(date)
  expect(Math.abs(performance.now() - now)).toBeLessThan(60_000)
})

test('the time of day is the right one again when several are verified together', async () => {
  const { Date: date } = globalThis
  const one = () => verifyPipeline(withPart({}), { inputs: { in: [] }, runs: 2 })
  const runs = [one(), verifyPipeline(withPart({}), { inputs: { nothing: [] } }), one()]
  await expect(Promise.all(runs)).rejects.toThrow('no source')
  expect(await Promise.allSettled(runs)).toMatchObject([{ value: { runs: 2 } }, {}, { value: { runs: 2 } }])
  expect(globalThis.Date).toBe(date)
})

test('a number of runs that is none is refused', async () => {
  for (const runs of [0, -1, 1.5, Number.NaN]) {
    await expect(verifyPipeline(withPart({}), { runs })).rejects.toMatchObject({ code: 'E_TEST_INPUT' })
  }
})

test('an option that it does not have is refused', async () => {
  const error = verifyPipeline(withPart({}), { faults: 'crashes' } as never)
  await expect(error).rejects.toThrow('there is no option faults')
})

test('potoroo verify says what is found, with the place in the file, and its status', async () => {
  const home = folder()
  const file = (name: string, text: string): string => {
    writeFileSync(join(home, name), text)
    return join(home, name)
  }
  const source = (map: string, from = 'tcpSource') => `import { nullSink, pipeline, ${from} } from 'potoroo'
export default pipeline('lines', (p) => {
  p.source('in', ${from}({ port: 7001 })).map('stamp', (line) => ${map}).sink('out', nullSink())
})`
  const input = file('input.txt', 'a\nb\nc\n')
  const verify = async (...args: string[]) => {
    const program = new Program(process.execPath, [launcher, 'verify', ...args, '--runs', '3'])
    const { status } = await program.ended
    return { status, text: program.out + program.err }
  }
  const [good, bad, messages, lost, other, failing] = await Promise.all([
    verify(file('good.ts', source('line.length')), '--input', input),
    verify(file('bad.ts', source('line + Date.now()')), '--input', `in=${input}`),
    verify(file('messages.ts', source('line + Date.now()', 'webSocketSource')), '--input', input),
    verify(join(home, 'good.ts'), '--input', join(home, 'none.txt')),
    verify(join(home, 'good.ts'), '--input', `quotes=${input}`),
    verify(file('failing.ts', source('JSON.parse(line)')), '--input', input),
  ])
  expect(good).toMatchObject({ status: 0, text: expect.stringContaining('every step answers the same') })
  expect(bad.status).toBe(2)
  expect(bad.text).toMatch(/stamp \(map\)\n +was given +"[abc]"/)
  expect(messages.text).toMatch(/was given +"[abc]"/)
  expect(lost).toMatchObject({ status: 1, text: expect.stringContaining('E_FILE') })
  expect(other.status).toBe(2)
  expect(failing.text).toContain(
    '3 records did not get through, so steps behind were not tried with them; stamp: SyntaxErr',
  )
  expect(other.text).toContain('there is no source "quotes"; write source=file, with a source of in')
})
