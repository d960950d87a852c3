/** A pipeline that is closed before it runs. */
import { expect, test } from 'vitest'
import { makeLimits } from '../../src/base/limits.ts'
import type { Writer } from '../../src/connectors/connector.ts'
import { scriptedSink } from '../../src/connectors/scripted/connector.ts'
import { generatorSource, nullSink, pipeline } from '../../src/index.ts'
import type { Plan } from '../../src/model/plan.ts'
import { plan } from '../../src/model/planner.ts'
import { Station } from '../../src/sim/station.ts'
import { calm } from '../../src/sim/weather.ts'
import { World } from '../../src/sim/world.ts'

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
