/** A pipeline on its way up: what is done once, and what is not done where it is closed before it runs. */
import { afterEach, expect, test, vi } from 'vitest'
import { makeLimits } from '../../src/base/limits.ts'
import type { Writer } from '../../src/connectors/connector.ts'
import { scriptedSink, scriptedSource, scriptedSourceConnector } from '../../src/connectors/scripted/connector.ts'
import { generatorSource, nullSink, pipeline, tcpSource } from '../../src/index.ts'
import { IngestSource } from '../../src/ingest/source.ts'
import type { Plan } from '../../src/model/plan.ts'
import { plan } from '../../src/model/planner.ts'
import { Station } from '../../src/sim/station.ts'
import { calm } from '../../src/sim/weather.ts'
import { World } from '../../src/sim/world.ts'
import { Execution } from '../../src/worker/execution/execution.ts'
import { type AtBase, WayUp } from '../../src/worker/execution/restore/way-up.ts'
import { OpenSources } from '../../src/worker/execution/sources/sources.ts'
import { Executions } from '../../src/worker/executions.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

test('closes the sinks that are still being put back', () => {
  const numbers = pipeline('numbers', (p) =>
    p.source('in', generatorSource<number>({ value: (n) => n, count: 10, rate: 1 })).sink('out', nullSink()),
  )
  const seen: string[] = []
  const writer = {
    status: { state: 'opening', blockedBy: null, queuedBytes: 0, writtenBytes: 0, records: 0, peers: 0, dropped: 0 },
    room: true,
    restore: () => seen.push('is put back'),
    close: () => seen.push('is closed'),
  } as unknown as Writer
  const staged = (): Plan => {
    const planned = plan(numbers.build())
    const tasks = planned.tasks.map((task) =>
      task.kind === 'sink' ? { ...task, sink: scriptedSink(task.sink, () => writer) } : task,
    )
    return { ...planned, tasks }
  }
  const world = new World(1, calm)
  const options = {
    worker: 'w',
    limits: makeLimits({ keyGroups: 16 }),
    restartMs: 10,
    pipeline: 'numbers',
    plan: staged,
  }
  const station = new Station(world.machine('w'), options, { running: () => {}, failed: () => {} })
  station.start()
  world.run(5000)
  expect(seen).toEqual(['is put back'])
  station.worker!.close(() => {})
  world.run(6000)
  expect(seen).toEqual(['is put back', 'is closed'])
})

test('opens no split that is found after it was closed', () => {
  const numbers = pipeline('numbers', (p) =>
    p.source('in', generatorSource<number>({ value: (n) => n, count: 10, rate: 1 })).sink('out', nullSink()),
  )
  const opened = vi.fn()
  const staged = (): Plan => {
    const planned = plan(numbers.build())
    const tasks = planned.tasks.map((task) =>
      task.kind === 'source' ? { ...task, source: scriptedSource(task.source, opened) } : task,
    )
    return { ...planned, tasks }
  }
  const asked = vi.spyOn(scriptedSourceConnector, 'splits').mockImplementation(() => {})
  const world = new World(1, calm)
  const limits = makeLimits({ keyGroups: 16 })
  const options = { worker: 'w', limits, restartMs: 10, pipeline: 'numbers', plan: staged }
  const station = new Station(world.machine('w'), options, { running: () => {}, failed: () => {} })
  station.start()
  world.run(5000)
  station.worker!.close(() => {})
  for (const [, , found] of asked.mock.calls) found(null, ['script'])
  expect(asked).toHaveBeenCalledTimes(1)
  expect(opened).not.toHaveBeenCalled()
})

test('looks at the journal once, beside the state, and at no stream where no step held anything', () => {
  const lines = pipeline('lines', (p) => p.source('in', tcpSource({ port: 9000 })).sink('out', nullSink()))
  const world = new World(1, calm)
  const limits = makeLimits({ keyGroups: 16 })
  const options = { worker: 'w', limits, restartMs: 10, pipeline: 'lines', plan: () => plan(lines.build()) }
  const station = new Station(world.machine('w'), options, { running: () => {}, failed: () => {} })
  station.start()
  world.run(5000)
  expect(station.execution!.status.figures!.epoch).toBeGreaterThan(0)
  station.worker!.close(() => {})
  world.run(6000)
  const looked = vi.spyOn(IngestSource.prototype, 'reset')
  const fed = vi.spyOn(OpenSources.prototype, 'feeders')
  station.start()
  world.run(9000)
  expect(station.execution!.status.figures!.epoch).toBeGreaterThan(0)
  expect(looked).toHaveBeenCalledTimes(1)
  expect(fed).not.toHaveBeenCalled()
  // Whatever tasks held has gone over to them.
  const { atBase } = station.execution as unknown as { readonly atBase: AtBase }
  expect(atBase.held.size).toBe(0)
})

