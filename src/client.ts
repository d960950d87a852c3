/**
 * The package `potoroo/client`: sends records to a pipeline so that none is lost and none counts twice.
 *
 *     const client = await connect({ port: 7001, source: 'lines', producer: 'till-4', outbox: { path: './outbox' } })
 *     await client.send(['one', 'two'])
 *     await client.flush('stable')
 *     client.close()
 */
/// <reference types="node" preserve="true" />
import { Client } from './client/client.ts'
import { openDiskOutbox } from './client/disk-outbox.ts'
import { newIncarnation } from './client/incarnation.ts'
import { type ConnectOptions, settingsOf } from './client/options.ts'
import { dialTcp } from './client/tcp.ts'
import type { Dial } from './client/transport.ts'
import { dialWebSocket } from './client/websocket.ts'

export { PotorooError } from './base/errors.ts'
export type { AckLevel, Client, ClientEvents, OutgoingRecord } from './client/client.ts'
export type { Address, ConnectOptions, DiskOutbox } from './client/options.ts'

/**
 * Makes a producer. Resolves when its outbox is open: records may be sent from then on, whether a worker can be reached
 * already or not. Rejects with `E_CLIENT_OPTIONS`, or `E_OUTBOX…` where the outbox cannot be used.
 */
export async function connect(options: ConnectOptions): Promise<Client> {
  const settings = settingsOf(options)
  if (settings.outbox === null) return new Client(settings, newIncarnation(), null, dial)
  const { incarnation, store } = openDiskOutbox(settings.outbox, settings.producer, settings.source)
  return new Client(settings, incarnation, store, dial)
}

const dial: Dial = (target, events) => (target.url === null ? dialTcp : dialWebSocket)(target, events)
