/** What a coordinator does for a change of owners (`src/worker/seat/rescale-driver.ts`). */
import { expect, test } from 'vitest'
import { makeLimits } from '../../src/base/limits.ts'
import { type Cluster, emptyCluster, type PipelineEntry } from '../../src/checkpoint/cluster.ts'
import type { Clock } from '../../src/env/clock.ts'
import { type DriverHost, RescaleDriver } from '../../src/worker/seat/rescale-driver.ts'
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
      ...{ cluster: () => clusterOf(['p', entry(false)]), room: () => null },
      running: () => ['p'],
      outdated: () => true,
      requestEpoch: (pipeline: string, holds: boolean) => said.push(`${holds ? 'hold' : 'epoch'} ${pipeline}`),
      append: () => said.push('append'),
    } as unknown as DriverHost)
    driver.start(clusterOf(['p', entry(false)]))
    driver.tick()
    nowMs += limits.gatherMs
    driver.tick()
    driver.follow(clusterOf(['p', entry(false)]))
    expect(said.splice(0)).toEqual(['hold p'])
    driver.follow(later)
    expect(said).toEqual(['append'])
  }
})
