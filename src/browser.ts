/**
 * The package `potoroo/browser`: the client of `potoroo/client` for pages, in one file without imports. Records wait in
 * memory, so a page that is closed loses those that were not acknowledged.
 *
 *     import { connect } from './node_modules/potoroo/dist/browser.js'
 *     const client = await connect({ url: 'ws://127.0.0.1:7001/', source: 'clicks', producer: crypto.randomUUID() })
 *     await client.send(JSON.stringify({ page: location.pathname }))
 */
/// <reference types="node" preserve="true" />
import { fail } from './base/errors.ts'
import { Client } from './client/client.ts'
import { newId } from './client/id.ts'
import { type ConnectOptions, settingsOf } from './client/options.ts'

import { webSocketDial } from './client/websocket.ts'

export { PotorooError } from './base/errors.ts'
export type { AckLevel, Client, ClientEvents } from './client/client.ts'
export type { OutgoingRecord } from './client/record.ts'

/** The options of `connect` in a page. */
export type BrowserOptions = Omit<ConnectOptions, 'addresses' | 'host' | 'port' | 'outbox'> & {
  readonly url: string | readonly string[]
}

/**
 * Makes a producer. Resolves at once: from then on records may be sent, even while no worker can be reached. Rejects
 * with `E_CLIENT_OPTIONS`, also where it is given addresses or an outbox on disk, which a page cannot have.
 *
 * @example
 * const client = await connect({ url: 'ws://127.0.0.1:7001/', source: 'clicks', producer: crypto.randomUUID() })
 * await client.send(JSON.stringify({ page: location.pathname }))
 */
export async function connect(options: BrowserOptions): Promise<Client> {
  const settings = settingsOf(options)
  if (settings.targets.some(({ url }) => url === null) || settings.outbox !== null) {
    throw fail('E_CLIENT_OPTIONS', { reason: 'a page connects to a url, and keeps records in memory' })
  }
  return new Client(
    settings,
    newId(),
    null,
    webSocketDial((url) => new WebSocket(url)),
  )
}
