import { describe, expect, test } from 'vitest'
import type { Connection, ConnectionHandler } from '../../src/env/network.ts'
import { NEWEST_VERSION, OLDEST_VERSION } from '../../src/protocol/version.ts'
import type { SimProcess } from '../../src/sim/world.ts'
import {
  type About,
  type Caller,
  examine,
  type Hello,
  judge,
  type SessionFacts,
  type Standing,
  weigh,
} from '../../src/transport/handshake.ts'
import { activate, linkedStage, Office, PROGRAMS, Raw, stage, testLimits } from './fixture.ts'

const identity = { cluster: 'c', token: 'secret', worker: 'w2', incarnation: 'i2', build: '1' }
const ours: Standing = { identity, generation: 7, programs: [{ pipeline: 1, hash: 'x' }] }
const fresh: SessionFacts = { lane: 'data', session: null, received: 0, acknowledged: 0, written: 0, over: false }
const going: SessionFacts = { lane: 'data', session: 's', received: 5, acknowledged: 3, written: 9, over: false }
const caller = (facts = fresh, changes: Partial<Caller> = {}): Caller => ({
  incarnation: 'i1',
  dials: true,
  facts,
  ...changes,
})
const hello = (changes: Partial<Hello> = {}): Hello => ({
  kind: 'hello',
  newest: NEWEST_VERSION,
  oldest: OLDEST_VERSION,
  cluster: 'c',
  token: Buffer.from('secret'),
  worker: 'w1',
  incarnation: 'i1',
  generation: 7,
  session: null,
  received: 0,
  ...changes,
})
const about = (changes: Partial<About> = {}): About => ({
  kind: 'about',
  worker: 'w1',
  incarnation: 'i1',
  lane: 'data',
  build: '2',
  pipelines: [{ pipeline: 1, hash: 'x' }],
  ...changes,
})

describe('a hello', () => {
  test.each<[string, Partial<Hello>, Partial<About>, Caller | null, string]>([
    ['of another cluster', { cluster: 'd' }, {}, caller(), 'worker w1 is of cluster "d", worker w2 of cluster "c"'],
    [
      'with another token',
      { token: Buffer.from('secreT') },
      {},
      caller(),
      'the token of worker w1 is not the one of worker w2',
    ],
    [
      'of versions to come',
      { newest: 9, oldest: 8 },
      {},
      caller(),
      `worker w1 speaks versions 8 to 9 of the link protocol, worker w2 versions ${OLDEST_VERSION} to ${NEWEST_VERSION}`,
    ],
    ['of the same name', { worker: 'w2' }, {}, caller(), 'two workers are called w2'],
    [
      'of an older generation',
      { generation: 6 },
      {},
      caller(),
      'worker w1 dials in generation 6, worker w2 is in generation 7',
    ],
    [
      'from whom it should dial',
      {},
      {},
      caller(fresh, { dials: false }),
      'worker w1 broke the protocol of links with worker w2: it dials though it is to be dialled',
    ],
    [
      'with another program',
      {},
      { pipelines: [{ pipeline: 1, hash: 'y' }] },
      caller(),
      'worker w1 runs pipeline 1 from program y, worker w2 from program x',
    ],
  ])('%s is refused, and both sides are named', (_, one, other, known, message) => {
    const verdict = judge(ours, hello(one), about(other), known)
    expect(verdict).toMatchObject({ kind: 'refuse', fatal: false, error: { message } })
  })

  test.each<[string, Partial<Hello>, Caller, string]>([
    [
      'of another incarnation',
      { incarnation: 'i9' },
      caller(),
      'worker w1 has restarted: worker w2 knows it as i1 in generation 7, and now it is i9',
    ],
    [
      'for a session that nobody knows',
      { session: 't' },
      caller(going),
      'workers w2 and w1 do not agree on what they have said on their data lane: the session is not known',
    ],
    [
      'that has received what was never sent',
      { session: 's', received: 10 },
      caller(going),
      'workers w2 and w1 do not agree on what they have said on their data lane: more was received than was sent',
    ],
    [
      'for a session that has ended',
      { session: 's', received: 3 },
      caller({ ...going, over: true }),
      'workers w2 and w1 do not agree on what they have said on their data lane: the session has ended',
    ],
  ])('%s ends the generation', (_, one, known, message) => {
    expect(judge(ours, hello(one), about(), known)).toMatchObject({ kind: 'refuse', fatal: true, error: { message } })
  })

  test.each<[string, Partial<Hello>, Caller | null, string]>([
    ['of a generation to come waits', { generation: 8 }, caller(), 'notYet'],
    [
      'of a generation to come waits, whatever its incarnation',
      { generation: 8, incarnation: 'i9' },
      caller(),
      'notYet',
    ],
    ['of a worker that is not known waits', {}, null, 'notYet'],
    ['that begins a session is welcome', {}, caller(), 'welcome'],
    ['that resumes a session is welcome', { session: 's', received: 3 }, caller(going), 'welcome'],
    ['whose welcome was lost is welcome again', {}, caller({ ...fresh, session: 's', written: 4 }), 'welcome'],
    ['that was overtaken is passed over', { session: 's', received: 2 }, caller(going), 'passOver'],
    ['that was overtaken before any welcome is passed over', {}, caller({ ...going, acknowledged: 0 }), 'passOver'],
  ])('%s', (_, one, known, kind) => {
    expect(judge(ours, hello(one), about(), known).kind).toBe(kind)
  })

  test('a pipeline that only one side runs yet is no difference, and no build is', () => {
    const pipelines = [
      { pipeline: 2, hash: 'new' },
      { pipeline: 1, hash: 'x' },
    ]
    expect(judge(ours, hello(), about({ pipelines }), caller()).kind).toBe('welcome')
    expect(judge({ ...ours, programs: [] }, hello(), about(), caller()).kind).toBe('welcome')
  })
})

