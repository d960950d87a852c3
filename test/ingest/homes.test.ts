/**
 * Streams whose records steps behind the source may hold: what follows must not come in elsewhere before.
 */
import { expect, test } from 'vitest'
import { makeLimits } from '../../src/base/limits.ts'
import type { DoorMessage } from '../../src/ingest/generation.ts'
import type { StreamRow } from '../../src/ingest/stream.ts'
import { NO_CLAIM } from '../../src/protocol/acked.ts'
import { World } from '../../src/sim/world.ts'
import { linesOf, Rig, SOURCE, smallLimits, texts } from './fixture.ts'

interface Member {
  readonly rig: Rig
  /** What it says to the other one. */
  readonly sent: DoorMessage[]
  /** How often it has asked for an epoch. */
  asked: number
}

/** The worker `w1` in a generation with `w2`, at `row`. */
function member(row: StreamRow, appoints: boolean): Member {
  const world = new World(1)
  const rig = new Rig(world, world.machine('m'), 'a').started()
  const sent: DoorMessage[] = []
  const members = ['w1', 'w2']
  rig.door!.enter({
    ...{ number: 1, coordinator: 'w1', members },
    homeOf: (home) => (members.includes(home) ? home : null),
    takerOf: () => 'w2',
    send: (_, message) => sent.push(message),
  })
  rig.door!.onMessage('w2', { kind: 'sourceOpen', source: SOURCE, host: 'w2', port: 1 })
  const one: Member = { rig, sent, asked: 0 }
  rig.source!.serve({
    id: SOURCE,
    token: null,
    appoints,
    ...{ onReady: () => {}, onLeaving: () => one.asked++, report: () => {} },
  })
  rig.reset([row])
  rig.settle()
  rig.source!.release()
  return one
}

test('the stream of a worker that is gone has a home from the beginning where steps may hold some of it', () => {
  const row: StreamRow = ['p', '1', 3, 'gone', 1, 0, true, '']
  const asked = (appoints: boolean) => {
    const { source } = member(row, appoints).rig
    return source!.producers.hello('p', '1', 4, NO_CLAIM, () => {})?.kind ?? 'waits'
  }
  expect([asked(false), asked(true)]).toEqual(['welcome', 'redirect'])
})

test('a stream is not given away by an epoch in which steps held some of it', () => {
  const { rig, sent } = member(['p', '1', 3, 'w1', 1, 0, true, ''], true)
  const { source, door } = rig
  const stream = { source: SOURCE, producer: 'p', incarnation: '1' }
  door!.onMessage('w2', { kind: 'handoverAsked', ...stream, present: true, tail: [] })
  const moved = () => sent.filter(({ kind }) => kind === 'streamMoved').length
  source!.coverage.complete(source!.cut(), new Set([`${SOURCE}\0p\0${1}`]))
  expect(moved()).toBe(0)
  source!.coverage.complete(source!.cut())
  expect(moved()).toBe(1)
})

test('a stream goes with who has brought it, and is gone on with by who knows all of them', () => {
  const brought = [
    { writer: 'original', last: 1 },
    { writer: 'copy', last: 2 },
  ]
  const stream = { source: SOURCE, producer: 'p', incarnation: '1' }
  const away = member(['p', '1', 3, 'w1', 1, 0, true, 'original', ...brought.slice(1)], false)
  away.rig.door!.onMessage('w2', { kind: 'handoverAsked', ...stream, present: true, tail: [] })
  const rows = away.rig.source!.cut()
  away.rig.source!.coverage.complete(rows)
  expect(rows.find(([producer]) => producer === 'p')).toEqual([
    'p',
    '1',
    3,
    'w2',
    2,
    0,
    true,
    'original',
    ...brought.slice(1),
  ])
  const moved = away.sent.find(({ kind }) => kind === 'streamMoved')
  expect(moved).toMatchObject({ home: 'w2', position: 3, writer: 'original', before: brought.slice(1) })

  const { rig } = member(['p', '1', 1, 'w2', 1, 0, true, 'original'], false)
  const hello = (writer: string, oldest: number) =>
    rig.source!.producers.hello('p', '1', oldest, { writer, earlier: brought, ageMs: 0 }, () => {})?.kind
  expect([hello('heir', 1), hello('heir', 1)]).toEqual(['redirect', undefined])
  rig.door!.onMessage('w2', { ...moved!, home: 'w1' } as DoorMessage)
  rig.settle()
  const known = (writer: string, ...earlier: typeof brought) =>
    rig.source!.producers.hello('p', '1', 2, { writer, earlier, ageMs: 0 }, () => {})?.kind
  expect(known('original')).toBe('refused')
  expect(known('original', ...brought)).toBe('welcome')
})

