/** Sessions: what outlives which fault, what ends the generation, and what an unruly peer comes to. */
import { describe, expect, test } from 'vitest'
import { makeLimits } from '../../src/base/limits.ts'
import { spokenVersions } from '../../src/protocol/version.ts'
import type { NetworkWeather } from '../../src/sim/weather.ts'
import { CHANNEL, linkedStage, PROGRAMS, Raw, type Stage, stage, testLimits } from './fixture.ts'

/** Says epochs `from` to `to` from each to the other, and lets time pass. */
function talk({ world, a, b }: Stage, from: number, to: number, ms = 0): void {
  for (let epoch = from; epoch <= to; epoch++) {
    a.tell(b, epoch)
    b.tell(a, epoch)
  }
  world.run(world.now + ms)
}

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1)

describe('a session goes on', () => {
  test('through resets in the middle of what is said', () => {
    const on = linkedStage({ latencyMs: 5 })
    for (let i = 0; i < 20; i++) {
      talk(on, i * 10 + 1, i * 10 + 10, (i % 7) * 10)
      on.world.network.reset('a', 'b')
    }
    on.world.run(on.world.now + 2000)
    expect(on.a.epochs).toEqual(upTo(200))
    expect(on.b.epochs).toEqual(upTo(200))
    expect([on.a.lost, on.b.lost]).toEqual([[], []])
    expect(on.a.board.status[0]!.lanes.control.resumptions).toBeGreaterThan(3)
    expect(on.a.board.status[0]!.lanes.control.keptBytes).toBe(0)
  })

  test('and what has arrived is not kept', () => {
    const on = linkedStage()
    talk(on, 1, 3, 1000)
    for (const { board } of [on.a, on.b]) {
      expect(board.status[0]!.lanes.control).toMatchObject({ keptBytes: 0, resumptions: 0, framesSent: 3 })
    }
  })

  test('through flipped bits', () => {
    const on = linkedStage({ flipChance: 0.05 })
    for (let i = 0; i < 50; i++) talk(on, i * 4 + 1, i * 4 + 4, 20)
    on.world.run(on.world.now + 20_000)
    expect(on.a.epochs).toEqual(upTo(200))
    expect(on.b.epochs).toEqual(upTo(200))
    expect(on.a.damaged).toContain('b at b:7100')
    expect(on.b.damaged).toContain('a')
  })

  test('when its connection falls silent: a second one takes its place within a second', () => {
    const on = linkedStage()
    on.world.network.silence('a', 'b')
    talk(on, 1, 5, 1000)
    expect(on.a.epochs).toEqual(upTo(5))
    expect(on.b.epochs).toEqual(upTo(5))
  })

  test('when a program is busy for longer than the grace', () => {
    const on = linkedStage()
    on.b.process.stop()
    talk(on, 1, 5, 3 * testLimits.linkGraceMs)
    expect(on.a.lost).toEqual([])
    on.b.process.continue()
    on.world.run(on.world.now + 1000)
    expect(on.b.epochs).toEqual(upTo(5))
    expect([on.a.lost, on.b.lost]).toEqual([[], []])
  })

  test('on a slow way, where one frame takes longer than the first patience', () => {
    const on = linkedStage(
      { bytesPerMs: 2, kernelBytes: 4096 },
      makeLimits({ ...testLimits, channelCreditBytes: 10_000 }),
    )
    const { came } = on.b.inlet(on.a)
    const outlet = on.a.outlet(on.b)
    on.world.runUntil(() => outlet.room, on.world.now + 1000)
    outlet.push(Buffer.alloc(3000, 'x'))
    on.world.run(on.world.now + 20_000)
    expect(came.map((one) => (one as string).length)).toEqual([3000])
  })
})

