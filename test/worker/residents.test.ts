/** What the chain says of pipelines, and what becomes of them here. */
import { expect, test } from 'vitest'
import { ByteReader } from '../../src/base/bytes.ts'
import { PotorooError } from '../../src/base/errors.ts'
import { type Cluster, emptyCluster, type PipelineEntry } from '../../src/checkpoint/cluster.ts'
import type { ChainRecord } from '../../src/checkpoint/record.ts'
import type { ControlMessage } from '../../src/transport/wire.ts'
import type { Execution } from '../../src/worker/execution/execution.ts'
import type { ExecutionEvents, Generation } from '../../src/worker/execution/generation.ts'
import type { Loaded } from '../../src/worker/pipelines/resident.ts'
import { Residents } from '../../src/worker/pipelines/residents.ts'

const entryOf = (run: number, more: Partial<PipelineEntry> = {}): PipelineEntry => ({
  ...{
    run,
    hash: `h${run}`,
    parameters: {},
    submitted: run,
    drained: false,
    drop: [],
    anew: [],
    places: [],
    leaving: [],
    from: null,
  },
  ...{ epochs: [], base: null, highest: 0, floor: 0, ...more },
})

/** A plan, with a sink at `out` where its hash says so. */
function planOf(pipeline: string, hash: string): unknown {
  const sink = { kind: 'sink', step: 'rows', sink: { kind: 'file', settings: { path: 'out', append: false } } }
  return { pipeline, tasks: hash === 'writes' ? [sink] : [] }
}

/** The members of a generation, of which this is the second one. */
const two = { members: [{ worker: 'c' }, { worker: 'w' }], self: 1 }

function scene({ alone = false, slow = false, closes = false } = {}) {
  const loads: (() => void)[] = []
  const said: string[] = []
  const scene: { cluster: Cluster; told: ExecutionEvents | null; changes: number } = {
    ...{ cluster: emptyCluster, told: null, changes: 0 },
  }
  const stands = (...pipelines: [string, PipelineEntry][]): Cluster => {
    const next = 1 + Math.max(-1, ...pipelines.map(([, { submitted }]) => submitted))
    scene.cluster = { ...emptyCluster, next, generation: 1, pipelines: new Map(pipelines) }
    return scene.cluster
  }
  const ends: (() => void)[] = []
  const befores: unknown[] = []
  /** Whose sources were left open, and closed by nobody's execution. */
  const closed: string[] = []
  const execution = (name: string) =>
    ({
      isOpen: true,
      start: () => said.push(`${name} starts`),
      holdings: () => ({ of: name }),
      leaveOpen: () => new Map([['in', { close: () => closed.push(name) }]]),
      forget: () => said.push(`${name} is gone`),
      fail: ({ code }: PotorooError) => said.push(`${name} fails by ${code}`),
      drained: (epoch: number) => said.push(`${name} is drained with epoch ${epoch}`),
      end: (_: number, done: () => void) => ends.push(done),
      close: () => closes && said.push(`${name} is closed`),
      release: () => closes && said.push(`${name} has let go`),
      control: (from: string, { kind }: ControlMessage) => said.push(`${name} hears ${kind} of ${from}`),
      stopWork() {},
      recorded: (epoch: number) => said.push(`${name} has epoch ${epoch}`),
      floor: (epoch: number) => said.push(`${name} has floor ${epoch}`),
    }) as unknown as Execution
  const ignore = () => {}
  const residents = new Residents(
    {
      clock: { now: () => 0 } as never,
      alone,
      load: (name, entry, done) => {
        const loaded = { plan: planOf(name, entry.hash), hash: entry.hash, parameters: {} } as unknown as Loaded
        const broken = new PotorooError('E_BUNDLE_DAMAGED', { path: entry.hash })
        loads.push(() => (entry.hash === 'broken' ? done(broken, null) : done(null, loaded)))
        if (!slow) loads.shift()!()
      },
      cluster: () => scene.cluster,
      wants: () => true,
      execute: ({ plan }, { run, submitted }, _, told, before) => {
        scene.told = told
        befores.push(before)
        return execution(`${plan.pipeline}/${run}${submitted === run ? '' : ` by ${submitted}`}`)
      },
      ...{ env: {} as never, store: () => ({}) as never, limits: () => ({}) as never },
      ...{ damaged: ignore, hint: ignore, follow: (then) => then() },
      tell: (worker, message) => said.push(`${worker} hears ${JSON.stringify(message)}`),
    },
    {
      ...{ running: ignore, listening: ignore, ended: ignore, failed: ignore, warned: ignore },
      ...{ letter: ignore, changed: () => scene.changes++ },
      unloaded: (name: string, { code }: PotorooError) => said.push(`${name} cannot run by ${code}`),
    } as never,
  )
  return {
    said,
    stands,
    residents,
    loads,
    ends,
    befores,
    closed,
    events: () => scene.told!,
    changes: () => scene.changes,
  }
}

