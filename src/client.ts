/**
 * The package `potoroo/client`: sends records to a pipeline, and receives those of its acked sinks, so that none is
 * lost and none counts twice.
 *
 *     const client = await connect({ port: 7001, source: 'lines', producer: 'till-4', outbox: { path: './till-4' } })
 *     await client.send(['one', 'two'])
 *     await client.flush('stable')
 *     client.close()
 *
 *     const receiver = await receiveAcked({ port: 7002, inbox: { path: './inbox' }, handle: ({ text }) => console.log(text) })
 */
/// <reference types="node" preserve="true" />
import type { PotorooError } from './base/errors.ts'
import { Client } from './client/client.ts'
import { openDiskOutbox } from './client/disk-outbox.ts'
import { newId } from './client/id.ts'
import { dialNodeWebSocket } from './client/node-websocket.ts'
import { type ConnectOptions, settingsOf } from './client/options.ts'
import { listenTcp, listenWebSocket } from './client/receiver/listen.ts'
import { type ReceiveOptions, receiveSettings } from './client/receiver/options.ts'
import { Receiver } from './client/receiver/receiver.ts'
import { dialTcp } from './client/tcp.ts'
import type { Dial } from './client/transport.ts'

export { PotorooError } from './base/errors.ts'
export type { AckLevel, Client, ClientEvents } from './client/client.ts'
export type { Address, ConnectOptions, DiskOutbox } from './client/options.ts'
export type { DiskInbox, ReceivedRecord, ReceiveOptions } from './client/receiver/options.ts'
export type { Receiver, ReceiverEvents } from './client/receiver/receiver.ts'
export type { OutgoingRecord } from './client/record.ts'

/**
 * Makes a producer. Resolves when its outbox is open: from then on records may be sent, even while no worker can be
 * reached. Rejects with `E_CLIENT_OPTIONS`, or with `E_OUTBOX…` where the outbox cannot be used.
 *
 * @example
 * const client = await connect({ port: 7001, source: 'lines', producer: 'till-4', outbox: { path: './till-4' } })
 * client.on('failed', (error) => console.error(error.code, error.remedy))
 * await client.send(['one', 'two'])
 * await client.flush('stable')
 * client.close()
 */
export async function connect(options: ConnectOptions): Promise<Client> {
  const settings = settingsOf(options)
  if (settings.outbox === null) return new Client(settings, newId(), null, dial, warn)
  const { incarnation, store } = openDiskOutbox(settings.outbox, settings.producer, settings.source)
  return new Client(settings, incarnation, store, dial)
}

/** As Node shows what a program should know of and nothing waits for. */
const warn = ({ message, remedy, code }: PotorooError): void => process.emitWarning(`${message}; ${remedy}`, { code })

const dial: Dial = (target, events) => (target.url === null ? dialTcp : dialNodeWebSocket)(target, events)

/**
 * Listens for acked sinks (`tcpSink` or `webSocketSink` with `protocol: 'acked'`) and hands over each of their records
 * once. Resolves when it listens. Rejects with `E_RECEIVER_OPTIONS`, with `E_RECEIVER_LISTEN` where it cannot listen on
 * the port, or with `E_INBOX…` where the inbox cannot be used.
 *
 * @example
 * const receiver = await receiveAcked({
 *   port: 7002,
 *   inbox: { path: './inbox' },
 *   handle: ({ id, text }) => console.log(id, text),
 * })
 * receiver.on('failed', (error) => console.error(error))
 */
export async function receiveAcked(options: ReceiveOptions): Promise<Receiver> {
  const settings = receiveSettings(options)
  const { host, port, by } = settings
  return Receiver.open(settings, (intake) => (by === 'tcp' ? listenTcp : listenWebSocket)({ host, port }, intake))
}
