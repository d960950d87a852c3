/**
 * Decoders: a record's bytes become a value. The value's type is where the types of a pipeline begin.
 *
 * D1. A decoder keeps nothing of the bytes that it is given: they are overwritten after the call.
 * D2. What is no valid record throws and goes to the dead letters with its bytes; nothing is replaced or guessed.
 * D3. `takes` says yes of nothing that `decode` would throw for.
 */
import { fail } from '../base/errors.ts'
import { makePacker } from '../base/pack.ts'
import { atOnce } from '../base/promise.ts'
import { reasonOf } from '../base/reason.ts'
import type { Decoder } from './connector.ts'
import { JsonText } from './json-text.ts'
import { MessagePackCheck } from './msgpack-check.ts'
import { isText, readText } from './text.ts'
import { trust } from './trust.ts'

/** Text in UTF-8; throws `E_DECODE` for bytes that are not UTF-8. */
export const utf8: Decoder<string> = trust({ kind: 'utf8', decode: readText, takes: isText })

/** A copy of the record's bytes. */
export const bytes: Decoder<Uint8Array> = trust({
  kind: 'bytes',
  decode: (record, start, end) => new Uint8Array(record.subarray(start, end)),
  takes: () => true,
})

/**
 * JSON; throws `E_DECODE` for anything else. You promise that the data have the type `T`: nothing checks it. To check,
 * use `decoder`.
 *
 * @example p.source('orders', httpSource({ port: 8080, decode: json<Order>() }))
 */
export function json<T = unknown>(): Decoder<T> {
  const text = new JsonText()
  return trust({
    kind: 'json',
    takes: (record, start, end) => text.is(record, start, end),
    decode(record, start, end) {
      const text = readText(record, start, end)
      try {
        return JSON.parse(text) as T
      } catch (error) {
        throw undecodable('JSON', error)
      }
    },
  })
}

/**
 * MessagePack with plain maps; of its extensions only timestamps. Throws `E_DECODE` for anything else, and for a field
 * named `__proto__`. You promise that the data have the type `T`: nothing checks it. To check, use `decoder`.
 *
 * @example p.source('orders', tcpSource({ port: 7001, framing: lengthPrefix(), decode: msgpack<Order>() }))
 */
export function msgpack<T = unknown>(): Decoder<T> {
  const packer = makePacker()
  const plain = new MessagePackCheck()
  return trust({
    kind: 'msgpack',
    decode(record, start, end) {
      try {
        plain.check(record, start, end)
        return packer.unpack(record, start, end) as T
      } catch (error) {
        throw undecodable('MessagePack', error)
      }
    },
  })
}

/**
 * A decoder of your own. `decode` gets one record without its frame, `bytes` from `start` to `end`, and must copy what
 * it keeps (`bytes.toString('utf8', start, end)` does). Where it throws, the record goes to the dead letters. `name` is
 * shown by `explain`. Throws `E_SETTING` where there is no function.
 *
 * @example decoder((bytes, start) => bytes.readDoubleBE(start), 'double')
 */
export function decoder<T>(
  decode: (bytes: Buffer, start: number, end: number) => T,
  name: string = decode?.name || 'custom',
): Decoder<T> {
  if (typeof decode !== 'function')
    throw fail('E_SETTING', { reason: 'decoder: give it a function that reads a record' })
  return trust({ kind: name, decode: (bytes, start, end) => atOnce(decode(bytes, start, end)) })
}

function undecodable(kind: string, error: unknown): Error {
  return fail('E_DECODE', { kind, reason: reasonOf(error) }, error)
}
