/** What all connectors do with options that no type allows. */
import { expect, test } from 'vitest'
import * as potoroo from '../../src/index.ts'
import { Cuts } from '../../src/model/connector.ts'

const connectors = Object.entries(potoroo).filter(([name]) => /(Source|Sink|Input)$/.test(name)) as [
  string,
  (options: unknown) => { readonly role: string; readonly faults: readonly string[] },
][]

test.each(connectors)('%s tells what is wrong with no options at all', (name, describe) => {
  for (const none of [undefined, null, 7, 'x', [], {}]) {
    const { role, faults } = describe(none)
    expect(['source', 'sink']).toContain(role)
    for (const fault of faults) expect(fault).toMatch(new RegExp(`^${name}: `))
  }
})

test('a framing that only reads is none for a sink', () => {
  const { customFraming, stdoutSink, tcpSource, utf8 } = potoroo
  const framing = customFraming({ name: 'mine', next: () => null })
  expect(stdoutSink({ encode: String, framing }).faults).toEqual([
    'stdoutSink: framing "custom mine" only reads; give it a function frame',
  ])
  expect(tcpSource({ port: 0, framing, decode: utf8 }).faults).toEqual([])
})

/** A framing that somebody wrote as its type allows, but for `other`. */
const byHand = (other: object): potoroo.Framing => ({ ...potoroo.lines(), kind: 'by hand', ...other })

type Scan = (bytes: Buffer, start: number, end: number, cuts: Cuts) => unknown

const bytes = Buffer.from('one\ntwo\n')

const cutting =
  (from: number, to: number): Scan =>
  (_bytes, _start, end, cuts) => {
    cuts.add(from, to)
    return end
  }

test.each<[string, string, Scan]>([
  ['throws', 'E_FRAMING', () => JSON.parse('{')],
  ['answers nothing', 'E_FRAMING', () => undefined],
  ['answers a promise', 'E_PROMISE', () => Promise.reject(new Error('late'))],
  ['goes back', 'E_FRAMING', () => -1],
  ['goes beyond', 'E_FRAMING', () => bytes.length + 1],
  ['cuts beyond', 'E_FRAMING', cutting(0, bytes.length + 1)],
  ['cuts backwards', 'E_FRAMING', cutting(3, 1)],
  ['cuts beyond and throws', 'E_FRAMING', (...given) => JSON.parse(`{${cutting(0, bytes.length + 1)(...given)}`)],
])('a framing by hand that %s is an error of its connection, and has cut nothing', (_what, code, scan) => {
  const { framing } = potoroo.tcpSource({ port: 0, framing: byHand({ scan }), decode: potoroo.utf8 })
  const cuts = new Cuts()
  expect(() => framing.scan(bytes, 0, bytes.length, cuts, 100)).toThrow(expect.objectContaining({ code }))
  expect(cuts.count).toBe(0)
})

test('what a framing by hand finds at the end of a stream is looked at too', () => {
  const { framing } = potoroo.tcpSource({
    port: 0,
    framing: byHand({ finish: cutting(0, bytes.length + 1) }),
    decode: potoroo.utf8,
  })
  const cuts = new Cuts()
  const finish = () => framing.finish(bytes, 0, bytes.length, cuts, 100)
  expect(finish).toThrow(expect.objectContaining({ code: 'E_FRAMING' }))
  expect(cuts.count).toBe(0)
})

test('a framing by hand cuts no record that is too long, and those in front of what it refuses', () => {
  const long = cutting(0, bytes.length)
  const half: Scan = (_bytes, _start, _end, cuts) => {
    cuts.add(0, 3)
    throw new Error('no record')
  }
  const { framing } = potoroo.tcpSource({
    port: 0,
    framing: byHand({ scan: half, finish: long }),
    decode: potoroo.utf8,
  })
  const cuts = new Cuts()
  expect(() => framing.scan(bytes, 0, bytes.length, cuts, 7)).toThrow('no record')
  expect([cuts.count, cuts.starts[0], cuts.ends[0]]).toEqual([1, 0, 3])
  const finish = () => framing.finish(bytes, 0, bytes.length, cuts, 7)
  expect(finish).toThrow(expect.objectContaining({ code: 'E_RECORD_TOO_LONG' }))
  expect(cuts.count).toBe(1)
})

test.each<[string, string, () => unknown]>([
  ['throws', 'E_FRAMING', () => JSON.parse('{')],
  ['answers nothing', 'E_FRAMING', () => undefined],
  ['answers a promise', 'E_PROMISE', () => Promise.reject(new Error('late'))],
  ['answers no bytes', 'E_FRAMING', () => ['text']],
])('a framing by hand that %s for a record of a sink is an error of the sink', (_what, code, frame) => {
  const { framing } = potoroo.tcpSink({ host: 'there', port: 7, encode: String, framing: byHand({ frame }) })
  expect(() => framing!.frame(bytes)).toThrow(expect.objectContaining({ code }))
})

test('a decoder by hand that answers a promise decodes nothing, and its rejection ends nobody', async () => {
  const late = { kind: 'late', decode: () => Promise.reject(new Error('late')) }
  const { decoder } = potoroo.tcpSource({ port: 0, decode: late })
  expect(() => decoder.decode(bytes, 0, 3)).toThrow(expect.objectContaining({ code: 'E_PROMISE' }))
  await new Promise((resolve) => setImmediate(resolve))
})

test('a sink that writes JSON by itself says what to do about a record that is none', () => {
  const circle: { of?: object } = {}
  circle.of = circle
  for (const sink of [potoroo.stdoutSink<unknown>(), potoroo.webhookSink<unknown>({ url: 'http://there/' })]) {
    expect(sink.encode({ one: 1 })).toBe('{"one":1}')
    const shown = Object.assign(new Map([['a', 1]]), { toJSON: () => ({}) })
    const none = { none: {}, text: '{}', at: new Date(0), shown, own: new (class Own {})() }
    expect(sink.encode(none)).toBe('{"none":{},"text":"{}","at":"1970-01-01T00:00:00.000Z","shown":{},"own":{}}')
    for (const [value, reason] of [
      [{ of: [{ cents: 7n }] }, ': of\\[0\\].cents is a bigint$'],
      [{ name: '{}', total: { days: new Map([['monday', 1]]) } }, ': total.days is a Map$'],
      [[new Set([1])], ': \\[0\\] is a Set$'],
      [new Map(), ': it is a Map$'],
      [{ late: Promise.resolve(1) }, ': late is a Promise$'],
      [circle, 'circular structure to JSON$'],
    ] as const) {
      const message = expect.stringMatching(reason)
      expect(() => sink.encode(value)).toThrow(expect.objectContaining({ code: 'E_NO_JSON', message }))
    }
  }
})

test('what is made here is taken as it is', () => {
  const framing = potoroo.lengthPrefix()
  const decode = potoroo.json()
  const described = potoroo.tcpSource({ port: 0, framing, decode })
  expect(described.framing).toBe(framing)
  expect(described.decoder).toBe(decode)
})