describe('whoever dials', () => {
  const expected = { worker: 'w1', incarnation: 'i1', address: 'h:1', facts: going }

  test('looks at who answers', () => {
    expect(examine(ours, about(), expected)).toBeNull()
    expect(examine(ours, about({ worker: 'w3' }), expected)).toMatchObject({
      fatal: false,
      error: { message: 'worker w3 answers at h:1, where worker w2 looks for worker w1' },
    })
    expect(examine(ours, about({ incarnation: 'i9' }), expected)).toMatchObject({
      fatal: true,
      error: { code: 'E_LINK_INCARNATION' },
    })
    expect(examine(ours, about({ lane: 'control' }), expected)).toMatchObject({ error: { code: 'E_LINK_PROTOCOL' } })
  })

  test('weighs the welcome', () => {
    const welcome = {
      kind: 'welcome',
      version: NEWEST_VERSION,
      worker: 'w1',
      incarnation: 'i1',
      session: 's',
      received: 3,
      resumed: true,
    } as const
    expect(weigh(ours, welcome, expected)).toEqual({ kind: 'welcome', version: NEWEST_VERSION })
    const faults = [{ session: 't' }, { received: 2 }, { received: 10 }]
    for (const fault of faults) {
      expect(weigh(ours, { ...welcome, ...fault }, expected)).toMatchObject({
        fatal: true,
        error: { code: 'E_LINK_SESSION' },
      })
    }
    expect(weigh(ours, { ...welcome, version: NEWEST_VERSION + 1 }, expected)).toMatchObject({
      error: { code: 'E_LINK_VERSION' },
    })
  })
})

