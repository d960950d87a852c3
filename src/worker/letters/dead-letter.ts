/**
 * One dead letter: a record that did not get through, with all that is needed to see why and to try it again, and how
 * it lies in the store.
 *
 * Values lie in the codec of states, so that what is tried again is exactly what failed.
 */
import { ByteReader, ByteWriter } from '../../base/bytes.ts'
import { decodeValues, encodeValues } from '../../base/codec/values.ts'
import { crc32 } from '../../base/crc.ts'
import { PotorooError } from '../../base/errors.ts'
import type { Key } from '../../base/hash.ts'
import { reasonOf } from '../../base/reason.ts'
import type { Failure } from '../../dataflow/failure.ts'

/** What the step was given: a record's bytes at a source, a value further on, or words for what nothing can carry. */
export type Given =
  | { readonly kind: 'bytes'; readonly base64: string }
  | { readonly kind: 'value'; readonly base64: string }
  | { readonly kind: 'text'; readonly text: string }

export interface DeadLetter {
  /** Step, position, and what stands for split and ordinal: the same failure after a recovery has the same id. */
  readonly id: string
  /** The step that threw. */
  readonly step: string
  /** The task that the step is part of, by its step's name. */
  readonly task: string
  readonly split: string
  readonly position: number
  readonly ordinal: number
  /** Record time, in milliseconds since 1970. */
  readonly timeMs: number
  readonly given: Given
  /** Whether it can be tried again. */
  readonly again: boolean
  readonly error: { readonly code: string | null; readonly message: string; readonly stack: string }
}

/** What is kept of a stack: the lines that say where. */
const STACK_CHARACTERS = 4000
const TEXT_CHARACTERS = 4000
/** What is made room for at first: a flood of letters is of short records. */
const LETTER_BYTES = 1 << 10

/** Makes a letter of a failure in `task`, whose source is `split`. */
export function makeLetter(failure: Failure, task: string, split: string): DeadLetter {
  const { step, position, ordinal, time, error } = failure
  const given = keep(failure, step === task)
  return {
    id: `${step}-${position}-${checksum(`${split} ${ordinal}`)}`,
    ...{ step, task, split, position, ordinal, timeMs: time, given },
    again: failure.again !== false && given.kind !== 'text',
    error: describeError(error),
  }
}

function checksum(text: string): string {
  return crc32(Buffer.from(text, 'utf8')).toString(16).padStart(8, '0')
}

function keep({ given, key }: Failure, own: boolean): Given {
  // Only a source's own step is given bytes; further on they are a value like any other.
  if (own && key === undefined && Buffer.isBuffer(given)) return { kind: 'bytes', base64: given.toString('base64') }
  try {
    const writer = new ByteWriter(LETTER_BYTES)
    encodeValues(writer, [key, given], 2)
    return { kind: 'value', base64: writer.take().toString('base64') }
  } catch {
    return { kind: 'text', text: describeValue(given) }
  }
}

/** Words for a value of a user's, which may throw whatever is asked of it. */
function describeValue(value: unknown): string {
  try {
    return (JSON.stringify(value, inWords) ?? String(value)).slice(0, TEXT_CHARACTERS)
  } catch {
    return `a value of type ${typeof value} that cannot be shown`
  }
}

/** What JSON refuses or leaves out, as `content` shows it where a letter has its value (`admin/plain.ts`). */
function inWords(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`
  if (value instanceof Map) return { map: [...value] }
  if (value instanceof Set) return { set: [...value] }
  return typeof value === 'function' || typeof value === 'symbol' ? String(value) : value
}

/** What is told of an error that may be anything. */
export function describeError(error: unknown): DeadLetter['error'] {
  try {
    if (!(error instanceof Error)) return { code: null, message: describeValue(error), stack: '' }
    const code = error instanceof PotorooError ? error.code : null
    const message = code === null ? `${error.name}: ${error.message}${causesOf(error)}` : error.message
    const stack = String(error.stack ?? '')
    return { code, message: message.slice(0, TEXT_CHARACTERS), stack: stack.slice(0, STACK_CHARACTERS) }
  } catch {
    return { code: null, message: 'an error that cannot be shown', stack: '' }
  }
}

/** Causes that are told of an error. */
const CAUSES = 3

/** ` (connect ECONNREFUSED 127.0.0.1:80)`: why a `fetch` has failed only the cause of its error says. */
function causesOf(error: Error): string {
  const causes: string[] = []
  for (let { cause } = error; cause !== undefined && causes.length < CAUSES; ) {
    causes.push(reasonOf(cause))
    cause = cause instanceof Error ? cause.cause : undefined
  }
  return causes.map((cause) => ` (${cause})`).join('')
}

/** The value that the step was given, and its key where it is keyed. Not for text. */
export function contentOf(given: Given): { readonly key: Key | undefined; readonly value: unknown } {
  if (given.kind === 'text') return { key: undefined, value: given.text }
  const bytes = Buffer.from(given.base64, 'base64')
  if (given.kind === 'bytes') return { key: undefined, value: bytes }
  const pair: unknown[] = []
  decodeValues(new ByteReader(bytes), pair)
  return { key: pair[0] as Key | undefined, value: pair[1] }
}

/** About how many bytes a letter takes in memory and in the store. */
export function sizeOf({ given, error, split, step }: DeadLetter): number {
  const kept = given.kind === 'text' ? given.text.length : given.base64.length
  return 200 + kept + error.message.length + error.stack.length + split.length + step.length
}
