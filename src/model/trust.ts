/**
 * Framings and decoders of users' own making. `customFraming` and `decoder` look after what they are given; whoever
 * writes the object itself, as its type allows, throws anything and answers anything, where a connection, or the
 * worker, would end of it.
 *
 * U1. What is made in this room is taken as it is: a look at each record would cost as much as the record.
 */
import { fail, PotorooError } from '../base/errors.ts'
import { atOnce } from '../base/promise.ts'
import { reasonOf } from '../base/reason.ts'
import type { Cuts, Decoder, Framing } from './connector.ts'
import { show } from './options.ts'

const trusted = new WeakSet<object>()

/** Takes note of what is made here (U1). */
export function trust<T extends object>(made: T): T {
  trusted.add(made)
  return made
}

/** `framing`, whose answers are looked at where it is not made here. */
export function guardFraming(framing: Framing): Framing {
  if (trusted.has(framing)) return framing
  const refused = (reason: string, cause?: unknown) =>
    fail('E_FRAMING', { offset: 0, reason: `framing ${show(framing.kind)}: ${reason}` }, cause)
  const asked = <T>(ask: () => T, thrown = () => {}): T => {
    try {
      return atOnce(ask())
    } catch (error) {
      thrown()
      throw error instanceof PotorooError ? error : refused(reasonOf(error), error)
    }
  }
  /**
   * Throws where a record from index `from` on is none, of those between `start` and `end`: then none of them counts.
   */
  const inspect = (cuts: Cuts, from: number, start: number, end: number, limit: number): void => {
    const none = (fault: Error): Error => {
      cuts.count = from
      return fault
    }
    let at = start
    for (let i = from; i < cuts.count; i++) {
      const bytes = cuts.ends[i]! - cuts.starts[i]!
      if (bytes > limit) throw none(fail('E_RECORD_TOO_LONG', { bytes, limit }))
      at = cuts.starts[i]! < at || bytes < 0 ? Infinity : cuts.ends[i]!
    }
    if (at > end) throw none(refused('it points outside its bytes'))
  }
  const { suffix } = framing
  return {
    ...framing,
    kind: String(framing.kind),
    suffix: typeof suffix === 'string' ? suffix : null,
    scan(bytes, start, end, cuts, recordBytes, look) {
      const before = cuts.count
      const next = asked(
        () => framing.scan(bytes, start, end, cuts, recordBytes, look),
        // Those in front of bytes that it refuses are records.
        () => inspect(cuts, before, start, end, recordBytes),
      )
      inspect(cuts, before, start, Number.isSafeInteger(next) && next <= end ? next : -1, recordBytes)
      return next
    },
    finish(bytes, start, end, cuts, recordBytes) {
      const before = cuts.count
      const look = () => inspect(cuts, before, start, end, recordBytes)
      const whole = asked(() => framing.finish(bytes, start, end, cuts, recordBytes), look)
      look()
      return whole
    },
    frame(record) {
      const parts: unknown = asked(() => framing.frame(record))
      // Bytes of their own: it may use the same head for the next record.
      if (Array.isArray(parts) && parts.every((part) => part instanceof Uint8Array)) return [Buffer.concat(parts)]
      throw refused('it answers no list of bytes where it frames a record')
    },
  }
}

/** `decoder`, which answers at once where it is not made here. */
export function guardDecoder<T>(decoder: Decoder<T>): Decoder<T> {
  if (trusted.has(decoder)) return decoder
  return { kind: String(decoder.kind), decode: (bytes, start, end) => atOnce(decoder.decode(bytes, start, end)) }
}
