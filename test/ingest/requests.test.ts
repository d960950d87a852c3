/**
 * What requests are told when their stream is elsewhere, leaves or goes back; that they are taken stands in the HTTP
 * source's tests.
 */
import { beforeEach, expect, test } from 'vitest'
import { fail } from '../../src/base/errors.ts'
import type { Address } from '../../src/env/network.ts'
import { type RequestSource, Requests } from '../../src/ingest/requests.ts'
import { Stream, type StreamSession } from '../../src/ingest/stream.ts'
import type { HelloAnswer } from '../../src/ingest/streams.ts'
import type { RequestAnswer } from '../../src/model/request.ts'
import { writeToken } from '../../src/protocol/read-token.ts'
import { World } from '../../src/sim/world.ts'
import { linesOf } from './fixture.ts'

let world: World
let stream: Stream
/** What the source answers a hello; `null`: not now. */
let hello: HelloAnswer | null
let parted: number
let later: () => void
let requests: Requests

/** Where others are reached; w4 shares the port of this worker. */
const addresses: Readonly<Record<string, Address>> = {
  w2: { host: 'there', port: 8081 },
  w4: { host: 'here', port: 8081 },
}

beforeEach(() => {
  world = new World(1)
  stream = new Stream('p/in', 'till', 'http', true)
  hello = { kind: 'welcome', resumeAfter: 0 }
  parted = 0
  later = () => {}
  const source: RequestSource = {
    ...{ source: 'p/in', name: 'p/in', token: null, worker: 'w1', incarnation: 'i', blockedBy: null },
    clock: world.machine('m').start('m').env.clock,
    counters: { repeats: 0, turnedAway: 0 },
    producers: {
      hello: (_producer, _incarnation, _oldest, _claim, again) => {
        later = again
        return hello
      },
      forget: () => {},
      grant: (_producer, _incarnation, session: StreamSession) => {
        stream.session?.onReplaced()
        stream.session = session
        return stream
      },
      part: () => {
        parted++
        stream.session = null
      },
    },
    address: { host: 'here', port: 8081 },
    addressOf: (worker) => addresses[worker] ?? null,
    admit: (of, _bytes, cuts, first) => {
      of.admitted = Math.max(of.admitted, first + cuts.count - 1)
      return 0
    },
    room: { isOpen: true, when: () => {}, forget: () => {} },
  }
  requests = new Requests(source)
})

/** Brings `records` records from `first` on; what it is told comes into the list. */
function bring(records: number, first: number, until: 'journaled' | 'stable' = 'journaled') {
  const told: RequestAnswer[] = []
  const { bytes, cuts } = linesOf(Array.from({ length: records }, String))
  const request = requests.bring(bytes, cuts, { producer: 'till', incarnation: 'http', first }, until, (answer) =>
    told.push(answer),
  )
  expect(told, 'an answer inside of the call').toEqual([])
  world.run(world.now + 1)
  return { told, ...request }
}

/** The token of an answer that covers records up to `sequence`. */
function upTo(sequence: number): string {
  return writeToken({ source: 'p/in', producer: 'till', incarnation: 'http', sequence })
}

function journaled(upTo: number): void {
  stream.durable = upTo
  stream.session?.onAcks()
}

test('a request is sent to the worker that answers for its producer', () => {
  hello = { kind: 'redirect', worker: 'w2' }
  expect(bring(1, 1).told).toEqual([{ kind: 'elsewhere', worker: 'w2', address: { host: 'there', port: 8081 } }])
  hello = { kind: 'redirect', worker: 'w3' }
  expect(bring(1, 1).told).toEqual([{ kind: 'elsewhere', worker: 'w3', address: null }])
  hello = { kind: 'redirect', worker: 'w4' }
  expect(bring(1, 1).told).toEqual([{ kind: 'elsewhere', worker: 'w4', address: null }])
})

test('a request waits until it is known who answers', () => {
  hello = null
  const waits = bring(1, 1)
  const gone = bring(1, 1)
  expect(waits.told).toEqual([])
  gone.cancel()
  hello = { kind: 'welcome', resumeAfter: 0 }
  later()
  world.run(10)
  expect(gone.told).toEqual([])
  expect(stream.admitted).toBe(0)
})

test('comes again where records lie elsewhere, and never where there is no place for its producer', () => {
  const error = fail('E_STREAM_PARKED', { producer: 'till' })
  hello = { kind: 'parked', error }
  expect(bring(1, 1).told).toEqual([{ kind: 'again', error }])
  hello = { kind: 'refused', error }
  expect(bring(1, 1).told).toEqual([{ kind: 'refused', error }])
})

test('is answered by what its stream says, each by its own wish, and then nobody holds the stream', () => {
  const [one, two, three] = [bring(2, 1), bring(1, 3, 'stable'), bring(2, 4)]
  journaled(2)
  expect([one, two, three].map(({ told }) => told.length)).toEqual([1, 0, 0])
  journaled(5)
  expect([one, two, three].map(({ told }) => told.length)).toEqual([1, 0, 1])
  expect(three.told).toEqual([{ kind: 'taken', repeats: 0, next: 6, token: upTo(5) }])
  expect(parted).toBe(0)
  stream.covered = 3
  stream.session!.onAcks()
  expect(two.told).toEqual([{ kind: 'taken', repeats: 0, next: 6, token: upTo(3) }])
  expect(parted).toBe(1)
})

test('comes again when its stream goes back to in front of it, and waits on when it does not', () => {
  const [one, two] = [bring(2, 1), bring(2, 3)]
  stream.admitted = 2
  stream.session!.onRewind()
  expect(one.told).toEqual([])
  expect(two.told).toMatchObject([{ kind: 'again', error: { code: 'E_REQUEST_AGAIN' } }])
  journaled(2)
  expect(one.told).toMatchObject([{ kind: 'taken' }])
})

test.each(['onReplaced', 'onMoved'] as const)('a request comes again after %s', (event) => {
  const one = bring(2, 1)
  stream.session![event]('w2')
  expect(one.told).toMatchObject([{ kind: 'again' }])
  expect(parted).toBe(1)
})

test('a request that is cancelled is told nothing, and holds nobody up', () => {
  const [one, two] = [bring(1, 1), bring(1, 2)]
  one.cancel()
  journaled(2)
  expect(one.told).toEqual([])
  expect(two.told).toHaveLength(1)
  expect(parted).toBe(1)
})
