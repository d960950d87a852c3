/** What a coordinator does for a change of owners (`src/worker/seat/rescale-driver.ts`). */
import { expect, test } from 'vitest'
import { makeLimits } from '../../src/base/limits.ts'
import { type Cluster, emptyCluster, type PipelineEntry } from '../../src/checkpoint/cluster.ts'
import type { Clock } from '../../src/env/clock.ts'
import type { DriverHost } from '../../src/worker/seat/driver-host.ts'
import { RescaleDriver } from '../../src/worker/seat/rescale-driver.ts'
import { Turns } from '../../src/worker/turns.ts'

const entry = (drained: boolean) => ({ run: 1, submitted: 2, drained }) as PipelineEntry
const clusterOf = (...pipelines: (readonly [string, PipelineEntry])[]): Cluster => ({
  ...{ ...emptyCluster, generation: 4, coordinator: 'a', members: [{ worker: 'a', incarnation: 'a1', address: '' }] },
  ...{ owners: new Uint16Array(4), pipelines: new Map(pipelines) },
})

test('a pipeline that is taken out or drained meanwhile is waited for no more', () => {
  for (const later of [clusterOf(), clusterOf(['p', entry(true)])]) {
    const said: string[] = []
    const limits = makeLimits({})
    let nowMs = 0
    const driver = new RescaleDriver({
      ...{ limits, worker: 'a', turns: new Turns(), clock: { monotonic: () => nowMs } as Clock },
      cluster: () => clusterOf(['p', entry(false)]),
      work: {
        room: () => null,
        running: () => ['p'],
        outdated: () => true,
        requestEpoch: (pipeline: string, holds: boolean) => said.push(`${holds ? 'hold' : 'epoch'} ${pipeline}`),
      },
      append: () => said.push('append'),
    } as unknown as DriverHost)
    driver.start(clusterOf(['p', entry(false)]))
    driver.tick()
    expect(driver.holding).toBe(false)
    nowMs += limits.gatherMs
    driver.tick()
    expect(driver.holding).toBe(true)
    driver.follow(clusterOf(['p', entry(false)]))
    expect(said.splice(0)).toEqual(['hold p'])
    driver.follow(later)
    expect([driver.holding, said]).toEqual([true, ['append']])
  }
})

test('what became of the record of a generation before says nothing of an attempt in the one that stands', () => {
  const limits = makeLimits({})
  const answers: ((appended: boolean) => void)[] = []
  const said: string[] = []
  let nowMs = 0
  let cluster = clusterOf()
  const driver = new RescaleDriver({
    ...{ limits, worker: 'a', turns: new Turns(), clock: { monotonic: () => nowMs } as Clock },
    ...{ cluster: () => cluster, work: { room: () => null, running: () => [], outdated: () => true } },
    append: (_: unknown, done: (appended: boolean) => void) => answers.push(done),
    send: (_: string, { kind }: { kind: string }) => said.push(kind),
  } as unknown as DriverHost)
  const commit = (generation: number): void => {
    cluster = { ...cluster, generation }
    driver.start(cluster)
    driver.tick()
    nowMs += limits.gatherMs
    driver.tick()
  }
  commit(4)
  driver.stop()
  driver.start({ ...cluster, generation: 5 })
  answers[0]!(false)
  expect(driver.change.phase).toBe('idle')
  commit(5)
  answers[0]!(false)
  expect(driver.change.phase).toBe('committing')
  answers[1]!(false)
  expect([driver.change.phase, driver.holding, said]).toEqual(['idle', false, ['released']])
})
