import { expect, test } from 'vitest'
import { streamKey } from '../../src/ingest/format.ts'
import { NO_CLAIM } from '../../src/protocol/acked.ts'
import { calm } from '../../src/sim/weather.ts'
import { World } from '../../src/sim/world.ts'
import { linesOf, Rig, SOURCE, texts } from './fixture.ts'

const SEEDS = 20
const RECORDS = ['one', 'two', 'three']

test('H1: what a life relies on survives a loss of power, though a sync of the life before had failed', () => {
  let reliedOn = 0
  for (let seed = 0; seed < SEEDS; seed++) {
    const world = new World(seed)
    const disk = { ...calm.disk, syncFailChance: 0 }
    const machine = world.machine('m', { disk })
    const first = new Rig(world, machine, 'a').started()
    first.source!.producers.hello('p', '1', 1, NO_CLAIM, () => {})
    const session = { onAcks() {}, onTaken() {}, onRewind() {}, onReplaced() {}, onMoved() {} }
    const { bytes, cuts } = linesOf(RECORDS)
    disk.syncFailChance = 1
    first.source!.admit(first.source!.producers.grant('p', '1', session), bytes, cuts, 1, 'a writer')
    expect(world.runUntil(() => first.door!.status.problem !== null, world.now + 60_000)).toBe(true)
    disk.syncFailChance = 0
    first.process.kill()

    const second = new Rig(world, machine, 'b').started()
    const { journaled } = second.source!.streamOf(streamKey(SOURCE, 'p', '1'), true)
    if (journaled > 0) reliedOn++
    machine.powerOff()
    machine.powerOn()

    const third = new Rig(world, machine, 'c').started()
    expect(texts(third.drain()).slice(0, journaled)).toEqual(RECORDS.slice(0, journaled))
  }
  expect(reliedOn).toBeGreaterThan(5)
})
