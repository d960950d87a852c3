/** What all connectors do with options that no type allows. */
import { expect, test } from 'vitest'
import * as potoroo from '../../src/index.ts'

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
