/** What `connect` refuses before it dials anybody. */
import { expect, test } from 'vitest'
import { settingsOf } from '../../src/client/options.ts'

const named = { source: 'lines', producer: 'till' }

test.each([0, 65_536, 1.5, '7001', Number.NaN])(
  '%j is no port, also of an address that would be tried later',
  (port) => {
    const refused = expect.objectContaining({ code: 'E_CLIENT_OPTIONS' })
    expect(() => settingsOf({ ...named, port: port as number })).toThrow(refused)
    const addresses = [
      { host: 'a', port: 7001 },
      { host: 'b', port: port as number },
    ]
    expect(() => settingsOf({ ...named, addresses })).toThrow(refused)
  },
)

test.each<[object, string]>([
  [{ outbx: { path: './box' } }, 'there is no option outbx; did you mean outbox?'],
  [{ outbox: { path: './box', snyc: true } }, 'outbox: there is no option snyc; did you mean sync?'],
])('an option that there is not is refused: %j', (odd, reason) => {
  const refused = { code: 'E_CLIENT_OPTIONS', message: expect.stringContaining(reason) }
  expect(() => settingsOf({ ...named, port: 7001, ...odd })).toThrow(expect.objectContaining(refused))
})

test('the ports of addresses and of a url are taken as they are', () => {
  expect(settingsOf({ ...named, port: 7001 }).targets).toEqual([{ host: '127.0.0.1', port: 7001, url: null }])
  expect(settingsOf({ ...named, url: 'wss://h/in' }).targets).toEqual([{ host: 'h', port: 443, url: 'wss://h/in' }])
  const url = 'ws://[::1]:7001/'
  expect(settingsOf({ ...named, url }).targets).toEqual([{ host: '::1', port: 7001, url }])
})

test.each(['http://h/', 'ws://', 'ws://h/in#here'])('%j is no url of a WebSocket', (url) => {
  expect(() => settingsOf({ ...named, url })).toThrow(expect.objectContaining({ code: 'E_CLIENT_OPTIONS' }))
})