test('who is asked for a stream asks for the epoch that it leaves with, once', () => {
  const one = member(['p', '1', 3, 'w1', 1, 0, true, ''], false)
  const stream = { source: SOURCE, producer: 'p', incarnation: '1' }
  const asks = { kind: 'handoverAsked', ...stream, tail: [] } as const
  one.rig.door!.onMessage('w2', { ...asks, present: false })
  expect(one.asked).toBe(0)
  one.rig.door!.onMessage('w2', { ...asks, present: true })
  one.rig.door!.onMessage('w2', { ...asks, present: true })
  expect(one.asked).toBe(1)
})

test('what the journal of a worker that leaves has of a stream of others is offered at once, and it waits for that', () => {
  const own: StreamRow = ['p', '1', 1, 'w1', 1, 0, true, '']
  const { rig, sent } = member(own, false)
  const source = rig.source!
  const session = { onAcks() {}, onTaken() {}, onRewind() {}, onReplaced() {}, onMoved() {} }
  const stream = source.producers.grant('p', '1', session)
  const { bytes, cuts } = linesOf(['b', 'c'])
  expect(source.admit(stream, bytes, cuts, 2, '')).toBeGreaterThan(0)
  rig.settle()
  const away: StreamRow = ['p', '1', 1, 'w2', 2, 0, true, '']
  const leaves = () => {
    rig.reset([away])
    rig.settle()
    source.release()
    source.shut('it leaves')
  }
  const p = { source: SOURCE, producer: 'p', incarnation: '1' }
  const offer = { kind: 'handoverAsked', ...p, present: false, tail: [{ first: 2, last: 3 }] }
  const moved = { kind: 'streamMoved', ...p, sessions: 2, time: 0, writer: '', before: [] } as const

  leaves()
  expect(sent.at(-1)).toEqual(offer)
  expect(source.caughtUp).toBe(false)
  expect(source.blockedBy).toBe('it leaves, once others have what its journal has of their streams (1)')
  rig.door!.onMessage('w2', { ...moved, home: 'w2', position: 3 })
  expect(source.caughtUp).toBe(true)
  expect(source.blockedBy).toBe('it leaves')

  leaves()
  rig.door!.onMessage('w2', { ...moved, home: 'w1', position: 1 })
  rig.settle()
  expect(source.caughtUp).toBe(false)
  expect(texts(rig.take())).toEqual(['b', 'c'])
  rig.settle()
  rig.take()
  expect(source.caughtUp).toBe(true)
})

test('a stream that nobody knows stays so when it has gone from one member to another', () => {
  const p = { source: SOURCE, producer: 'q', incarnation: '1' }
  const { rig } = member(['p', '1', 3, 'w1', 1, 0, true, ''], false)
  const hello = (oldest: number, ageMs = 0) => {
    const answer = rig.source!.producers.hello('q', '1', oldest, { ...NO_CLAIM, ageMs }, () => {})
    return answer?.kind === 'refused' || answer?.kind === 'parked' ? answer.error.code : answer?.kind
  }
  rig.door!.onMessage('w2', { kind: 'homeAsked', ...p })
  expect([hello(5), hello(5)]).toEqual(['redirect', undefined])
  const moved = { kind: 'streamMoved', ...p, home: 'w1', position: 0, sessions: 1, writer: '', before: [] } as const
  rig.door!.onMessage('w2', { ...moved, time: 0 })
  rig.settle()
  expect(hello(5)).toBe('E_STREAM_UNKNOWN')
  expect(hello(1, Number.MAX_SAFE_INTEGER)).toBe('E_STREAM_EXPIRED')
  expect(hello(1)).toBe('welcome')
})