test('what was submitted, taken out, completed and raised meanwhile is made up for', () => {
  const { said, stands, residents } = scene()
  stands(['stays', entryOf(1)], ['other', entryOf(2)], ['leaves', entryOf(3)])
  residents.restore({ number: 1, ...two } as unknown as Generation, () => {})
  expect(said.splice(0)).toEqual(['stays/1 starts', 'other/2 starts', 'leaves/3 starts'])
  const epochs = [{ epoch: 7, generation: 1, manifest: 'm7' }] as unknown as PipelineEntry['epochs']
  const later = stands(
    ['stays', entryOf(1, { epochs, floor: 5 })],
    ['other', entryOf(9)],
    ['fresh', entryOf(10)],
    ['drained', entryOf(11, { drained: true })],
  )
  residents.jumped(later)
  expect(said.toSorted()).toEqual([
    'fresh/10 starts',
    'leaves/3 is gone',
    'other/2 is gone',
    'other/9 starts',
    'stays/1 has epoch 7',
    'stays/1 has floor 5',
  ])
})

test('who waits for a pipeline to come hears that it was drained meanwhile, also where nothing of it was ever here', () => {
  const drained = entryOf(4, { drained: true })
  type Scene = ReturnType<typeof scene>
  const ways: ((of: Scene) => void)[] = [
    ({ residents, stands }) =>
      residents.recorded(
        { kind: 'epoch', pipeline: 'words', epoch: 1, drained: true } as ChainRecord,
        stands(['words', drained]),
      ),
    ({ residents, stands }) => residents.jumped(stands(['words', drained])),
    ({ residents, stands }) => {
      stands(['words', drained])
      residents.restore({ number: 2, ...two } as unknown as Generation, () => {})
    },
  ]
  const heard = ways.map((way) => {
    const of = scene()
    of.stands(['words', entryOf(4)])
    const before = of.changes()
    way(of)
    return of.changes() > before
  })
  expect(heard).toEqual([true, true, true])
})

test('another program waits for a generation in a cluster, also in one of one, and takes its place where a worker is alone', () => {
  for (const alone of [false, true]) {
    const { said, stands, residents } = scene({ alone })
    stands(['words', entryOf(1)])
    residents.restore({ number: 1, members: [{}] } as unknown as Generation, () => {})
    expect(said.splice(0)).toEqual(['words/1 starts'])
    const cluster = stands(['words', entryOf(1, { hash: 'other', submitted: 4 })])
    residents.recorded({ kind: 'submit', pipeline: 'words' } as ChainRecord, cluster)
    expect([said, residents.outdated]).toEqual(alone ? [['words/1 by 4 starts'], false] : [[], true])
  }
})

test('and so does one that is submitted again when it was drained, also where nothing of it ever ran', () => {
  for (const was of [entryOf(1), entryOf(1, { drained: true })]) {
    const { said, stands, residents } = scene()
    stands(['words', was])
    residents.restore({ number: 1, ...two } as unknown as Generation, () => {})
    stands(['words', entryOf(1, { drained: true })])
    residents.restore({ number: 2, ...two } as unknown as Generation, () => {})
    said.splice(0)
    const again = stands(['words', entryOf(1, { submitted: 4 })])
    residents.recorded({ kind: 'submit', pipeline: 'words' } as ChainRecord, again)
    expect([said, residents.outdated]).toEqual([[], true])
    residents.restore({ number: 3, ...two } as unknown as Generation, () => {})
    expect([said, residents.outdated]).toEqual([['words/1 by 4 starts'], false])
  }
})

