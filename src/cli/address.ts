/** Addresses on the command line: `7001`, `host:7001`, `[::1]:7001`, `tcp://host:7001`, `ws://host:7001/path`. */
import { fail } from '../base/errors.ts'
import type { Address } from '../env/network.ts'

/** The address that `text` names, on this machine where it is a port alone. Throws `E_USAGE`. */
export function addressOf(text: string): Address {
  const parts = /^(?:(\[[^\]]+\]|[^:]*):)?(\d{1,5})$/.exec(text)
  const port = Number(parts?.[2])
  if (parts === null || port > 65_535) {
    throw fail('E_USAGE', {
      reason: `"${text}" is no address: write PORT or HOST:PORT, with brackets about a host that has colons`,
    })
  }
  return { host: (parts[1] || '127.0.0.1').replace(/^\[|\]$/g, ''), port }
}

/** The address that `tcp://HOST:PORT` names. Throws `E_USAGE`. */
export function tcpAddressOf(text: string): Address {
  const [, address] = /^tcp:\/\/([^/]+)\/?$/.exec(text) ?? []
  if (address === undefined) throw fail('E_USAGE', { reason: `"${text}" is no URL of a sink: write tcp://HOST:PORT` })
  return addressOf(address)
}

/** The URL of a WebSocket that `text` is. Throws `E_USAGE`. */
export function webSocketUrlOf(text: string): URL {
  const url = URL.parse(text)
  if (url !== null && /^wss?:$/.test(url.protocol) && url.hash === '') return url
  throw fail('E_USAGE', { reason: `"${text}" is no URL of a WebSocket: write ws://HOST:PORT/PATH` })
}