describe('the generation ends', () => {
  test('at the end of the grace, and not before', () => {
    const on = linkedStage({ timeoutMs: 500 })
    on.world.network.cut('a', 'b')
    on.world.network.reset('a', 'b')
    const begun = on.world.now
    on.world.runUntil(() => on.a.interrupted.length > 0 && on.b.interrupted.length > 0, begun + 20_000)
    expect(on.world.now - begun).toBeLessThan(10)
    on.world.runUntil(() => on.a.lost.length > 0 && on.b.lost.length > 0, begun + 20_000)
    for (const { lost } of [on.a, on.b]) {
      expect(lost.length).toBe(1)
      expect(lost[0]!.error.code).toBe('E_LINK_LOST')
    }
    expect(on.world.now - begun).toBeGreaterThan(testLimits.linkGraceMs)
    expect(on.world.now - begun).toBeLessThan(testLimits.linkGraceMs + 1000)
    expect(on.a.lost[0]!.error.message).toMatch(/between workers a and b was interrupted for 4000 ms: .*reset/)
  })

  test('when a cut heals within the grace it does not', () => {
    const on = linkedStage()
    on.world.network.cut('a', 'b')
    on.world.network.reset('a', 'b')
    talk(on, 1, 5, testLimits.linkGraceMs - 1500)
    on.world.network.heal('a', 'b')
    on.world.run(on.world.now + 2 * testLimits.linkGraceMs)
    expect([on.a.lost, on.b.lost]).toEqual([[], []])
    expect([on.a.epochs, on.b.epochs]).toEqual([upTo(5), upTo(5)])
  })

  test.each([['a'], ['b']] as const)('at once when %s has started anew', (name) => {
    const on = linkedStage()
    const other = name === 'a' ? on.b : on.a
    talk(on, 1, 2, 50)
    const before = on[name].member
    on[name].process.kill()
    on[name].start()
    const back = on[name].board
    // It reads the record that names its former life, and takes itself for that one.
    back.activate(1, [before, other.member], PROGRAMS)
    on.world.runUntil(() => other.lost.length > 0, on.world.now + 1000)
    expect(other.lost.map(({ error }) => error.code)).toEqual(['E_LINK_INCARNATION'])
    const heard = other.epochs.length
    on[name].tell(other, 9)
    on.world.run(on.world.now + 5000)
    expect(other.epochs.length).toBe(heard)
  })

  test('when a worker never comes, and its absence is named', () => {
    const on = stage()
    on.b.process.kill()
    on.a.board.activate(1, [on.a.member, on.b.member], PROGRAMS)
    on.world.run(testLimits.linkStartMs - 500)
    expect(on.a.lost).toEqual([])
    on.world.run(testLimits.linkStartMs + 500)
    expect(on.a.lost.map(({ error }) => error.message)).toEqual([
      'worker a found no way to worker b within 10000 ms: it is not there',
    ])
  })

  test('when a peer leaves control messages unread without end', () => {
    const on = linkedStage({}, makeLimits({ ...testLimits, controlLaneBytes: 10_000 }))
    on.b.process.stop()
    for (let epoch = 1; epoch < 1000; epoch++) on.a.tell(on.b, epoch)
    expect(on.a.board.status[0]!.lanes.control.keptBytes).toBeLessThanOrEqual(10_000)
    expect(on.a.board.backlog('b')).toBeGreaterThan(9000)
    expect(on.a.lost).toEqual([])
    on.world.run(on.world.now + 10)
    expect(on.a.lost.map(({ error }) => error.code)).toEqual(['E_LINK_FULL'])
  })

  test('and nothing comes behind a control message that was too much', () => {
    const on = linkedStage({}, makeLimits({ ...testLimits, controlLaneBytes: 10_000 }))
    on.a.tell(on.b, 1)
    const part = {
      kind: 'keyGroupPart',
      attempt: 1,
      round: 'base',
      pipeline: 1,
      step: 's',
      keyGroup: 3,
      epoch: 2,
    } as const
    on.a.board.send('b', part, (writer) => writer.bytes(Buffer.alloc(20_000)))
    on.a.tell(on.b, 3)
    on.world.run(on.world.now + 1000)
    expect(on.b.epochs).not.toContain(3)
    expect(on.a.lost.length).toBe(1)
  })

  test('once for both lanes; and a new generation may begin in that very call', () => {
    const on = linkedStage({ timeoutMs: 500 })
    on.a.onLost = () => on.a.board.activate(2, [on.a.member, on.b.member], PROGRAMS)
    on.world.network.cut('a', 'b')
    on.world.network.reset('a', 'b')
    on.world.run(on.world.now + 8000)
    expect(on.a.lost.length).toBe(1)
    on.world.network.heal('a', 'b')
    on.b.board.activate(2, [on.a.member, on.b.member], PROGRAMS)
    expect(on.world.runUntil(() => on.a.linked && on.b.linked, on.world.now + 2000)).toBe(true)
  })
})