test('where a worker is alone the program that was asked for last runs, whichever is loaded first', () => {
  for (const order of [
    [0, 0],
    [1, 0],
  ]) {
    const { said, stands, residents, loads } = scene({ alone: true, slow: true })
    stands()
    residents.restore({ number: 1, members: [{}] } as unknown as Generation, () => {})
    for (const submitted of [7, 8]) {
      const cluster = stands(['words', entryOf(7, { submitted })])
      residents.recorded({ kind: 'submit', pipeline: 'words' } as ChainRecord, cluster)
    }
    for (const at of order) loads.splice(at, 1)[0]!()
    expect(said).toEqual(['words/7 by 8 starts'])
  }
})

test('another program that comes while the first is loaded waits for a generation: the others may be at work with that', () => {
  const { said, stands, residents, loads } = scene({ slow: true })
  stands()
  residents.restore({ number: 1, ...two } as unknown as Generation, () => {})
  for (const submitted of [7, 8]) {
    const cluster = stands(['words', entryOf(7, { submitted })])
    residents.recorded({ kind: 'submit', pipeline: 'words' } as ChainRecord, cluster)
  }
  while (loads.length > 0) loads.shift()!()
  expect([said, residents.outdated]).toEqual([['words/7 starts'], true])
})

test('and so it does where the record of the first was passed over', () => {
  const { said, stands, residents } = scene()
  stands()
  residents.restore({ number: 1, ...two } as unknown as Generation, () => {})
  const cluster = stands(['words', entryOf(7, { submitted: 8 })], ['gone', entryOf(5, { submitted: 6, drained: true })])
  residents.jumped(cluster)
  expect([said.splice(0), residents.outdated]).toEqual([[], true])
  residents.restore({ number: 2, ...two } as unknown as Generation, () => {})
  expect([said, residents.outdated]).toEqual([['words/7 by 8 starts'], false])
})

test('a pipeline whose name is that of another one by the time that it is loaded is waited for no more', () => {
  const { said, stands, residents, loads } = scene({ slow: true })
  stands(['words', entryOf(7)])
  residents.restore({ number: 1, ...two } as unknown as Generation, () => said.push('restored'))
  residents.jumped(stands())
  expect(said.splice(0)).toEqual(['restored'])
  for (const run of [8, 9]) {
    const cluster = stands(['words', entryOf(run)])
    residents.recorded({ kind: 'submit', pipeline: 'words' } as ChainRecord, cluster)
  }
  while (loads.length > 0) loads.shift()!()
  expect(said).toEqual(['words/9 starts'])
})

test('who coordinates hears of one that has failed here, and again at each barrier; whoever asks for an epoch hears of it too', () => {
  for (const alone of [false, true]) {
    const { said, stands, residents, events } = scene({ alone })
    stands(['words', entryOf(7)])
    residents.restore({ number: 1, coordinator: 'c', ...two } as unknown as Generation, () => {})
    events().failed(new PotorooError('E_STRAY', {}))
    const from = { worker: 'c', incarnation: 'i' }
    const none = new ByteReader(Buffer.alloc(0))
    residents.control(from, { kind: 'startEpoch', pipeline: 7, epoch: 3, purpose: 'checkpoint', before: null }, none)
    residents.control(from, { kind: 'epochAsked', pipeline: 7, number: 4, purpose: 'checkpoint', name: null }, none)
    residents.control(from, { kind: 'epochAbandoned', pipeline: 7, epoch: 3 }, none)
    const heard = said.filter((line) => line.startsWith('c hears ')).map((line) => JSON.parse(line.slice(8)))
    const failed = { kind: 'epochFailed', pipeline: 7, epoch: 0 }
    const answered = {
      kind: 'epochAnswered',
      pipeline: 7,
      number: 4,
      failure: expect.stringMatching(/^it has failed /),
    }
    expect(heard).toMatchObject(alone ? [] : [failed, failed, answered])
  }
})

test('who has asked for an epoch of a program that cannot be loaded here hears so, also where it was asked meanwhile', () => {
  const { said, stands, residents, loads } = scene({ slow: true })
  stands(['words', entryOf(7, { hash: 'broken' })])
  residents.restore({ number: 1, coordinator: 'c', ...two } as unknown as Generation, () => {})
  const from = { worker: 'b', incarnation: 'i' }
  const none = new ByteReader(Buffer.alloc(0))
  residents.control(from, { kind: 'epochAsked', pipeline: 7, number: 4, purpose: 'savepoint', name: 's' }, none)
  expect(said).toEqual([])
  loads.shift()!()
  const heard = said.filter((line) => line.startsWith('b hears ')).map((line) => JSON.parse(line.slice(8)))
  expect(heard).toMatchObject([{ kind: 'epochAnswered', pipeline: 7, number: 4, failure: expect.any(String) }])
})

