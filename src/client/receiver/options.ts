/** The options of `receiveAcked`, and their defaults. */
import { fail } from '../../base/errors.ts'
import { faultOfNames } from '../../base/option-names.ts'

/** One record of a sink, handed over once. */
export interface ReceivedRecord {
  /**
   * Its number in the inbox, counted from 1 without a gap. With an inbox on disk the number is the record's for ever.
   */
  readonly sequence: number
  /** The id that the pipeline has given it; the same when the record is sent again. */
  readonly id: string
  /** What the sink's `encode` made of it. */
  readonly bytes: Buffer
  /** `bytes` as UTF-8. */
  readonly text: string
  readonly pipeline: string
  /** The sink's name in the pipeline. */
  readonly step: string
}

export interface DiskInbox {
  /** A folder of this receiver alone; made when absent. */
  readonly path: string
}

export interface ReceiveOptions {
  /** The port to listen on; 0 takes a free one. */
  readonly port: number
  /** Default `127.0.0.1`. */
  readonly host?: string
  /** How sinks connect: `tcpSink` by TCP (default), `webSocketSink` by WebSocket, at any path. */
  readonly by?: 'tcp' | 'websocket'
  /** The token that a sink has to present (its `tokenFile`). */
  readonly token?: string
  /**
   * Handles one record. Called for one record after another, in order; the next call waits for the promise. Where it
   * throws or rejects, the receiver ends.
   */
  readonly handle: (record: ReceivedRecord) => void | Promise<void>
  /**
   * `'memory'` (default): a record is acknowledged once it has been handled. After a restart the receiver knows nothing
   * of earlier records, and hands over again what is sent again. On disk: a record is acknowledged once it is in the
   * folder and synced, and a restart goes on where it was.
   */
  readonly inbox?: 'memory' | DiskInbox
  /**
   * With an inbox on disk: the sequence of the last record that you have handled. Where you store it together with the
   * effect of the record, in one transaction, each record has its effect exactly once, whenever this process dies.
   * Without it, the record that was being handled when the process died is handed over again.
   */
  readonly after?: number
  /** The most ids that are remembered of each sink. Default 4,000,000, at most 16,000,000. */
  readonly remember?: number
  /** The most bytes that a worker may have sent and that are not handled. Default 4 MiB, at most 4 GiB less one. */
  readonly creditBytes?: number
}

/** A `Map` holds 2^24 entries. */
const REMEMBER_MAX = 16_000_000
/** It is told to workers in 32 bits. */
const CREDIT_BYTES_MAX = 0xffffffff

const NAMES: readonly (keyof ReceiveOptions)[] = [
  ...(['port', 'host', 'by', 'token', 'handle', 'inbox', 'after', 'remember', 'creditBytes'] as const),
]

/** The options with their defaults; throws `E_RECEIVER_OPTIONS`. */
export function receiveSettings(options: ReceiveOptions): Required<Omit<ReceiveOptions, 'inbox' | 'after'>> & {
  readonly path: string | null
  readonly after: number | null
} {
  const fault = faultOfNames(options, NAMES)
  if (fault !== null) throw fail('E_RECEIVER_OPTIONS', { reason: fault })
  const { port, host = '127.0.0.1', by = 'tcp', token = '', handle, inbox = 'memory', after = null } = options
  const wrong = (reason: string): Error => fail('E_RECEIVER_OPTIONS', { reason })
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw wrong('it needs a port')
  if (typeof token !== 'string') throw wrong('a token is a text')
  // Every sink would show it.
  if (options.token === '') throw wrong('a token is no empty text: leave it out where none is asked for')
  if (typeof handle !== 'function') throw wrong('it needs a function that handles records')
  if (by !== 'tcp' && by !== 'websocket') throw wrong("sinks come by 'tcp' or by 'websocket'")
  if (inbox !== 'memory' && typeof inbox?.path !== 'string') throw wrong("inbox is 'memory' or { path }")
  if (after !== null && inbox === 'memory') throw wrong('after counts records of an inbox on disk')
  if (after !== null && !(Number.isSafeInteger(after) && after >= 0)) throw wrong('after is the sequence of a record')
  return {
    ...{ port, host, by, token, handle, after },
    path: inbox === 'memory' ? null : inbox.path,
    remember: positive('remember', options.remember, 4_000_000, REMEMBER_MAX),
    creditBytes: positive('creditBytes', options.creditBytes, 4 << 20, CREDIT_BYTES_MAX),
  }
}

function positive(name: string, given: number | undefined, otherwise: number, most: number): number {
  if (given === undefined) return otherwise
  if (Number.isInteger(given) && given > 0 && given <= most) return given
  throw fail('E_RECEIVER_OPTIONS', { reason: `${name} is a whole number from 1 to ${most}` })
}