test('a source that no program has any more asks nobody for its streams', () => {
  const own: StreamRow = ['p', '1', 1, 'w1', 1, 0, true, '']
  const { rig, sent } = member(own, false)
  const source = rig.source!
  const session = { onAcks() {}, onTaken() {}, onRewind() {}, onReplaced() {}, onMoved() {} }
  const { bytes, cuts } = linesOf(['b', 'c'])
  source.admit(source.producers.grant('p', '1', session), bytes, cuts, 2, '')
  rig.settle()
  rig.reset([['p', '1', 1, 'w2', 2, 0, true, '']])
  const p = { source: SOURCE, producer: 'p', incarnation: '1' }
  const moved = { kind: 'streamMoved', ...p, sessions: 2, time: 0, writer: '', before: [], home: 'w2' } as const
  const asked = () => {
    rig.settle(10_000)
    const asks = sent.splice(0).filter(({ kind }) => kind === 'handoverAsked')
    // Its home keeps it, and lacks what the journal here has.
    rig.door!.onMessage('w2', { ...moved, position: 1 })
    return asks.length
  }
  rig.door!.retain(SOURCE, new Set([SOURCE]))
  expect([asked(), asked()]).toEqual([1, 1])
  rig.door!.retain(SOURCE, new Set())
  expect(asked()).toBe(0)
})

test('a journal waits for the rows of others only while it keeps something of a stream that they answer for', () => {
  const { rig } = member(['p', '1', 0, 'w1', 1, 0, true, ''], false)
  const source = rig.source!
  const session = { onAcks() {}, onTaken() {}, onRewind() {}, onReplaced() {}, onMoved() {} }
  const stream = source.producers.grant('p', '1', session)
  const fill = (first: number) => {
    const { bytes, cuts } = linesOf(Array.from({ length: 4 }, () => 'x'.repeat(200)))
    source.admit(stream, bytes, cuts, first, '')
    rig.settle()
  }
  const floor = (rows: readonly StreamRow[]) => {
    source.coverage.floor(rows)
    rig.door!.trim()
    rig.settle()
    return { keepsForOthers: source.coverage.keepsForOthers, segments: rig.door!.status.segments }
  }
  for (const first of [1, 5, 9]) fill(first)
  expect(floor(source.cut())).toEqual({ keepsForOthers: false, segments: 3 })
  rig.drain()
  expect(floor(source.cut())).toEqual({ keepsForOthers: false, segments: 1 })

  for (const first of [13, 17, 21]) fill(first)
  const moved = (position: number): StreamRow => ['p', '1', position, 'w2', 2, 0, true, '']
  rig.reset([moved(12)])
  rig.settle()
  source.release()
  expect(floor(source.cut())).toEqual({ keepsForOthers: true, segments: 3 })
  expect(floor([moved(24)])).toEqual({ keepsForOthers: false, segments: 1 })
})

test('a producer that is forgotten leaves nothing at the door of who coordinates, wherever its home was', () => {
  const world = new World(1)
  const limits = makeLimits({ ...smallLimits, producers: 1000, producerTtlMs: 60_000 })
  const rig = new Rig(world, world.machine('m'), 'a', limits).started()
  const { door, source } = rig
  const p = { source: SOURCE, producer: 'p', incarnation: '1' }
  const sent: DoorMessage[] = []
  const enter = (coordinator: string) =>
    door!.enter({
      ...{ number: 1, coordinator, members: ['w1', 'w2'] },
      homeOf: () => null,
      takerOf: () => 'w2',
      send: (_, message) => sent.push(message),
    })
  const hello = () => source!.producers.hello('p', '1', 1, NO_CLAIM, () => {})
  const expire = () => {
    world.run(world.now + 2 * limits.producerTtlMs)
    source!.coverage.floor([])
  }
  const granted = () => (door as unknown as { readonly grants: ReadonlyMap<string, string> }).grants.size
  const ask = (from: string) => {
    door!.onMessage(from, { kind: 'homeAsked', ...p })
    return sent.at(-1)
  }
  const named = (home: string) => ({ kind: 'homeNamed', ...p, home })

  enter('w1')
  expect(hello()?.kind).toBe('welcome')
  expect(ask('w2')).toEqual(named('w1'))
  expire()
  expect(granted()).toBe(0)

  // Granted to the other one: it alone can say that it has forgotten it.
  expect(ask('w2')).toEqual(named('w2'))
  door!.onMessage('w3', { kind: 'homeNamed', ...p, home: '' })
  expect(ask('w1')).toEqual(named('w2'))
  door!.onMessage('w2', { kind: 'homeNamed', ...p, home: '' })
  expect(granted()).toBe(0)
  expect(hello()?.kind).toBe('welcome')

  // The home of a stream under another coordinator says so to that one.
  enter('w2')
  source!.reset([], () => {})
  rig.settle()
  hello()
  expect(sent.at(-1)).toEqual({ kind: 'homeAsked', ...p })
  door!.onMessage('w2', { kind: 'homeNamed', ...p, home: 'w1' })
  expect(hello()?.kind).toBe('welcome')
  expire()
  expect(sent.at(-1)).toEqual(named(''))
})

