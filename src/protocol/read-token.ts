/**
 * The token of an acknowledgement: with it a query waits until what was acknowledged can be seen (PROTOCOLS 16).
 *
 * T1. It names a record of a stream, which every worker understands in every generation, and nothing else: no worker,
 *     no epoch, no time. So it stays true when the producer, the stream or the key has gone to another worker.
 * T2. It covers all records of its stream up to that one. To people it is opaque text.
 */
import { fail } from '../base/errors.ts'

export interface ReadToken {
  /** `pipeline/step`, or the step alone, as the producer called it. */
  readonly source: string
  readonly producer: string
  readonly incarnation: string
  /** 0 covers nothing. */
  readonly sequence: number
}

/** Marks the form of what follows. */
const FORM = 'p1.'

export function writeToken({ source, producer, incarnation, sequence }: ReadToken): string {
  const bytes = new TextEncoder().encode(JSON.stringify([source, producer, incarnation, sequence]))
  const text = btoa(String.fromCharCode(...bytes))
  return FORM + text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** Throws `E_READ_TOKEN`. */
export function readToken(text: string): ReadToken {
  const [source, producer, incarnation, sequence] = partsOf(text)
  const named = [source, producer, incarnation].every((part) => typeof part === 'string')
  if (!named || !Number.isSafeInteger(sequence) || (sequence as number) < 0) throw wrong()
  return { source, producer, incarnation, sequence } as ReadToken
}

function partsOf(text: string): readonly unknown[] {
  if (!text.startsWith(FORM)) throw wrong()
  try {
    const inner = atob(text.slice(FORM.length).replaceAll('-', '+').replaceAll('_', '/'))
    const bytes = Uint8Array.from(inner, (letter) => letter.charCodeAt(0))
    const parts: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    return Array.isArray(parts) && parts.length === 4 ? parts : []
  } catch (error) {
    throw wrong(error)
  }
}

function wrong(cause?: unknown): Error {
  return fail('E_READ_TOKEN', { reason: 'it is none that a client or an answer has given' }, cause)
}
