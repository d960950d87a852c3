/**
 * Every error that a person can meet, in one table: its code, what happened, and what to do about it.
 *
 * E1. A code is never reused for another meaning; docs/errors.md is generated from this table.
 * E2. `what` names the thing (file, step, port, key …), `remedy` says what to do next.
 *
 * Kinds: `user` (a pipeline, its input or a command is wrong), `operational` (the machine, the disk, the network or a
 * peer), `protocol` (another program speaks wrongly), `invariant` (a bug in Potoroo).
 */

export type ErrorKind = 'user' | 'operational' | 'protocol' | 'invariant'

/** Values that stand in an error's sentences, by name. */
export type Details = Readonly<Record<string, string | number | boolean | undefined>>

interface ErrorRow {
  readonly kind: ErrorKind
  /** One sentence; `{name}` is replaced by the detail of that name. */
  readonly what: string
  /** What the reader should do next; may use details too. */
  readonly remedy: string
}

export const errorTable = {
  // base and env
  E_DISK: {
    kind: 'operational',
    what: 'the disk failed at {operation} of {path}: {reason}',
    remedy: 'check the disk and its free space, then start the worker again',
  },
  E_DATA_LOCKED: {
    kind: 'operational',
    what: 'another worker is using the data folder {path}',
    remedy: 'stop that worker, or give this one a folder of its own with --data',
  },
  E_PORT_IN_USE: {
    kind: 'operational',
    what: 'port {port} on {host} is in use{by}',
    remedy: 'stop the program that listens there, or choose another port',
  },
  // model
  // codec
  E_DAMAGED: {
    kind: 'protocol',
    what: 'damaged bytes at offset {offset}: {reason}',
    remedy: 'send or read them again; if it recurs, check the disk and the memory of the machine, and that both ends are Potoroo',
  },
  // state
  // dataflow
  E_TOO_MANY_OUTPUTS: {
    kind: 'user',
    what: 'one record made more than {limit} outputs in step "{step}"',
    remedy: 'see the dead letter for the record; end the generator, or raise the limit maxOutputsPerRecord',
  },
  E_LINEAGE_TOO_DEEP: {
    kind: 'user',
    what: 'one record became too many records on its way to step "{step}"',
    remedy: 'split the record in fewer steps, or lower the limit maxOutputsPerRecord',
  },
  E_KEY: {
    kind: 'user',
    what: 'keyBy step "{step}" returned {got}, which cannot be a key',
    remedy: 'return a string, a number other than NaN, a bigint or a boolean',
  },
  E_KEY_TOO_LONG: {
    kind: 'user',
    what: 'keyBy step "{step}" returned a key longer than {limit} characters',
    remedy: 'use a shorter key, or raise the limit keyLength',
  },
  E_STATE_RETURNED: {
    kind: 'user',
    what: 'step "{step}" returned its own state object as a record',
    remedy: 'return a copy, such as { ...state }: the state changes later, the record must not',
  },
  E_STATE_TYPE: {
    kind: 'user',
    what: 'step "{step}" made a state that is not an object ({got})',
    remedy: 'return an object from init and give one to ctx.replace',
  },
  E_STEP_THREW: {
    kind: 'user',
    what: 'step "{step}" threw on key {key}: {reason}',
    remedy: 'see the dead letter for the record; mend the step and replay it with `potoroo dead-letters replay`',
  },
  // checkpoint
  // ingest
  // connectors
  // worker and cli
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof errorTable

/** An error of the table. `message` is the sentence with its details filled in. */
export class PotorooError extends Error {
  override readonly name = 'PotorooError'
  readonly code: ErrorCode
  readonly kind: ErrorKind
  readonly remedy: string
  readonly details: Details

  constructor(code: ErrorCode, details: Details = {}, cause?: unknown) {
    const row: ErrorRow = errorTable[code]
    super(fill(row.what, details), cause === undefined ? undefined : { cause })
    this.code = code
    this.kind = row.kind
    this.remedy = fill(row.remedy, details)
    this.details = details
  }
}

/** Makes the error `code` of the table: `throw fail('E_PORT_IN_USE', { port, host, by })`. */
export function fail(code: ErrorCode, details: Details = {}, cause?: unknown): PotorooError {
  return new PotorooError(code, details, cause)
}

function fill(sentence: string, details: Details): string {
  return sentence.replace(/\{(\w+)\}/g, (_, name: string) => String(details[name] ?? ''))
}