/** The worker `w1`, which coordinates, in a generation with `w2` and `w3` at `rows`, and what it says to them. */
function trio(rows: readonly StreamRow[], producers = 1000) {
  const world = new World(1)
  const limits = makeLimits({ ...smallLimits, producers, producerTtlMs: 60_000 })
  const rig = new Rig(world, world.machine('m'), 'a', limits).started()
  const sent: (readonly [to: string, DoorMessage])[] = []
  const members = ['w1', 'w2', 'w3']
  const begin = (rows: readonly StreamRow[]): void => {
    rig.door!.enter({
      ...{ number: 1, coordinator: 'w1', members },
      homeOf: (home) => (members.includes(home) ? home : null),
      takerOf: () => 'w2',
      send: (to, message) => sent.push([to, message]),
    })
    rig.door!.onMessage('w2', { kind: 'sourceOpen', source: SOURCE, host: 'w2', port: 1 })
    rig.reset(rows)
    rig.settle()
  }
  begin(rows)
  const p = { source: SOURCE, producer: 'p', incarnation: '1' }
  const hello = (oldest: number, ageMs = 0) => {
    const answer = rig.source!.producers.hello('p', '1', oldest, { ...NO_CLAIM, ageMs }, () => {})
    return answer?.kind === 'refused' ? answer.error.code : answer?.kind
  }
  const rowsOf = (producer: string) => rig.source!.cut().filter(([name]) => name === producer)
  const long = (): void => {
    world.run(world.now + 1.05 * limits.producerTtlMs)
    rig.source!.coverage.floor([])
  }
  return { rig, sent, p, hello, rowsOf, long, begin }
}

test('what was known of a stream that its home has forgotten is nothing to go on from, here or where it was before', () => {
  const row: StreamRow = ['p', '1', 3, 'w2', 1, 0, true, '']
  const { rig, p, hello, rowsOf } = trio([row])
  rig.door!.onMessage('w3', { kind: 'homeNamed', ...p, home: '' })
  expect(hello(4)).toBe('redirect')
  // Its home took records behind the third, and has forgotten all of them.
  rig.door!.onMessage('w2', { kind: 'homeNamed', ...p, home: '' })
  expect(hello(4, 60_000)).toBe('E_STREAM_UNKNOWN')
  expect(hello(1, 60_000)).toBe('E_STREAM_EXPIRED')
  expect(rowsOf('p')).toEqual([])
})

test('a row with which a stream was given away is not reported for longer than its new home remembers it', () => {
  const { rig, sent, p, rowsOf, long } = trio([['p', '1', 3, 'w1', 1, 0, true, '']])
  const { source, door } = rig
  door!.onMessage('w2', { kind: 'handoverAsked', ...p, present: true, tail: [] })
  source!.coverage.complete(source!.cut())
  expect(rowsOf('p')).toEqual([['p', '1', 3, 'w2', 2, 0, true, '']])
  long()
  expect(rowsOf('p')).toEqual([])
  // Others may think that it is here.
  sent.length = 0
  door!.onMessage('w2', { kind: 'homeNamed', ...p, home: '' })
  door!.onMessage('w2', { kind: 'homeNamed', ...p, home: '' })
  expect(sent).toEqual(['w2', 'w3'].map((to) => [to, { kind: 'homeNamed', ...p, home: '' }]))
})

test('a producer that waits for the stream of a home that has forgotten it is answered', () => {
  const { rig, sent, p, hello } = trio([['p', '1', 3, 'w2', 1, 0, true, '']])
  const later: string[] = []
  expect(hello(1)).toBe('redirect')
  const again = () => later.push(hello(1, 60_000) ?? 'waits')
  expect(rig.source!.producers.hello('p', '1', 1, NO_CLAIM, again)).toBeNull()
  expect(sent.at(-1)).toMatchObject(['w2', { kind: 'handoverAsked' }])
  rig.door!.onMessage('w2', { kind: 'homeNamed', ...p, home: '' })
  expect(later).toEqual(['E_STREAM_EXPIRED'])
})