describe('a new generation', () => {
  test('lets the old one’s control messages leave, drops its data, and numbers anew', () => {
    const on = linkedStage()
    const { a, b, world } = on
    const old = b.inlet(a)
    const outlet = a.outlet(b)
    world.run(world.now + 50)
    a.tell(b, 1)
    outlet.push(Buffer.from('old'))
    a.board.activate(2, [a.member, b.member], PROGRAMS)
    expect(outlet.room).toBe(true)
    outlet.push(Buffer.from('nobody takes this'))
    world.run(world.now + 50)
    expect(b.epochs).toEqual([1])
    expect(old.came).toEqual([])
    b.board.activate(2, [a.member, b.member], PROGRAMS)
    const { came } = b.inlet(a)
    const next = a.outlet(b)
    world.run(world.now + 500)
    next.push(Buffer.from('new'))
    a.tell(b, 2)
    world.run(world.now + 50)
    expect(came).toEqual(['new'])
    expect(b.epochs).toEqual([1, 2])
    expect(old.came).toEqual([])
  })

  test('a message goes with its body', () => {
    const on = linkedStage()
    const part = {
      kind: 'keyGroupPart',
      attempt: 1,
      round: 'base',
      pipeline: 1,
      step: 's',
      keyGroup: 3,
      epoch: 1,
    } as const
    on.a.board.send('b', part, (writer) => writer.bytes(Buffer.from('entries')))
    on.world.run(on.world.now + 50)
    expect(on.b.said).toEqual([{ worker: 'a', message: part, body: 'entries' }])
  })

  test('a worker that ends says so, and is lost after the grace unless somebody says more', () => {
    const on = linkedStage()
    on.b.board.close()
    on.world.run(on.world.now + testLimits.linkGraceMs + 1500)
    expect(on.a.lost[0]!.error.message).toMatch(/4000 ms: .*it left: worker b ends$/)
  })
})

/** A program that has greeted worker `a` as worker `0`, on one lane of generation 1. */
function intruder(lane: 'control' | 'data', network: Partial<NetworkWeather> = {}): { on: Stage; raw: Raw } {
  const on = stage(network)
  const { world, a } = on
  const process = world.machine('0', { checked: true }).start('0')
  const member = { worker: '0', incarnation: 'i', address: { host: '0', port: 1 } }
  a.board.activate(1, [member, a.member], PROGRAMS)
  const raw = new Raw(process, 'a')
  world.run(10)
  greet(raw, lane, 0)
  world.run(20)
  raw.generation = 1
  expect(raw.heard.map(({ kind }) => kind)).toEqual(['about', 'welcome'])
  return { on, raw }
}

function greet(raw: Raw, lane: 'control' | 'data', received: number, session: string | null = null): void {
  const token = Buffer.from('secret')
  const who = { worker: '0', incarnation: 'i' }
  raw.say({ kind: 'hello', ...spokenVersions, cluster: 'c', token, ...who, generation: 1, session, received })
  raw.say({ kind: 'about', ...who, lane, build: '1', pipelines: [] })
}

test('what arrived over the connection before, after its hello had said less, is sent again all the same', () => {
  const { on, raw } = intruder('control', { kernelBytes: 200, highWaterBytes: 1 })
  const { world, a } = on
  // Long enough to be written one by one, so that the second connection is full after the first of them.
  const part = { kind: 'keyGroupPart', attempt: 1, round: 'base', pipeline: 1, step: 's', keyGroup: 3 } as const
  for (let epoch = 0; epoch < 10; epoch++)
    a.board.send('0', { ...part, epoch }, (writer) => writer.bytes(Buffer.alloc(5000)))
  world.runUntil(() => raw.heard.length === 12, world.now + 5000)
  const { session } = raw.heard.find((one) => one.kind === 'welcome')!
  const next = new Raw(world.machine('1').start('1'), 'a')
  world.run(world.now + 10)
  greet(next, 'control', 0, session)
  world.runUntil(() => next.heard.length >= 2, world.now + 50)
  next.pause()
  next.generation = 1
  next.say({ kind: 'received', sequence: 7 })
  world.run(world.now + 50)
  expect(a.board.backlog('0')).toBeGreaterThan(40_000)
  next.resume()
  world.run(world.now + 500)
  const epochs = next.heard.flatMap((one) => (one.kind === 'keyGroupPart' ? [one.epoch] : []))
  expect(epochs).toEqual(Array.from({ length: 10 }, (_, i) => i))
  next.say({ kind: 'received', sequence: 9 })
  world.run(world.now + 50)
  expect(a.board.backlog('0')).toBe(0)
})

