/** The options of `connect`, and their defaults. */
import { addressOfUrl } from '../base/address.ts'
import { fail } from '../base/errors.ts'
import { faultOfNames } from '../base/option-names.ts'
import { BATCH_BYTES, NAME_BYTES, SOURCE_BYTES, TOKEN_BYTES } from '../protocol/acked.ts'
import type { Target } from './transport.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

export interface DiskOutbox {
  /** A folder of this producer alone; made when absent. */
  readonly path: string
  /** Survives a power failure too, not only the end of the process: each batch waits for the disk. Default false. */
  readonly sync?: boolean
}

export interface ConnectOptions {
  /** Where workers listen; tried in turn. Of a single worker, `host` and `port` will do. */
  readonly addresses?: readonly Address[]
  /** In place of addresses: where workers take WebSockets, `ws://host:port/path` or `wss:`; tried in turn. */
  readonly url?: string | readonly string[]
  /** Default `127.0.0.1`. */
  readonly host?: string
  readonly port?: number
  /** The name of the source in its pipeline, or `pipeline/source`. */
  readonly source: string
  /** A name that no other producer of the source has, the same after every restart. */
  readonly producer: string
  /** The token of the source, where it asks for one. */
  readonly token?: string
  /**
   * Where records wait until they are stable. `'memory'` (default): records that have not reached a worker when the
   * process dies are lost, and after a restart the producer is a new incarnation. On disk: it goes on where it was.
   */
  readonly outbox?: 'memory' | DiskOutbox
  /** The most bytes in the outbox; beyond them `send` waits. They are in memory even where the outbox is on disk.
   * Default 64 MiB. */
  readonly maxOutstanding?: number
  /** Bytes that are gathered into one batch. Default 64 KiB, at most 256 KiB. */
  readonly batchBytes?: number
  /** How long a worker may take to accept the producer before the next one is tried, in milliseconds. Default 2000. */
  readonly dialTimeoutMs?: number
  /** Longest wait between two attempts, in milliseconds. Default 5000. */
  readonly maxBackoffMs?: number
}

export interface Settings {
  readonly targets: readonly Target[]
  readonly source: string
  readonly producer: string
  readonly token: string
  readonly outbox: DiskOutbox | null
  readonly maxOutstanding: number
  readonly batchBytes: number
  readonly dialTimeoutMs: number
  readonly maxBackoffMs: number
}

/** The longest time of a timer: a longer one is over at once. */
export const TIMER_MS: number = 2 ** 31 - 1

const NAMES: readonly (keyof ConnectOptions)[] = [
  ...(['addresses', 'url', 'host', 'port', 'source', 'producer', 'token', 'outbox'] as const),
  ...(['maxOutstanding', 'batchBytes', 'dialTimeoutMs', 'maxBackoffMs'] as const),
]
const OUTBOX_NAMES: readonly (keyof DiskOutbox)[] = ['path', 'sync']

/** The options with their defaults; throws `E_CLIENT_OPTIONS`. */
export function settingsOf(options: ConnectOptions): Settings {
  const fault = faultOfNames(options, NAMES)
  if (fault !== null) throw fail('E_CLIENT_OPTIONS', { reason: fault })
  const { host = '127.0.0.1', port, producer, source, token = '', outbox = 'memory' } = options
  const addresses = options.addresses ?? (port === undefined ? [] : [{ host, port }])
  const wrong = (reason: string): Error => fail('E_CLIENT_OPTIONS', { reason })
  const targets =
    options.url === undefined
      ? addresses.map((address) => ({ ...address, url: null }))
      : [options.url].flat().map((url) => targetOf(url))
  if (targets.length === 0) throw wrong('it needs a port, addresses, or a url')
  // The network would say so only when one of them is dialled.
  const stray = targets.find(({ port }) => !(Number.isInteger(port) && port >= 1 && port <= 65_535))
  if (stray !== undefined) throw wrong(`a port is a whole number from 1 to 65535, unlike ${JSON.stringify(stray.port)}`)
  if (targets.some(({ host }) => typeof host !== 'string')) throw wrong('a host is a text: a name or an address')
  if (typeof producer !== 'string' || producer === '') throw wrong('it needs a producer name')
  if (Buffer.byteLength(producer) > NAME_BYTES) throw wrong(`a producer name has at most ${NAME_BYTES} bytes`)
  // In UTF-8 two such names would be one.
  if (!producer.isWellFormed()) throw wrong('a producer name has no half of a character in it')
  if (typeof source !== 'string' || source === '') throw wrong('it needs the name of a source')
  if (Buffer.byteLength(source) > SOURCE_BYTES) throw wrong(`the name of a source has at most ${SOURCE_BYTES} bytes`)
  if (typeof token !== 'string' || Buffer.byteLength(token) > TOKEN_BYTES)
    throw wrong(`a token is a text of at most ${TOKEN_BYTES} bytes`)
  if (outbox !== 'memory' && typeof outbox?.path !== 'string') throw wrong("outbox is 'memory' or { path }")
  const odd = outbox === 'memory' ? null : faultOfNames(outbox, OUTBOX_NAMES)
  if (odd !== null) throw wrong(`outbox: ${odd}`)
  return {
    targets,
    source,
    producer,
    token,
    outbox: outbox === 'memory' ? null : outbox,
    maxOutstanding: positive('maxOutstanding', options.maxOutstanding, 64 << 20),
    batchBytes: positive('batchBytes', options.batchBytes, 64 << 10, BATCH_BYTES),
    dialTimeoutMs: positive('dialTimeoutMs', options.dialTimeoutMs, 2000, TIMER_MS),
    maxBackoffMs: positive('maxBackoffMs', options.maxBackoffMs, 5000, TIMER_MS),
  }
}

function targetOf(text: string): Target {
  const url = URL.parse(text)
  if (url?.protocol !== 'ws:' && url?.protocol !== 'wss:') {
    throw fail('E_CLIENT_OPTIONS', { reason: `a url begins with ws: or wss:, unlike ${JSON.stringify(text)}` })
  }
  if (url.hash !== '')
    throw fail('E_CLIENT_OPTIONS', { reason: `a url has no # in it, unlike ${JSON.stringify(text)}` })
  return { ...addressOfUrl(url), url: url.href }
}

function positive(name: string, given: number | undefined, otherwise: number, most = Number.MAX_VALUE): number {
  if (given === undefined) return otherwise
  if (given > 0 && given <= most) return given
  const end = most === Number.MAX_VALUE ? '' : ` and at most ${most}`
  throw fail('E_CLIENT_OPTIONS', { reason: `${name} is a number above 0${end}` })
}