test('opens no port once it was closed, when the worker may work again', () => {
  const lines = pipeline('lines', (p) => p.source('in', tcpSource({ port: 9000 })).sink('out', nullSink()))
  const world = new World(1, calm)
  const limits = makeLimits({ keyGroups: 16 })
  const options = { worker: 'w', limits, restartMs: 10, pipeline: 'lines', plan: () => plan(lines.build()) }
  const station = new Station(world.machine('w'), options, { running: () => {}, failed: () => {} })
  const { start } = Execution.prototype
  vi.spyOn(Execution.prototype, 'start').mockImplementation(function (this: Execution) {
    station.worker!.residents.stopWork('there is no lease')
    start.call(this)
  })
  station.start()
  world.run(5000)
  const { residents } = station.worker!
  const resident = residents.all.get('lines')!
  expect(resident.phase).toBe('running')
  expect(resident.addresses.size).toBe(0)
  resident.execution.close()
  residents.resumeWork('there is no lease')
  world.run(6000)
  expect(resident.addresses.size).toBe(0)
})

const visits = pipeline('visits', (p) =>
  p
    .source('in', generatorSource<number>({ value: (n) => n, count: 1e9, rate: 100 }))
    .keyBy('by', (n) => n % 7)
    .mapWithState('count', { init: () => ({ n: 0 }), step: (state) => ++state.n })
    .sink('out', nullSink()),
)

/** Whether `target` is in memory for what `root` holds, closures apart. */
function holds(root: object, target: object): boolean {
  const seen = new Set<object>([root])
  for (const one of seen) {
    if (one === target) return true
    const parts = one instanceof Map ? [...one].flat() : one instanceof Set ? [...one] : Object.values(one)
    for (const part of parts) if (typeof part === 'object' && part !== null && !ArrayBuffer.isView(part)) seen.add(part)
  }
  return false
}

test.each(['of another program', 'of another epoch'])(
  'Y5: what was held before, %s, stays no longer than the way up takes',
  (what) => {
    const former = { complete() {}, rollback: () => [] }
    const { make } = Executions.prototype
    vi.spyOn(Executions.prototype, 'make').mockImplementation(function (this: Executions, loaded, entry, ...rest) {
      const [generation, events] = rest
      const submitted = what === 'of another program' ? entry.submitted + 1 : entry.submitted
      const before = {
        stores: new Map([['count', former]]) as never,
        base: 7,
        undecided: 0,
        owned: new Set<number>(),
        submitted,
        careful: new Map(),
      }
      return make.call(this, loaded, entry, generation, events, before)
    })
    const world = new World(1, calm)
    const limits = makeLimits({ keyGroups: 16 })
    const options = { worker: 'w', limits, restartMs: 10, pipeline: 'visits', plan: () => plan(visits.build()) }
    const station = new Station(world.machine('w'), options, { running: () => {}, failed: () => {} })
    station.start()
    world.run(5000)
    expect(station.execution!.status.figures!.epoch).toBeGreaterThan(0)
    expect(holds(station.execution!, station.execution!.stores.get('count')!)).toBe(true)
    expect(holds(station.execution!, former)).toBe(false)
  },
)

test('what was held goes on with the program and the parameters that it was held by, and with no others', () => {
  const former = {}
  const generation = { owners: new Uint16Array(16), self: 0 }
  const goesOn = (submitted: number): boolean => {
    const before = { stores: new Map([['count', former]]), base: 1, undecided: 0, owned: new Set(), submitted }
    const seams = { limits: makeLimits({}), drop: new Set() }
    const options = { plan: plan(visits.build()), entry: { hash: 'same', submitted: 7 }, generation, seams }
    return holds(new WayUp(options as never, { ...before, hash: 'same' } as never, () => {}), former)
  }
  expect([7, 6].map(goesOn)).toEqual([true, false])
})