const abandoned = (epoch: number) => ({ kind: 'epochAbandoned', pipeline: 1, epoch }) as const

describe('an unruly peer', () => {
  test('that leaves out a number is cut off before the frame is delivered, and may resume', () => {
    const { on, raw } = intruder('control')
    raw.say(abandoned(0), 0)
    raw.say(abandoned(2), 2)
    on.world.run(on.world.now + 20)
    expect(on.a.epochs).toEqual([0])
    expect(raw.closed).toBe(true)
    expect(on.a.lost).toEqual([])
  })

  test('that speaks of another generation is cut off', () => {
    const { on, raw } = intruder('control')
    raw.generation = 2
    raw.say(abandoned(0), 0)
    on.world.run(on.world.now + 20)
    expect(on.a.epochs).toEqual([])
    expect(raw.closed).toBe(true)
  })

  test.each<[string, 'control' | 'data', (raw: Raw) => void, RegExp]>([
    [
      'data on the control lane',
      'control',
      (raw) => raw.say({ kind: 'end', ...CHANNEL }, 0),
      /"end" came on the control lane/,
    ],
    ['control on the data lane', 'data', (raw) => raw.say(abandoned(1), 0), /"epochAbandoned" came on the data lane/],
    [
      'a channel that was not opened',
      'data',
      (raw) => raw.say({ kind: 'end', ...CHANNEL }, 0),
      /channel 5 was not opened/,
    ],
    [
      'to have what was not sent',
      'data',
      (raw) => raw.say({ kind: 'received', sequence: 0 }),
      /received more than was sent/,
    ],
    ['hello again', 'data', (raw) => greet(raw, 'data', 0), /"hello" came after the handshake/],
  ])('that says %s ends the generation', (_, lane, say, message) => {
    const { on, raw } = intruder(lane)
    say(raw)
    on.world.run(on.world.now + 20)
    expect(on.a.lost.map(({ error }) => error.message)).toEqual([expect.stringMatching(message)])
  })

  test('that sends without credit ends the generation', () => {
    const { on, raw } = intruder('data')
    const came: number[] = []
    on.a.board.inlet('0', CHANNEL, { batch: (_, bytes) => came.push(bytes), mark: () => {} })
    for (let i = 0; i < 3; i++) raw.say({ kind: 'batch', ...CHANNEL }, i, (writer) => writer.bytes(Buffer.alloc(900)))
    on.world.run(on.world.now + 20)
    expect(came.length).toBe(2)
    expect(on.a.lost.map(({ error }) => error.message)).toEqual([expect.stringMatching(/without credit on channel 5/)])
  })

  test.each([
    ['gives back what was not sent', 5, 100],
    ['gives no window', 0, 0],
  ])('that %s ends the generation', (_, consumed, window) => {
    const { on, raw } = intruder('control')
    on.a.board.outlet('0', CHANNEL, () => {})
    raw.say({ kind: 'credit', ...CHANNEL, consumed, window }, 0)
    on.world.run(on.world.now + 20)
    expect(on.a.lost.map(({ error }) => error.message)).toEqual([expect.stringMatching(/that cannot be/)])
  })

  test('H4: a hello that comes after a later one does not take its place', () => {
    const { on, raw } = intruder('control')
    raw.say(abandoned(0), 0)
    on.world.run(on.world.now + 20)
    const late = new Raw(on.world.machine('1').start('1'), 'a')
    on.world.run(on.world.now + 10)
    greet(late, 'control', 0)
    on.world.run(on.world.now + 20)
    expect(late.heard).toEqual([])
    expect(late.closed).toBe(true)
    raw.say(abandoned(1), 1)
    on.world.run(on.world.now + 20)
    expect(on.a.epochs).toEqual([0, 1])
  })
})
