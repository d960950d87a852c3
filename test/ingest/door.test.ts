import { describe, expect, test } from 'vitest'
import { makeLimits } from '../../src/base/limits.ts'
import { Ages } from '../../src/ingest/ages.ts'
import type { IngestSource } from '../../src/ingest/source.ts'
import { World } from '../../src/sim/world.ts'
import { push, Rig, smallLimits, texts } from './fixture.ts'

describe('plain records', () => {
  test('enter the pipeline after their write, in order', () => {
    const world = new World(1)
    const rig = new Rig(world, world.machine('m'), 'a').started()
    push(rig.source!, 'one', 'two')
    push(rig.source!, 'three')
    expect(rig.take()).toEqual([])
    rig.settle()
    const taken = rig.take()
    expect(texts(taken)).toEqual(['one', 'two', 'three'])
    expect(taken.map(({ sequence }) => sequence)).toEqual([1, 2, 3])
  })

  test('of no bytes wait like any others, and take up room', () => {
    const world = new World(1)
    const rig = new Rig(world, world.machine('m'), 'a').started()
    push(rig.source!, '')
    rig.settle()
    expect(rig.source!.caughtUp).toBe(false)
    expect(texts(rig.take())).toEqual([''])
    expect([rig.source!.caughtUp, rig.source!.room.buffered]).toEqual([true, 0])
    let pushed = 0
    for (; rig.source!.room.isOpen && pushed < 10_000; pushed++) {
      push(rig.source!, '')
      rig.settle(5)
    }
    expect(pushed).toBeLessThan(100)
    expect(rig.drain().length).toBe(pushed)
    expect(rig.source!.room.buffered).toBe(0)
  })

  test('are fed again after kill -9, from the position of the checkpoint, before what comes in', () => {
    const world = new World(1)
    const machine = world.machine('m')
    const first = new Rig(world, machine, 'a').started()
    push(first.source!, 'one', 'two', 'three', 'four')
    first.settle()
    expect(texts(first.take(2))).toEqual(['one', 'two'])
    const rows = first.source!.cut()
    push(first.source!, 'five')
    first.settle()
    first.process.kill()

    const second = new Rig(world, machine, 'b').started(rows)
    push(second.source!, 'six')
    const taken = second.drain()
    expect(texts(taken)).toEqual(['three', 'four', 'five', 'six'])
    expect(taken.map(({ incarnation }) => incarnation)).toEqual(['a', 'a', 'a', 'b'])
    expect(taken.map(({ sequence }) => sequence)).toEqual([3, 4, 5, 1])
  })

  test('are fed again when the pipeline goes back while the worker lives', () => {
    const world = new World(1)
    const rig = new Rig(world, world.machine('m'), 'a').started()
    push(rig.source!, 'one', 'two')
    rig.settle()
    rig.take(1)
    const rows = rig.source!.cut()
    rig.take()
    push(rig.source!, 'three')
    rig.reset(rows)
    push(rig.source!, 'four')
    expect(texts(rig.drain())).toEqual(['two', 'three', 'four'])
  })

  test('survive over many segments, which go when the floor has passed them', () => {
    const world = new World(1)
    const machine = world.machine('m')
    const first = new Rig(world, machine, 'a').started()
    const sent: string[] = []
    for (let i = 0; i < 100; i++) {
      push(first.source!, `record ${i} ${'x'.repeat(i % 50)}`)
      sent.push(`record ${i} ${'x'.repeat(i % 50)}`)
      first.settle(1)
    }
    first.settle()
    expect(first.door!.status.segments).toBeGreaterThan(8)
    const before = first.take(60)
    const rows = first.source!.cut()
    first.source!.coverage.floor(rows)
    first.door!.trim()
    first.settle()
    expect(first.door!.status.segments).toBeLessThan(7)
    first.process.kill()
    const second = new Rig(world, machine, 'b').started(rows)
    expect([...texts(before), ...texts(second.drain())]).toEqual(sent)
    expect(second.reports).toEqual([])
  })
})