test('what was known of a forgotten stream is not reported, also where nobody has it any more', () => {
  const { rig, p, hello, rowsOf } = trio([['p', '1', 3, 'w2', 1, 0, true, '']])
  expect(hello(1)).toBe('redirect')
  // A producer that goes away before it is answered.
  expect(hello(1)).toBeUndefined()
  rig.door!.onMessage('w2', { kind: 'homeNamed', ...p, home: '' })
  const nobody = {
    kind: 'streamMoved',
    ...p,
    home: '',
    position: 0,
    sessions: 0,
    time: 0,
    writer: '',
    before: [],
  } as const
  rig.door!.onMessage('w2', nobody)
  expect(rowsOf('p')).toEqual([])
})

test('streams that their homes have forgotten leave room for others', () => {
  const { rig, p, hello, long } = trio([['q', '1', 3, 'w2', 1, 0, true, '']], 1)
  expect(hello(1)).toBe('full')
  long()
  expect(hello(1)).toBe('full')
  rig.door!.onMessage('w2', { kind: 'homeNamed', ...p, producer: 'q', home: '' })
  long()
  expect(hello(1)).toBe('welcome')
})

test('a stream that a manifest knows nothing of is unknown, whatever was known of it before', () => {
  const { hello, begin } = trio([['p', '1', 3, 'w1', 1, 1000, true, '']])
  expect(hello(4)).toBe('welcome')
  begin([])
  expect(hello(4)).toBe('E_STREAM_UNKNOWN')
  expect(hello(1, 60_000)).toBe('E_STREAM_EXPIRED')
})

test('a stream that is to leave does so also where its journal gives less than it had', () => {
  const { rig, sent, p } = trio([])
  const { source, door, machine } = rig
  const session = { onAcks() {}, onTaken() {}, onRewind() {}, onReplaced() {}, onMoved() {} }
  expect(source!.producers.hello('p', '1', 1, NO_CLAIM, () => {})?.kind).toBe('welcome')
  const stream = source!.producers.grant('p', '1', session)
  const { bytes, cuts } = linesOf(['a', 'b', 'c'])
  source!.admit(stream, bytes, cuts, 1, '')
  rig.settle()
  expect(texts(rig.take())).toEqual(['a', 'b', 'c'])
  // The pipeline goes back, and is fed again; meanwhile the file is cut short.
  rig.reset([['p', '1', 0, 'w1', 1, 0, true, '']], () => {
    const { volume } = machine
    for (const name of volume.list('/journal') as string[]) {
      const file = volume.open(`/journal/${name}`, 'write')
      if ('size' in file && file.size > 100) volume.truncate(file, 60)
    }
    door!.onMessage('w2', { kind: 'handoverAsked', ...p, present: true, tail: [] })
  })
  rig.settle()
  source!.release()
  expect(rig.drain()).toEqual([])
  source!.coverage.complete(source!.cut())
  source!.coverage.complete(source!.cut())
  expect(sent.at(-1)).toMatchObject(['w2', { kind: 'streamMoved', home: 'w2', position: 0 }])
})

test('a connection that outlives its generation is sent on where its stream turns out to be another member’s', () => {
  const world = new World(1)
  const rig = new Rig(world, world.machine('m'), 'a').started()
  const { door, source } = rig
  const p = { source: SOURCE, producer: 'p', incarnation: '1' }
  const sent: DoorMessage[] = []
  const enter = (number: number): void => {
    door!.enter({
      ...{ number, coordinator: 'w2', members: ['w1', 'w2', 'w3'] },
      homeOf: (home) => (home === '' ? null : home),
      takerOf: () => 'w2',
      send: (_, message) => sent.push(message),
    })
    rig.reset([])
    rig.settle()
  }
  const hello = () => source!.producers.hello('p', '1', 1, NO_CLAIM, () => {})
  enter(1)
  expect(hello()).toBeNull()
  door!.onMessage('w2', { kind: 'homeNamed', ...p, home: 'w1' })
  expect(hello()?.kind).toBe('welcome')
  const moved: string[] = []
  const session = { onAcks() {}, onTaken() {}, onRewind() {}, onReplaced() {}, onMoved: (to: string) => moved.push(to) }
  source!.producers.grant('p', '1', session)

  // No epoch has said whose it is; somebody else has asked first.
  sent.length = 0
  enter(2)
  expect(sent).toEqual([{ kind: 'homeAsked', ...p }])
  door!.onMessage('w2', { kind: 'homeNamed', ...p, home: 'w3' })
  expect(moved).toEqual(['w3'])
})
