import { expect, test } from 'vitest'
import { addressOfUrl, showAddress } from '../../src/base/address.ts'

test.each([
  ['ws://h:7001/in', { host: 'h', port: 7001 }],
  ['ws://h/', { host: 'h', port: 80 }],
  ['wss://h/', { host: 'h', port: 443 }],
  ['ws://[::1]:7001/', { host: '::1', port: 7001 }],
])('%s leads to where it says', (url, address) => {
  expect(addressOfUrl(new URL(url))).toEqual(address)
})

test('an address is shown as it is written', () => {
  expect(
    [
      { host: 'h', port: 1 },
      { host: '::1', port: 2 },
    ].map(showAddress),
  ).toEqual(['h:1', '[::1]:2'])
})