test('what is asked of one on its way up waits until it runs, and is answered where it comes to nothing', () => {
  for (const fails of [false, true]) {
    const { said, stands, residents, events } = scene()
    stands(['words', entryOf(7)])
    residents.restore({ number: 1, coordinator: 'c', ...two } as unknown as Generation, () => {})
    said.splice(0)
    const none = new ByteReader(Buffer.alloc(0))
    const ask = { kind: 'epochAsked', pipeline: 7, number: 4, purpose: 'savepoint', name: 's' } as const
    residents.control({ worker: 'b', incarnation: 'i' }, ask, none)
    expect(said).toEqual([])
    if (fails) events().failed(new PotorooError('E_STRAY', {}))
    else events().running(null)
    expect(said.at(-1)).toMatch(fails ? /^b hears .*"epochAnswered".*"number":4/ : /^words\/7 hears epochAsked of b$/)
  }
})

test('what comes late for runs that were taken out is not in the way of what others say', () => {
  const { said, stands, residents, loads } = scene({ slow: true })
  stands(['words', entryOf(7)])
  residents.restore({ number: 1, coordinator: 'c', ...two } as unknown as Generation, () => {})
  const none = new ByteReader(Buffer.alloc(0))
  const ask = (pipeline: number): void =>
    residents.control(
      { worker: 'b', incarnation: 'i' },
      { kind: 'epochAsked', pipeline, number: 4, purpose: 'savepoint', name: 's' },
      none,
    )
  // Run 8 may still come, and has gone by the time that record 9 is read.
  for (let i = 0; i < 5000; i++) ask(8)
  residents.jumped(stands(['words', entryOf(7)], ['more', entryOf(9, { hash: 'broken' })]))
  for (let i = 0; i < 5000; i++) ask(5)
  ask(9)
  while (loads.length > 0) loads.shift()!()
  const heard = said.filter((line) => line.startsWith('b hears ')).map((line) => JSON.parse(line.slice(8)))
  expect(heard).toMatchObject([{ kind: 'epochAnswered', pipeline: 9 }])
})

test('a program that could not be loaded is not in the way of another run', () => {
  const { said, stands, residents } = scene()
  stands(['words', entryOf(1, { hash: 'broken' })])
  residents.restore({ number: 1, coordinator: 'c', ...two } as unknown as Generation, () => {})
  const submitted = { kind: 'submit', pipeline: 'words' } as ChainRecord
  residents.recorded(submitted, stands())
  residents.recorded(submitted, stands(['words', entryOf(9)]))
  expect(said.at(-1)).toBe('words/9 starts')
  expect(residents.unloaded.size).toBe(0)
})

test.each([
  ['its first program', 'first', 1, [0, 0], ['one/1 starts', 'two cannot run by E_SINK_PLACE']],
  ['its first program', 'last', 1, [1, 0], ['two/2 starts', 'two/2 fails by E_SINK_PLACE', 'one/1 starts']],
  ['its next program', 'first', 3, [0, 0], ['one/1 by 3 starts', 'two cannot run by E_SINK_PLACE']],
  ['its next program', 'last', 3, [1, 0], ['two/2 starts', 'two/2 fails by E_SINK_PLACE', 'one/1 by 3 starts']],
])(
  'of two that write to one place the one that was there first has it, with %s, also where it is loaded %s',
  (_program, _when, submitted, order, heard) => {
    const { said, stands, residents, loads } = scene({ slow: true })
    stands(['one', entryOf(1, { hash: 'writes', submitted })], ['two', entryOf(2, { hash: 'writes' })])
    residents.restore({ number: 1, ...two } as unknown as Generation, () => {})
    for (const i of order) loads.splice(i, 1)[0]!()
    expect(said.filter((text) => !text.includes(' hears '))).toEqual(heard)
  },
)

test('what was drained for good keeps its files, also where nothing of it was ever here', () => {
  const { said, stands, residents } = scene()
  const places = [{ step: 'rows', kind: 'file', at: 'out' }]
  const done = entryOf(1, { hash: 'writes', drained: true, places })
  // An earlier release, which did not say where it writes, had the other one submitted.
  stands(['done', done], ['next', entryOf(2, { hash: 'writes' })])
  residents.restore({ number: 1, ...two } as unknown as Generation, () => {})
  expect(said.filter((text) => !text.includes(' hears '))).toEqual(['next cannot run by E_SINK_PLACE'])
})