describe('the conversation', () => {
  test('a worker with another token is refused, both sides hear of it, and the dialler goes on trying', () => {
    const on = stage()
    const { world, a, b } = on
    b.process.kill()
    b.start({ token: 'other' })
    activate(on)
    world.run(world.now + 2000)
    expect(new Set(b.refused.map(({ error }) => error.code))).toEqual(new Set(['E_LINK_TOKEN']))
    expect(a.refused[0]!.error.message).toBe(
      'worker b refuses the link of worker a: the token of worker a is not the one of worker b (E_LINK_TOKEN)',
    )
    expect(a.refused.length).toBeGreaterThan(3)
    expect(a.board.status[0]).toMatchObject({
      linked: false,
      failure: 'the token of worker a is not the one of worker b',
    })
  })

  test('an earlier dial is answered `not yet` for as long as it takes, and linked soon after the activation', () => {
    const { world, a, b } = stage()
    a.board.activate(3, [a.member, b.member], PROGRAMS)
    world.run(60_000)
    expect(a.lost).toEqual([])
    expect(a.board.status[0]!.failure).toBe('generation 3 is not active there yet')
    expect(new Set(b.newer)).toEqual(new Set([3]))
    b.board.activate(3, [a.member, b.member], PROGRAMS)
    expect(world.runUntil(() => a.linked && b.linked, world.now + 500)).toBe(true)
  })

  test('a worker that stays behind is told of the newer generation', () => {
    const on = linkedStage()
    const { world, a, b } = on
    b.board.activate(2, [a.member, b.member], PROGRAMS)
    expect(world.runUntil(() => a.newer.includes(2), world.now + 500)).toBe(true)
    a.board.activate(2, [a.member, b.member], PROGRAMS)
    expect(world.runUntil(() => a.linked && b.linked, world.now + 500)).toBe(true)
    expect([a.lost, b.lost]).toEqual([[], []])
  })

  test('a worker that nobody knows knocks, and is linked once both sides admit it', () => {
    const on = linkedStage()
    const { world, a, b } = on
    const z = new Office(world, 'z', testLimits).start()
    z.board.activate(1, [], PROGRAMS)
    z.board.admit(a.member, true)
    expect(world.runUntil(() => a.knocked.includes('z'), world.now + 500)).toBe(true)
    a.board.admit(z.member, false)
    expect(world.runUntil(() => z.linked && a.linked, world.now + 500)).toBe(true)
    z.tell(a, 4)
    world.run(world.now + 50)
    expect(a.epochs).toEqual([4])
    expect(b.knocked).toEqual([])
  })

  test('strangers are held in small numbers and for a short time', () => {
    const on = stage()
    const { world, a } = on
    const c = world.machine('c').start('c')
    const raws = Array.from({ length: 6 }, () => new Raw(c, 'a'))
    world.run(100)
    expect(raws.filter(({ closed }) => closed).length).toBe(2)
    world.run(1000)
    expect(raws.every(({ closed }) => closed)).toBe(true)
    expect(a.board.status).toEqual([])
  })

  test('strangers who say nothing, and come again as soon as they are turned out, keep no worker out', () => {
    const on = stage()
    const { world, a, b } = on
    const c = world.machine('c').start('c')
    for (let ms = 0; ms < 1000; ms += 20) {
      for (let i = 0; i < testLimits.linkGreetings; i++) new Raw(c, 'b')
      if (ms === 200) activate(on)
      world.run(world.now + 20)
    }
    expect([a.linked, b.linked]).toEqual([true, true])
  })

  test('strangers who are refused, and do not hang up, are held in small numbers as well', () => {
    const { world } = stage()
    const { network } = world
    const listen = network.listen.bind(network)
    let open = 0
    network.listen = (life, at, options, accept, done) => {
      const counted = (connection: Connection): ConnectionHandler | null => {
        const handler = accept(connection)!
        const onClosed = handler.onClosed.bind(handler)
        open++
        handler.onClosed = (error) => {
          open--
          onClosed(error)
        }
        return handler
      }
      listen(life, at, options, counted, done)
    }
    const z = new Office(world, 'z', testLimits).start()
    const c = world.machine('c').start('c')
    for (let i = 0; i < 50; i++) {
      const raw = new Raw(c, 'z')
      raw.onEnd = () => {}
      raw.say({
        ...{ kind: 'hello', newest: 1, oldest: 1, cluster: 'c', token: Buffer.from('none'), worker: 'b' },
        ...{ incarnation: 'x', generation: 0, session: null, received: 0 },
      })
      raw.say({ kind: 'about', worker: 'b', incarnation: 'x', lane: 'control', build: '', pipelines: [] })
      world.run(world.now + 5)
    }
    world.run(world.now + 20)
    expect(z.refused).toHaveLength(50)
    expect(open).toBe(testLimits.linkGreetings)
    world.run(world.now + 2 * testLimits.linkDialTimeoutMs)
    expect(open).toBe(0)
  })

  test('who says something else than hello is cut off, and so is who announces a long frame', () => {
    const on = stage()
    const { world } = on
    const c: SimProcess = world.machine('c').start('c')
    const [early, long] = [new Raw(c, 'a'), new Raw(c, 'a')]
    world.run(10)
    early.say({ kind: 'ping', counter: 1 })
    const frame = Buffer.alloc(17)
    frame.writeUInt32LE(200 << 10, 4)
    long.write(frame)
    world.run(50)
    expect([early.closed, long.closed]).toEqual([true, true])
    expect([early.heard, long.heard]).toEqual([[], []])
  })
})