test('a full disk is logged once, and once more when there is room again; a source says that it waits for it', () => {
  const world = new World(1)
  const machine = world.machine('m')
  const rig = new Rig(world, machine, 'a').started()
  const { capacityBytes } = machine.volume
  machine.volume.capacityBytes = 0
  push(rig.source!, 'one')
  world.runUntil(() => rig.door!.status.failures > 5, world.now + 60_000)
  expect(rig.door!.status.problem).toMatchObject({ code: 'E_JOURNAL' })
  expect(rig.source!.blockedBy).toBe(rig.door!.status.problem!.message)
  machine.volume.capacityBytes = capacityBytes
  world.runUntil(() => rig.door!.status.problem === null, world.now + 60_000)
  expect(rig.source!.blockedBy).toBe(null)
  expect(texts(rig.drain())).toEqual(['one'])
  const said = world.drainLog().flatMap((line) => /E_JOURNAL|journal\.recovered/.exec(line)?.[0] ?? [])
  expect(said).toEqual(['E_JOURNAL', 'journal.recovered'])
})

test('a journal that ends with its process does not wait for a disk that takes nothing', () => {
  const world = new World(1)
  const machine = world.machine('m')
  const rig = new Rig(world, machine, 'a').started()
  push(rig.source!, 'one')
  rig.settle()
  const { capacityBytes } = machine.volume
  machine.volume.capacityBytes = 0
  push(rig.source!, 'two')
  let closed = 0
  rig.door!.close(() => closed++)
  world.run(world.now + 60_000)
  expect(closed).toBe(0)
  rig.door!.endWithProcess(() => closed++)
  world.run(world.now + 1000)
  expect(closed).toBe(1)
  // Nothing is written behind its end: the folder may be somebody else's by then.
  machine.volume.capacityBytes = capacityBytes
  world.run(world.now + 60_000)
  rig.process.kill()
  const next = new Rig(world, machine, 'b').started()
  expect(texts(next.drain())).toEqual(['one'])
})

/** A worker that was killed behind a record whose stream is in the base, and is there again. */
function startedAgain(world: World, limits: ReturnType<typeof makeLimits>): Rig {
  const machine = world.machine('m')
  const first = new Rig(world, machine, 'a', limits).started()
  push(first.source!, 'one')
  first.drain()
  const rows = first.source!.cut()
  first.process.kill()
  return new Rig(world, machine, 'b', limits).started(rows)
}

test('a stream that was silent for long is forgotten, but not before the journal has nothing of it', () => {
  const world = new World(1)
  const limits = makeLimits({ ...smallLimits, producerTtlMs: 1000 })
  const second = startedAgain(world, limits)
  const known = (): string[] => second.source!.cut().map(([, incarnation]) => incarnation)
  const floor = (): void => {
    second.source!.coverage.floor(second.source!.cut())
    second.door!.trim()
    second.settle()
  }
  second.settle(2000)
  expect(known()).toEqual(['a'])
  floor()
  expect(known()).toEqual(['a'])
  floor()
  expect(known()).toEqual([])
})

test('a clock that is set makes no stream silent', () => {
  const year = 365 * 24 * 3_600_000
  const world = new World(1)
  const limits = makeLimits({ ...smallLimits, producerTtlMs: 10_000 })
  const second = startedAgain(world, limits)
  const floor = (): string[] => {
    for (let i = 0; i < 2; i++) {
      second.source!.coverage.floor(second.source!.cut())
      second.door!.trim()
      second.settle()
    }
    return second.source!.cut().map(([, incarnation]) => incarnation)
  }
  // Put right by a year, wrong for a moment, and right again.
  for (const ms of [year, 3 * year, -3 * year]) {
    second.process.clock.jump(ms)
    expect(floor()).toEqual(['a'])
  }
  second.settle(20_000)
  expect(floor()).toEqual([])
})

test('what came in before a clock was set counts as long as if it had not been', () => {
  const world = new World(1)
  const limits = makeLimits({ ...smallLimits, producerTtlMs: 10_000 })
  const rig = new Rig(world, world.machine('m'), 'a', limits).started()
  const ages = new Ages(rig.process.env.clock)
  const came = rig.process.env.clock.now()
  rig.settle(1000)
  rig.process.clock.jump(24 * 3_600_000)
  expect(ages.look(0)(came)).toBeCloseTo(1000, -2)
  const later = rig.process.env.clock.now()
  rig.settle(500)
  const ageOf = ages.look(0)
  expect([ageOf(came), ageOf(later), ageOf(later + 10_000)]).toEqual([
    expect.closeTo(1500, -2),
    expect.closeTo(500, -2),
    0,
  ])
})