test('what an earlier release had submitted keeps its files when it is drained, where it ran', () => {
  const { said, stands, residents } = scene()
  const done = entryOf(1, { hash: 'writes' })
  stands(['done', done])
  residents.restore({ number: 1, ...two } as unknown as Generation, () => {})
  residents.recorded(
    { kind: 'submit', pipeline: 'next' } as ChainRecord,
    stands(['done', { ...done, drained: true }], ['next', entryOf(2, { hash: 'writes' })]),
  )
  expect(said.filter((text) => !text.includes(' hears '))).toEqual(['done/1 starts', 'next cannot run by E_SINK_PLACE'])
})

test('one that is drained ends its sinks in peace, whatever generation begins meanwhile', () => {
  const { said, stands, residents, events, ends } = scene({ closes: true })
  stands(['words', entryOf(1)])
  residents.restore({ number: 1, ...two } as unknown as Generation, () => {})
  events().running(null)
  said.splice(0)
  const epochs = [{ epoch: 7, generation: 1, manifest: 'm7' }] as unknown as PipelineEntry['epochs']
  stands(['words', entryOf(1, { epochs, drained: true })])
  residents.stopWork('another generation begins')
  residents.restore({ number: 2, ...two } as unknown as Generation, () => said.push('restored'))
  expect(said.splice(0)).toEqual(['words/1 is drained with epoch 7', 'restored'])
  expect(residents.all.get('words')!.phase).toBe('draining')
  ends.shift()!()
  expect([said, residents.all.get('words')!.phase]).toEqual([['words/1 has let go'], 'drained'])
})

test('what one that is taken out held is not kept, nor for another run of it', () => {
  const { stands, residents, loads, befores, closed } = scene({ slow: true })
  const submitted = { kind: 'submit', pipeline: 'words' } as ChainRecord
  stands(['words', entryOf(1)])
  residents.restore({ number: 1, ...two } as unknown as Generation, () => {})
  loads.shift()!()
  residents.restore({ number: 2, ...two } as unknown as Generation, () => {})
  loads.shift()!()
  residents.restore({ number: 3, ...two } as unknown as Generation, () => {})
  residents.recorded(submitted, stands())
  residents.recorded(submitted, stands(['words', entryOf(9)]))
  loads.at(-1)!()
  expect(befores).toMatchObject([null, { of: 'words/1' }, null])
  expect(closed).toEqual(['words/1'])
})

test('a program that was drained before its generation wants none: one would follow the other for ever', () => {
  const { stands, residents } = scene()
  stands(['words', entryOf(1)])
  residents.restore({ number: 1, ...two } as unknown as Generation, () => {})
  stands(['words', entryOf(1, { hash: 'other', submitted: 4 })])
  expect(residents.outdated).toBe(true)
  stands(['words', entryOf(1, { hash: 'other', submitted: 4, drained: true })])
  expect(residents.outdated).toBe(false)
})

test('what is drained for good has no channels, and counts for none before it is submitted again', () => {
  const { stands, residents } = scene()
  stands(['runs', entryOf(1)], ['ends', entryOf(2)])
  residents.restore({ number: 1, ...two } as unknown as Generation, () => {})
  const names = (): string[] => residents.plans.map(({ pipeline }) => pipeline)
  expect(names()).toEqual(['runs', 'ends'])
  stands(['runs', entryOf(1)], ['ends', entryOf(2, { drained: true })])
  expect(names()).toEqual(['runs'])
  stands(['runs', entryOf(1)], ['ends', entryOf(2, { submitted: 7 })])
  expect(names()).toEqual(['runs', 'ends'])
})

test('the state of another program leaves the memory before that of its successor is read; that of the same one stays', () => {
  for (const submitted of [1, 5]) {
    const { said, stands, residents, loads } = scene({ slow: true, closes: true })
    stands(['words', entryOf(1)])
    residents.restore({ number: 1, ...two } as unknown as Generation, () => {})
    for (const load of loads.splice(0)) load()
    stands(['words', entryOf(1, { submitted })])
    said.splice(0)
    residents.restore({ number: 2, ...two } as unknown as Generation, () => {})
    expect(said).toEqual([submitted === 1 ? 'words/1 is closed' : 'words/1 has let go'])
  }
})
