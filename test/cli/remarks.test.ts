/** What `run` says of where a pipeline listens. */
import { expect, test } from 'vitest'
import { proposals, wordsOfEnd, wordsOfPlaces } from '../../src/cli/remarks.ts'
import {
  fileSource,
  lengthPrefix,
  pipeline,
  tcpServerSink,
  tcpSink,
  tcpSource,
  webSocketServerSink,
} from '../../src/index.ts'
import { plan } from '../../src/model/planner.ts'
import type { Resident } from '../../src/worker/pipelines/pipelines.ts'

const live = pipeline('live', (p) => {
  const source = p.source('lines', tcpSource({ port: 0 }))
  source.sink('feed', tcpServerSink({ port: 0, encode: String }))
  source.sink('frames', tcpServerSink({ port: 0, framing: lengthPrefix({ bytes: 2 }), encode: String }))
  source.sink('page', webSocketServerSink({ port: 0, path: '/live', encode: String }))
})

test('sources and sinks that listen are shown where they are, also on a port that was free', () => {
  const said = (step: string) =>
    proposals.listening(plan(live.build({})), step, '127.0.0.1:7').replaceAll(/(npx )?potoroo /g, '')
  expect(said('lines')).toMatch(/lines listens on 127\.0\.0\.1:7 +send 7 FILE$/)
  expect(said('feed')).toMatch(/feed listens on 127\.0\.0\.1:7 +receive tcp:\/\/127\.0\.0\.1:7$/)
  expect(said('frames')).toMatch(/ +receive tcp:\/\/127\.0\.0\.1:7 --framing length-prefix:2:big$/)
  expect(said('page')).toMatch(/page listens on ws:\/\/127\.0\.0\.1:7\/live +receive ws:\/\/127\.0\.0\.1:7\/live$/)
})

test('what dials, writes or reads somewhere is told of at once, and what listens once it does', () => {
  const graph = pipeline('parts', (p) => {
    const source = p.source('logs', fileSource({ path: 'logs/*.txt' }))
    source.sink('totals', tcpSink({ port: 7002, encode: String }))
    source.sink('feed', tcpServerSink({ port: 0, encode: String }))
  }).build({})
  expect(wordsOfPlaces(plan(graph)).map((text) => text.trim().replaceAll(/ +(npx )?potoroo /g, ': '))).toEqual([
    'logs reads logs/*.txt',
    'totals dials 127.0.0.1:7002: receive 7002',
  ])
})

test('an address of IPv6 is proposed as the commands read it', () => {
  expect(proposals.sink('nowhere', 'null', {})).toBe('  nowhere drops what it is given')
  const said = proposals.sink('totals', 'tcp', { host: '::1', port: 7002 }).replaceAll(/(npx )?potoroo /g, '')
  expect(said).toMatch(/totals dials \[::1\]:7002 +receive \[::1\]:7002$/)
})

test('who is named in a URL, and by which password, is not shown', () => {
  for (const [kind, scheme] of [
    ['websocket', 'wss'],
    ['webhook', 'https'],
  ] as const) {
    const said = proposals.sink('out', kind, { url: `${scheme}://me:p@ss@reports.internal:7002/in?x=@` })
    expect(said).toMatch(new RegExp(` ${scheme}://\\*\\*\\*@reports\\.internal:7002/in\\?x=@$`))
  }
})

test('an end says how many keys there are, or how many at least where not all have been counted', () => {
  const words = (allCounted: boolean, letters: number): string => {
    const status = { figures: { epoch: 7 }, keys: 1_200_000, allCounted }
    const execution = { status, deadLetters: { count: letters } }
    return wordsOfEnd({ name: 'count', execution } as unknown as Resident)
  }
  expect(words(true, 0)).toBe('count: ended with epoch 7 (1,200,000 keys)')
  expect(words(false, 1)).toBe('count: ended with epoch 7 (at least 1,200,000 keys, 1 dead letter)')
})