test('what another noted by a clock that is ahead of ours came just now, and is not old by one that was set', () => {
  const rig = new Rig(new World(1), new World(1).machine('m'), 'a')
  const ages = new Ages(rig.process.env.clock)
  const ahead = rig.process.env.clock.now() + 600_000
  rig.process.clock.jump(700 * 24 * 3_600_000)
  expect(ages.look(3_600_000)(ahead)).toBe(0)
})

test('of a plain stream of which nobody knows only what came not too long ago is fed, and nothing of it is called lost', () => {
  const world = new World(1)
  const machine = world.machine('m')
  const limits = makeLimits({ ...smallLimits, producerTtlMs: 10_000 })
  const first = new Rig(world, machine, 'a', limits).started()
  push(first.source!, 'one')
  first.settle(9000)
  push(first.source!, 'two')
  first.settle(1500)
  first.process.kill()
  const second = new Rig(world, machine, 'b', limits).started()
  expect(texts(second.drain())).toEqual(['two'])
  expect(second.reports).toEqual([])
})

test('what a journal has that came too long ago to count goes like anything else that is of no use', () => {
  const world = new World(1)
  const machine = world.machine('m')
  const limits = makeLimits({ ...smallLimits, producerTtlMs: 1000 })
  const first = new Rig(world, machine, 'a', limits).started()
  push(first.source!, 'one')
  first.settle()
  first.process.kill()
  world.run(world.now + 2000)
  const second = new Rig(world, machine, 'b', limits).started()
  expect(texts(second.drain())).toEqual([])
  expect(second.door!.status.segments).toBe(2)
  second.source!.coverage.floor(second.source!.cut())
  second.door!.trim()
  second.settle()
  expect(second.door!.status.segments).toBe(1)
})

describe('a pipeline that stands still', () => {
  function twoSources(): { rig: Rig; other: IngestSource } {
    const world = new World(1)
    const rig = new Rig(world, world.machine('m'), 'a').started()
    const other = rig.door!.source({
      id: 'other/in',
      token: null,
      onLeaving: () => {},
      onReady: () => {},
      report: () => {},
    })
    other.reset([], () => other.release())
    rig.settle()
    return { rig, other }
  }

  /** Pushes and takes `count` records of the running pipeline, with an epoch now and then. */
  function flow(rig: Rig, count: number): string[] {
    const taken: string[] = []
    for (let i = 0; i < count; i++) {
      push(rig.source!, `${i} ${'x'.repeat(200)}`)
      rig.settle(2)
      taken.push(...texts(rig.take()))
      if (i % 10 > 0) continue
      rig.source!.coverage.floor(rig.source!.cut())
      rig.door!.trim()
    }
    return taken
  }

  test('pins nothing of another: what it needs is copied forward', () => {
    const { rig, other } = twoSources()
    push(other, 'early', 'and small')
    const sent = ['early', 'and small']
    let peak = 0
    for (let round = 0; round < 250; round++) {
      expect(flow(rig, 2).length).toBe(2)
      push(other, `${round}`)
      sent.push(`${round}`)
      peak = Math.max(peak, rig.door!.status.bytes)
    }
    expect(peak).toBeLessThan(rig.limits.journalBytes)
    rig.settle()
    const rows = rig.source!.cut()
    rig.process.kill()

    const again = new Rig(rig.world, rig.machine, 'b').started(rows)
    const others = again.door!.source({
      id: 'other/in',
      token: null,
      onLeaving: () => {},
      onReady: () => {},
      report: () => {},
    })
    others.reset([], () => others.release())
    again.settle()
    again.source = others
    expect(texts(again.drain())).toEqual(sent)
  })

  test('has to wait when it holds back more than its share, and the other goes on', () => {
    const { rig, other } = twoSources()
    for (let i = 0; i < 400 && other.blockedBy === null; i++) {
      push(other, 'y'.repeat(200))
      rig.settle(2)
      for (let batch = other.poll(); batch !== null; batch = other.poll()) batch.taken = batch.count
      flow(rig, 1)
    }
    expect(other.blockedBy).toMatch(/keeps \d+ bytes of journal, its share is 32768/)
    expect(other.room.isOpen).toBe(false)
    expect(rig.source!.room.isOpen).toBe(true)
    expect(flow(rig, 50).length).toBe(50)
    other.coverage.floor(other.cut())
    flow(rig, 20)
    expect(other.blockedBy).toBe(null)
  })
})
