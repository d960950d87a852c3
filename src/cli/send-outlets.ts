/** Where `send` sends to. */

import { createConnection, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { showAddress } from '../base/address.ts'
import { fail } from '../base/errors.ts'
import { type AckLevel, type Client, connect } from '../client.ts'
import type { Address } from '../env/network.ts'
import type { Framing } from '../model/connector.ts'
import { isText } from '../model/text.ts'
import { webSocketUrlOf } from './address.ts'
import { remedyOf, say } from './terminal.ts'
import { readToken } from './token.ts'

/** A WebSocket that has so much in its queue is given time, and looked at again so soon. */
const HIGH_WATER_BYTES = 256 << 10
const LOOK_MS = 2
/** What speaks something else may leave a WebSocket without an answer for ever. */
const DIAL_MS = 5000

/** Where records go. */
export interface Outlet {
  /** Resolves when more may be sent. */
  send(records: readonly Buffer[]): Promise<void>
  /**
   * Resolves when all that was sent has arrived, as far as the outlet can know; with a token to read it behind, where
   * it was acknowledged.
   */
  finish(): Promise<string | null>
  readonly detail: string
}

/** What the acknowledgements of a client wait for that do not come. */
export function waitsFor({ journaled, last }: Pick<Client, 'journaled' | 'last'>): string {
  if (journaled < last) return 'waits until it is on the disk of a worker; `potoroo status` shows what is wrong'
  return 'waits for a checkpoint; `potoroo status PIPELINE` shows what is late'
}

interface AckedOptions {
  readonly producer: string
  readonly outbox?: string
  readonly wait: AckLevel
  readonly tokenFile?: string
}

/** Frames, over TCP. */
export async function plainOutlet(address: Address, framing: Framing): Promise<Outlet> {
  const socket = await dial(address)
  let broken: Error | null = null
  socket.on('error', (error) => {
    broken ??= error
  })
  // A plain source says nothing; one of the acknowledged protocol refuses bytes that are none of its messages.
  socket.on('data', (answer: Buffer) => {
    const http = answer.toString('latin1').startsWith('HTTP/')
    const hint = http ? 'it speaks HTTP: post the records, by curl for one' : 'try --acked SOURCE'
    broken = new Error(`it answers, so it is no plain source: ${hint}`)
    socket.destroy()
  })
  const closed = new Promise<void>((resolve) => socket.once('close', resolve))
  const refuse = () => {
    const reason = broken?.message ?? 'the other end closed the connection'
    return fail('E_PEER', { operation: 'send to', address: showAddress(address), reason })
  }
  let waiting = false
  return {
    get detail() {
      return waiting ? 'waits until the source has taken it; `potoroo status PIPELINE` shows what holds it' : ''
    },
    async send(records) {
      if (socket.destroyed) throw refuse()
      const frames = records.flatMap((record) => framing.frame(record))
      if (frames.length === 0 || socket.write(Buffer.concat(frames))) return
      await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), closed])
      if (socket.destroyed) throw refuse()
    },
    async finish() {
      waiting = true
      socket.end()
      await closed
      waiting = false
      if (broken !== null) throw refuse()
      return null
    },
  }
}

function dial(address: Address): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(address)
    socket.once('connect', () => {
      socket.removeAllListeners('error')
      resolve(socket)
    })
    socket.once('error', (error) =>
      reject(fail('E_PEER', { operation: 'reach', address: showAddress(address), reason: error.message }, error)),
    )
  })
}

/** The acknowledged protocol, over TCP or a WebSocket. */
export async function ackedOutlet(
  to: Address | { readonly url: string },
  source: string,
  options: AckedOptions,
): Promise<Outlet> {
  const { outbox, producer } = options
  const token = readToken(options.tokenFile)
  const client: Client = await connect({
    ...{ ...to, producer, source },
    ...(outbox === undefined ? {} : { outbox: { path: outbox } }),
    ...(token === null ? {} : { token }),
  })
  // Each reason once: who is refused comes again and again.
  const refusals = new Set<string>()
  client.on('refused', ({ code, reason }) => {
    if (!refusals.has(code)) say(`${code}: ${reason}\n  ${remedyOf(code)}`)
    refusals.add(code)
  })
  client.on('disconnect', (reason) => say(`disconnected (${reason}), tries again`))
  // Once, until one is reached: a client tries for ever.
  let told = false
  let finishing = false
  client.on('connect', () => (told = false))
  client.on('unreachable', ({ address: tried, reason }) => {
    if (!told) say(`cannot reach a worker at ${showAddress(tried)} (${reason}); tries again until one is there`)
    told = true
  })
  return {
    get detail() {
      const acks = `journaled ${client.journaled}, stable ${client.stable}`
      return finishing ? `${acks} · ${waitsFor(client)}` : acks
    },
    send: (records) => client.send(records),
    async finish() {
      finishing = true
      const token = await client.flush(options.wait)
      finishing = false
      client.close()
      return token
    },
  }
}

/** Each record as a message of its own: text where it is some, as most sources decode it. */
export async function webSocketOutlet(url: string): Promise<Outlet> {
  const { host: address } = webSocketUrlOf(url)
  const socket = new WebSocket(url)
  let opened = false
  let reason = ''
  socket.onerror = (event) => {
    reason = (event as Event & { readonly message?: string }).message ?? ''
  }
  const closed = new Promise<void>((resolve) => {
    socket.onclose = (event) => {
      const closed = `it closed the WebSocket (code ${event.code})`
      // Of a dial that failed nothing more is told: nobody there, or another path.
      reason = event.reason || reason || (opened ? closed : `nobody takes a WebSocket at ${url}`)
      resolve()
    }
  })
  const refuse = (operation: string) => fail('E_PEER', { operation, address, reason })
  const open = new Promise<void>((resolve) => {
    socket.onopen = () => {
      opened = true
      resolve()
    }
  })
  const late = wait(DIAL_MS, undefined, { ref: false }).then(
    () => (reason ||= 'it does not answer as a WebSocket does'),
  )
  await Promise.race([open, closed, late])
  if (socket.readyState !== WebSocket.OPEN) throw refuse('reach')
  return {
    detail: '',
    async send(records) {
      for (const record of records)
        socket.send(isText(record, 0, record.length) ? record.toString() : new Uint8Array(record))
      while (socket.bufferedAmount > HIGH_WATER_BYTES && socket.readyState === WebSocket.OPEN) await wait(LOOK_MS)
      if (socket.readyState !== WebSocket.OPEN) throw refuse('send to')
    },
    async finish() {
      let ended = false
      socket.addEventListener('close', ({ code }) => (ended = code === 1000 || code === 1005))
      socket.close(1000)
      await closed
      if (!ended) throw refuse('send to')
      return null
    },
  }
}
